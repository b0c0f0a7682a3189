"""5: two relays of a service at once: one stands still in the middle of a round, another one takes over, and the first goes on.

With the events in hand it appends them a second time, late; without, it removes what is gone. Nothing is lost, nothing new comes
before its turn.
"""

from __future__ import annotations

from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario

PAUSE = 4.5
"""Seconds: past the relay's lease of 3 s."""


def harm(rig: Rig) -> None:
    for n in range(rig.times(1, 2, 3)):
        first, second = [
            ("relay:before-append", "relay:acknowledged"),
            ("relay:acknowledged", "relay:before-append"),
        ][n % 2]
        rig.stop({"intake": first, "casework": second, "notifications": first}, PAUSE)
        rig.go_on(5)


def shows(rig: Rig) -> Differences:
    log = rig.world.log()
    repeats = len(log) - len({envelope.id for envelope in log})
    return {} if repeats else {"two-relays": "nothing was published twice: there were never two at once"}


SCENARIO = Scenario(
    number=5,
    name="two relays",
    harm=harm,
    shows=shows,
    two_workers=True,
    broken={"two-in-flight": frozenset({"order"})},
)
