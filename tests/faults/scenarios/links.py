"""9: every link between two parts fails while both of them live, by a proxy in between: delay, dropped reply, half-open, reset.

One link and one fault after the other, with the load going on. What was sent and not answered is sent again, takes effect once, and
nobody waits for ever for an answer that will not come.
"""

from __future__ import annotations

import time

from tests.callers import until
from tests.faults.proxy import FAULTS
from tests.faults.rig import Rig, Setup
from tests.faults.scenarios.scenario import on_each_log

ANSWERED = 5
"""Requests acknowledged during a fault, and again after it."""
HITS = 3
"""How often the fault has to come to pass."""
LOST_REPLIES = 4
"""How often replies are dropped in a short run: a build that does things twice is caught by the reply to a write, and once in eight
times it had met with none."""
SILENT = 2.0
"""Seconds in which nothing passes a link that is half-open."""


def harm(rig: Rig) -> None:
    for link in rig.links.names if rig.scale != "short" else ("database",):
        for fault in FAULTS:
            for _ in range(rig.times(LOST_REPLIES, 1, 1) if fault == "dropped reply" else 1):
                _once(rig, link, fault)


def _once(rig: Rig, link: str, fault: str) -> None:
    before = rig.links.hits(link, fault)

    def is_hit() -> bool:
        return rig.links.hits(link, fault) >= before + HITS

    with rig.links.harmed(link, fault):
        if fault == "half-open":
            time.sleep(SILENT)  # this is the fault: how long nothing passes
        else:
            rig.go_on(ANSWERED)
        until(is_hit, f"{fault} has hit {link} {HITS} times")
    rig.go_on(ANSWERED)
    rig.hits[f"{fault} {link}"] += rig.links.hits(link, fault) - before


SCENARIOS = on_each_log(
    {
        "embedded": {
            "no-dedupe": frozenset({"answers", "appeals", "referrals", "events", "told"}),
            "no-time-outs": frozenset({"harm", "at-rest"}),
        },
        "kafka": {},  # in a short run the one link that fails is that to the database
    },
    number=9,
    name="links fail",
    harm=harm,
    setup=Setup(through_proxies=True),
)
