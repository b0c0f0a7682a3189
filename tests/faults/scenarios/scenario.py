"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.rig import PLAIN, Rig, Setup

LOGS = ("embedded", "kafka")
Differences = Mapping[str, str]


def nothing_else(rig: Rig) -> Differences:
    return {}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`number`: its number in the plan. `shows`: what else does not hold, looked at when everything is at rest, the name of the check
    → what is wrong. `broken`: build → the checks of which one must find it."""

    number: int
    name: str
    harm: Callable[[Rig], None]
    broken: Mapping[str, frozenset[str]]
    shows: Callable[[Rig], Differences] = nothing_else
    two_workers: bool = False
    setup: Setup = PLAIN
    logs: tuple[str, ...] = field(default=LOGS)


def on_each_log(broken: Mapping[str, Mapping[str, frozenset[str]]], **same: Any) -> tuple[Scenario, ...]:
    """A scenario once for each log, with its own broken builds there: what a build leaves out need not go by every log, and on one
    that it does not go by it shows nothing more."""
    return tuple(Scenario(logs=(log,), broken=builds, **same) for log, builds in broken.items())
