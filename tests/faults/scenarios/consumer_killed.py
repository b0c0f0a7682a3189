"""3: kill -9 of a worker before and after a reaction is written, and before and after the positions are committed.

The batch is delivered again, and what had its effect already has it once.
"""

from __future__ import annotations

from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario

TARGETS = (
    ("notifications-worker", "reaction:written"),
    ("casework-worker", "reaction:before-write"),
    ("intake-worker", "consumer:handled"),
    ("notifications-worker", "consumer:handled"),
    ("casework-worker", "reaction:written"),
    ("referrals-worker", "consumer:read-models"),
    ("intake-worker", "reaction:before-write"),
    ("notifications-worker", "reaction:before-write"),
    ("casework-worker", "consumer:polled"),
    ("intake-worker", "consumer:committed"),
)


def harm(rig: Rig) -> None:
    for n in range(rig.times(3, len(TARGETS), len(TARGETS))):
        rig.hit(*TARGETS[n % len(TARGETS)])


SCENARIO = Scenario(
    number=3,
    name="consumer killed",
    harm=harm,
    broken={
        "commit-first": frozenset({"effects-in-order", "appeals", "told", "timeline"}),
        "no-dedupe": frozenset({"told"}),
    },
)
