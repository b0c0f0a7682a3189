"""8: the log is killed (-9) and away for a while.

Kafka: the broker. Meanwhile appeals are still acknowledged and every service is ready; within two minutes of its return all that
waited is published and read, and no process was started anew.

Embedded: the log is in the database, so the database is what is killed, each time in the moment after an acknowledgement, and then
away: requests are refused cleanly (503), and what was acknowledged before is there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import httpx

from shared import mongo
from shared.consumer import is_away
from tests.callers import until
from tests.faults import claims, scale, seen
from tests.faults.parts import SERVICES
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario
from tests.oracle import AGGREGATES

T = TypeVar("T")

DRAINED_WITHIN = 120.0
SHORTLY = 2.0


def broker(rig: Rig) -> None:
    shortly = rig.times(0, 1, scale.kills_in_one(logs=1) - 1)
    longest = scale.LONG_AWAY if rig.scale == "long" and rig.is_first else rig.times(5, 8, 8)
    with rig.slowly(scale.SLOWNESS if rig.scale == "long" else 1.0):
        for _ in range(shortly):
            _without_broker(rig, SHORTLY)
            rig.go_on(5)  # and not until it has drained: it dies again while all are busy with that
        if shortly:
            drains(rig)
        _without_broker(rig, longest)
        drains(rig)


def _without_broker(rig: Rig, seconds: float) -> None:
    before = Counter(rig.ledger.to_appeals)
    rig.kill_broker()
    _still_serves(rig, seconds)
    told = rig.ledger.to_appeals - before
    if told.keys() != {"201"}:
        rig.wrong["appeals-refused"] = f"told to new appeals, while the broker was away: {dict(told)}"
    rig.broker.start()


def database(rig: Rig) -> None:
    for away in [1.0] * rig.times(2, 1, 1) + [rig.times(3, 5, 45)]:
        rig.go_on(10)
        rig.keeper.held.add("mongod")
        rig.at_an_acknowledgement()
        rig.kill("mongod")
        time.sleep(away)  # this is the fault: how long it is away
        rig.keeper.held.discard("mongod")
        rig.wait_ready("mongod")
        drains(rig)


def _still_serves(rig: Rig, seconds: float) -> None:
    """For so long appeals are acknowledged, and everybody says that he is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rig.go_on(5, seconds=20)
        for service in SERVICES:
            answer = httpx.get(f"{rig.stack.url(service)}/{service}/readyz", trust_env=False, timeout=5)
            assert answer.status_code == 200, f"{service} is not ready while the broker is away"


def drains(rig: Rig, published_within: float = DRAINED_WITHIN) -> None:
    """What waited when the log came back is published and has taken its effects, while the load goes on."""
    begun = time.monotonic()
    back = until(lambda: _quietly(lambda: mongo.database_time(rig.world.client)), "the database answers")
    until(lambda: _quietly(lambda: not _waits(rig, back)), "what waited is published", published_within)
    published = time.monotonic() - begun
    waited = [envelope for envelope in rig.world.log() if envelope.time < back]
    until(
        lambda: not claims.unhandled(waited, seen.handled(rig.journal, rig.strangers)),
        "what waited took effect",
        DRAINED_WITHIN - published,
    )
    rig.notes.append(f"drained in {published:.1f} + {time.monotonic() - begun - published:.1f} s")


def _waits(rig: Rig, before: datetime) -> bool:
    """Whether an event of before that time is not on the log."""
    return any(
        rig.world.database(service)[name].find_one({"outbox.0.time": {"$lt": before}}, {"_id": 1})
        for service, names in AGGREGATES.items()
        for name in names
    )


def _quietly(look: Callable[[], T]) -> T | None:
    """What it gives; None while the database or the log does not answer yet."""
    try:
        return look()
    except Exception as error:
        if not is_away(error):
            raise
        return None


SCENARIOS = (
    Scenario(
        number=8,
        name="broker away",
        harm=broker,
        logs=("kafka",),
        broken={"trusting": frozenset({"order", "documents"})},
    ),
    Scenario(
        number=8,
        name="log's database away",
        harm=database,
        logs=("embedded",),
        broken={"w1": frozenset({"appeals", "referrals", "events"})},
    ),
)
