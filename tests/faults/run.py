"""One run: a scenario on a rig, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.embedded.trouble import Trouble
from tests.faults import seen
from tests.faults.desk import LetGo
from tests.faults.orders import NotPut
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario

REST_SECONDS = 120.0
"""How long the product may take to come to rest after the faults."""
REST_SECONDS_BROKEN = 25.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """`kills`: kill -9 by the kind of process. `found`: what did not hold, by the name of the check. `broken`: how often the build's
    mistake was made."""

    scenario: Scenario
    log: str
    build: str
    seed: int
    hits: dict[str, int]
    kills: dict[str, int]
    acknowledged: int
    sent_again: int
    events: int
    repeats: int
    sms: int
    found: dict[str, str]
    broken: int
    seconds: float
    notes: list[str] = field(default_factory=list)
    is_aborted: bool = False
    """The harness itself did not come to an end: nothing was shown, neither way."""

    @property
    def is_good(self) -> bool:
        """An honest build has no difference; a broken one was caught by a check that is there to catch it."""
        if self.is_aborted:
            return False
        if self.build == "honest":
            return not self.found
        return bool(self.broken and self.scenario.broken[self.build] & self.found.keys())

    @property
    def verdict(self) -> str:
        if self.is_aborted:
            return "ABORTED"
        if self.build == "honest":
            return "green" if self.is_good else f"RED: {', '.join(self.found)}"
        return f"red, as it must: {', '.join(self.found)}" if self.is_good else "NOT CAUGHT"


def run(rig: Rig, scenario: Scenario, events: int = 0) -> Result:
    """Let the scenario happen under load, again until there are so many events, and look at what there is at rest."""
    begun = time.monotonic()
    rig.begin()
    sent_again = len(rig.ledger.sent_again())
    before, found = seen.counted(rig.world), {}
    if scenario.two_workers:
        rig.second_workers.begin()
    try:
        with rig.load():
            scenario.harm(rig)
            while seen.counted(rig.world)["events"] - before["events"] < events:
                scenario.harm(rig)
    except (NotPut, AssertionError, Trouble, LetGo) as error:
        found["harm"] = str(error)
    finally:
        rig.second_workers.end()
    differences, counted = rig.differences(_rest_seconds(scenario, rig.build, found))
    found |= rig.wrong | differences
    found |= scenario.shows(rig)
    return Result(
        scenario=scenario,
        log=rig.log,
        build=rig.build,
        seed=rig.seed,
        hits=dict(rig.hits),
        kills=dict(rig.kills),
        acknowledged=len(rig.ledger.done) - rig.begun_with,
        sent_again=len(rig.ledger.sent_again()) - sent_again,
        **{name: number - before[name] for name, number in counted.items()},
        found=found,
        broken=rig.journal.mistakes(),
        seconds=time.monotonic() - begun,
        notes=list(rig.notes),
    )


def _rest_seconds(scenario: Scenario, build: str, found: Mapping[str, str]) -> float:
    """A broken build need not be waited for so long, unless that it does not come to rest is what shows that it is broken."""
    caught_by = scenario.broken.get(build, frozenset())
    is_to_show = "at-rest" in caught_by and not caught_by & found.keys()
    return REST_SECONDS if build == "honest" or is_to_show else REST_SECONDS_BROKEN


def aborted(scenario: Scenario, log: str, build: str, seed: int, trace: str) -> Result:
    """A run that the harness could not bring to its end: one of many in two hours must not take the others with it."""
    return Result(
        scenario=scenario,
        log=log,
        build=build,
        seed=seed,
        hits={},
        kills={},
        acknowledged=0,
        sent_again=0,
        events=0,
        repeats=0,
        sms=0,
        found={},
        broken=0,
        seconds=0.0,
        notes=trace.splitlines(),
        is_aborted=True,
    )
