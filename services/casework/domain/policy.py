"""The numbers that an official may change, as the domain takes them: deadlines and levels. They are read from `policy/*.toml`."""

from __future__ import annotations

from dataclasses import dataclass

from services.casework.domain.levels import Levels
from shared.calendar import Deadlines


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Deadlines with the working calendar, and the levels of wellbeing."""

    deadlines: Deadlines
    levels: Levels
