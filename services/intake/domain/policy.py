"""The numbers that an official may change, as the domain uses them. They are read from `policy/*.toml`, each with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.calendar import Deadlines
from shared.events import OpenItem


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`tell`: kind of danger → bodies that must be told of it. `urgent`: kinds that shorten the screening.

    `points`: reason why somebody known may be the person described → what it adds to the score (0…1).
    """

    deadlines: Deadlines
    tell: Mapping[str, tuple[str, ...]]
    urgent: frozenset[str]
    points: Mapping[str, float]

    def bodies(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """The bodies that must be told of these kinds of danger, each once."""
        return tuple(dict.fromkeys(body for kind in kinds for body in self.tell[kind]))

    def screening(self, kinds: Iterable[str]) -> str:
        """The rule by which an appeal with these kinds of danger is screened."""
        return "screening-urgent" if self.urgent.intersection(kinds) else "screening"

    def wake_at(self, items: Iterable[OpenItem]) -> datetime | None:
        """When the clock has to look at these items next."""
        times = [at for item in items if (at := self.deadlines.raise_at(item)) is not None]
        return min(times, default=None)
