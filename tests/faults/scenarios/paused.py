"""4: a worker stands still (SIGSTOP) with a batch in hand until another one has taken over, and then goes on.

The other one handles what was in hand; the old owner, continued, handles it again and adds nothing, and its commit is refused.
"""

from __future__ import annotations

from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario

POINTS = ("consumer:polled", "reaction:before-write", "consumer:handled")
PAUSE = {"embedded": 4.5, "kafka": 8.5}
"""Seconds: past the lease of 3 s, and past the session of 6 s after which a broker gives a silent member's partitions to another."""


def harm(rig: Rig) -> None:
    for n in range(rig.times(1, 2, 3)):
        services = ("notifications", "casework", "intake")
        rig.stop(
            {service: POINTS[(n + i) % len(POINTS)] for i, service in enumerate(services)}, PAUSE[rig.log]
        )
        rig.go_on(5)


def shows(rig: Rig) -> Differences:
    refused = sum(line.what == "fenced" for line in rig.journal.lines())
    rig.notes.append(f"{refused} late commits refused")
    return {} if refused else {"fenced": "no late commit was refused: nobody had taken over"}


SCENARIO = Scenario(
    number=4,
    name="worker paused",
    harm=harm,
    shows=shows,
    two_workers=True,
    broken={"no-dedupe": frozenset({"told"})},
)
