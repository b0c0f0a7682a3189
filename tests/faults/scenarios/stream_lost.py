"""15: what a change stream stood at is gone from the oplog, for a relay that waits in it and for one that was not there.

A relay keeps no token: each wait has a stream of its own, which only wakes (`shared/news.py`). So the one way in which a place in it can
be lost is that a worker stands still in the middle of a wait (SIGSTOP) until the oplog has rolled over, which is small here. Another
worker is dead meanwhile. Continued, and started again, both go on from the index, at once.
"""

from __future__ import annotations

import os

from shared import mongo
from tests.callers import until
from tests.faults.rig import Rig, Setup
from tests.faults.scenarios.log_away import drains
from tests.faults.scenarios.scenario import Differences, on_each_log

PUBLISHED_WITHIN = 20.0
"""Seconds; a relay that was dead starts in that time, and one that stood still takes its lease again."""
WAITS = ("casework", "notifications", "intake")
DEAD = "referrals-worker"
OPLOG = ("--oplogSize", "8", "--syncdelay", "1")
"""Megabytes, and seconds between two checkpoints: what no checkpoint holds yet stays in the oplog."""
FILLING = 200_000


def harm(rig: Rig) -> None:
    for _ in range(rig.times(1, 2, 3)):
        rig.keeper.held.add(DEAD)
        rig.kill(DEAD)
        with rig.stopped(dict.fromkeys(WAITS, "relay:waiting")):
            rig.go_on(15)
            _roll_over(rig)
        rig.keeper.held.discard(DEAD)
        drains(rig, PUBLISHED_WITHIN)
        rig.go_on(15)


def _roll_over(rig: Rig) -> None:
    """Write until nothing of what has been written before is in the oplog."""
    client = rig.world.client
    now = client.admin.command("hello")["operationTime"]
    filling = mongo.database(client, "faults")["filling"]

    def is_gone() -> bool:
        filling.insert_many([{"bytes": os.urandom(FILLING)} for _ in range(5)])
        return client.local["oplog.rs"].find_one(sort=[("$natural", 1)])["ts"] > now

    until(is_gone, "the oplog has rolled over")
    filling.drop()


def shows(rig: Rig) -> Differences:
    lost = [line for line in rig.journal.lines() if (line.what, line.point) == ("lost", "relay:waiting")]
    rig.notes.append(f"{len(lost)} relays lost their place in a change stream")
    return (
        {} if lost else {"stream": "no relay lost its place in a change stream: nothing was put to the test"}
    )


SCENARIOS = on_each_log(
    {
        "embedded": {"by-stream": frozenset({"documents"})},
        "kafka": {},  # what wakes a relay is the database's, whatever log it carries to
    },
    number=15,
    name="change stream lost",
    harm=harm,
    shows=shows,
    setup=Setup(mongod_options=OPLOG),
)
