"""2: kill -9 of a worker before it publishes, after the log's acknowledgement, and with a half of it removed from the outboxes.

What was acknowledged and not removed is published again: a repeat, which takes no effect.
"""

from __future__ import annotations

from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario

POINTS = ("relay:acknowledged", "relay:half-removed", "relay:before-append")
"""In this order, service after service: whoever has just been killed comes back to a backlog, of which a half can be removed."""
SERVICES = ("intake", "casework", "notifications", "referrals")
TARGETS = [(f"{service}-worker", point) for point in POINTS for service in SERVICES]


def harm(rig: Rig) -> None:
    for n in range(rig.times(3, len(TARGETS), len(TARGETS))):
        rig.hit(*TARGETS[n % len(TARGETS)])


SCENARIO = Scenario(
    number=2,
    name="relay killed",
    harm=harm,
    broken={
        "two-in-flight": frozenset({"order"}),
        "no-dedupe": frozenset({"told"}),
    },
)
