"""What is done to a stack, and what it must bear: one module for each scenario, one list of them here.

A scenario is data (`Scenario`): `harm` does it, while the load is on; what must hold afterwards is the same for all
(`Rig.differences`), and `shows` adds what only this one can show. `broken` names the builds (`inside/builds.py`) that leave out
what the scenario is about: run on one of them it must find one of the differences named, or the scenario shows nothing.

A further scenario is a module beside these and a line below.
"""

from __future__ import annotations

from tests.faults.scenarios import (
    consent_withdrawn,
    consumer_killed,
    disk_full,
    intake_away,
    links,
    log_away,
    mongod_killed,
    one_family,
    paused,
    poison,
    relay_killed,
    stream_lost,
    two_relays,
    web_killed,
)
from tests.faults.scenarios.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    web_killed.SCENARIO,
    relay_killed.SCENARIO,
    consumer_killed.SCENARIO,
    paused.SCENARIO,
    two_relays.SCENARIO,
    mongod_killed.SCENARIO,
    *log_away.SCENARIOS,
    poison.SCENARIO,
    one_family.SCENARIO,
    *disk_full.SCENARIOS,
    intake_away.SCENARIO,
    consent_withdrawn.SCENARIO,
    *stream_lost.SCENARIOS,
    *links.SCENARIOS,
)
