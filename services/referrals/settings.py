"""Settings of referrals: those that all services share, with the OAuth client that it is when it calls intake."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ReferralsSettings(Settings):
    """What referrals needs to know of the world around it."""

    client_id: str = "service-referrals"
    """The OAuth client that this service is when it asks intake for the client's fields."""
