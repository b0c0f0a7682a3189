"""Settings of casework: those that all services share. It calls nobody, so it needs none of its own."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class CaseworkSettings(Settings):
    """What casework needs to know of the world around it."""
