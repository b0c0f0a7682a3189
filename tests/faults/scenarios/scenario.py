"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.rig import PLAIN, Rig, Setup

LOGS = ("embedded", "kafka")
Differences = Mapping[str, str]


def nothing_else(rig: Rig) -> Differences:
    return {}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`number`: its number in the plan. `shows`: what else does not hold, looked at when everything is at rest, the name of the check
    → what is wrong. `broken`: build → the checks of which one must find it, on the logs `broken_on` (one is enough where what these
    builds leave out does not go by the log)."""

    number: int
    name: str
    harm: Callable[[Rig], None]
    broken: Mapping[str, frozenset[str]]
    shows: Callable[[Rig], Differences] = nothing_else
    two_workers: bool = False
    setup: Setup = PLAIN
    logs: tuple[str, ...] = field(default=LOGS)
    broken_on: tuple[str, ...] = field(default=LOGS)

    def builds(self, log: str) -> list[str]:
        """The broken builds that it must catch on this log."""
        return list(self.broken) if log in self.logs and log in self.broken_on else []
