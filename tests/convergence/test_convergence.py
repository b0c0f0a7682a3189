"""Messages that are delivered twice, late, out of order between keys and after deaths lead to the same state.

    CONVERGENCE_EXAMPLES=1000 python -m pytest -q tests/convergence        # histories that nobody has seen before

Without the variable it is always the same few histories, so that a change that has nothing to do with it does not fail by chance.
"""

from __future__ import annotations

import os
from functools import partial

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.machine import HISTORIES, Convergence

EXAMPLES = int(os.environ.get("CONVERGENCE_EXAMPLES", "0"))
HAPPEN = frozenset(
    {
        *("intake.appeal-closed.v1", "intake.family-danger-changed.v1", "casework.case-opened.v1"),
        *("casework.case-assigned.v1", "casework.measure-referred.v1", "casework.measure-cancelled.v1"),
        *("casework.case-closed.v1", "referrals.referral-accepted.v1", "referrals.referral-rejected.v1"),
        *(
            "referrals.referral-assigned.v1",
            "notifications.message-sent.v1",
            "notifications.message-suppressed.v1",
        ),
        *("published, and not pulled", "delivered, not committed", "delivered again", "rewound", "died"),
    }
)
"""What some history of the usual run has to have seen: else it shows little."""


def test_whatever_happens_on_the_way_it_ends_the_same(world):
    world.count.clear()
    for _ in range(max(1, EXAMPLES // HISTORIES.max_examples)):
        run_state_machine_as_test(
            partial(Convergence, world), settings=settings(HISTORIES, derandomize=not EXAMPLES)
        )
    print(*(f"{count:7} {what}" for what, count in sorted(world.count.items())), sep="\n")
    never = HAPPEN - {what.split(" at ")[0] for what in world.count}
    assert not never, f"it never happened: {never}"
