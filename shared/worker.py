"""The worker of a service: one process with its relay, its consumer and its clock, each in a thread.

    sys.exit(run_worker("casework", settings, database, collections=[cases.collection], topic="birtereze.casework",
                        subscription=SUBSCRIPTION, schedule=SCHEDULE, breaches=store.breaches))

SIGTERM or SIGINT lets each part finish what it has in hand and ends the process within 10 s (0). A part that dies although it
should not ends the process too (1): whoever runs it starts it again, and it goes on where it was. A part that does not end in
time is left behind (1). Nothing depends on a clean end: what was half done is done again.

Every `BEAT` seconds it writes a heartbeat, `{_id: "worker", at, last_seen, backlog, parked, dead}` in `<database>.heartbeat`:
when it lived (`at`), when the log last answered (`last_seen`), how many aggregates have events that are not on the log (`backlog`).
The web process shows that in `readyz` by `log_state(database)`. Metrics: on `settings.worker_metrics_port`.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from shared import mongo, telemetry
from shared.clock import Clock, Schedule, Task
from shared.consumer import Consumer, Subscription
from shared.lease import Lease
from shared.log import Log, UnknownTopic, open_log
from shared.relay import Relay
from shared.settings import Settings

BEAT = 2.0
MEASURE_EVERY = 5.0
"""Seconds between two looks at what waits: apart from the heartbeat, for a log that is away answers slowly."""
LOOK = 0.25
"""Seconds between two looks whether a signal has come."""
STOP_WITHIN = 8.0
"""Seconds that the parts have to end: the whole process has ten."""
COUNT_BREACHES_EVERY = 60.0
RELAY_LEASE, CLOCK_LEASE = 3.0, 10.0

log_lines = telemetry.logger()


@dataclass(frozen=True)
class Part:
    """A part of the worker: a loop that runs until the event is set."""

    name: str
    run: Callable[[threading.Event], None]


def run_worker(
    service: str,
    settings: Settings,
    database: Database,
    *,
    collections: Sequence[Collection] = (),
    topic: str = "",
    subscription: Subscription | None = None,
    schedule: Schedule | None = None,
    breaches: Callable[[], int] | None = None,
) -> int:
    """Run the parts that there is something for, until a signal comes or one dies. Returns the exit code.

    `collections`: those of the service's aggregate stores, whose events go to `topic`. `breaches` counts open items without an
    owner, a next action or a due time; it is shown as a metric.
    """
    telemetry.configure(service, settings.log_level)
    telemetry.serve_metrics(settings.worker_metrics_port)
    log = open_log(settings)
    relay = consumer = None
    parts = []
    if collections:
        relay = Relay(
            service, collections, topic, log, Lease(database["leases"], "relay", seconds=RELAY_LEASE)
        )
        parts.append(Part("relay", relay.run))
    if subscription is not None:
        consumer = Consumer(service, subscription, log, database)
        parts.append(Part("consumer", consumer.run))
        parts.append(Part("watch", lambda stop: _measure_on(stop, consumer)))
    schedule = _with_breaches(service, schedule or Schedule(), breaches)
    if schedule.stores or schedule.tasks:
        clock = Clock(service, schedule, database, Lease(database["leases"], "clock", seconds=CLOCK_LEASE))
        parts.append(Part("clock", clock.run))
    parts.append(Part("heartbeat", lambda stop: _beat_on(stop, database, relay, consumer)))
    try:
        return run_parts(parts)
    finally:
        _close(log)


def log_state(database: Database) -> dict[str, Any]:
    """`{last_seen, backlog}` of the worker's last heartbeat; None where there was none. Errors of the database pass through."""
    beat = database["heartbeat"].find_one({"_id": "worker"}) or {}
    return {"last_seen": beat.get("last_seen"), "backlog": beat.get("backlog")}


def run_parts(parts: Sequence[Part]) -> int:
    """Run each part in a thread until a signal comes (0) or one dies (1). Called by the main thread, which does nothing else."""
    stop = threading.Event()
    died: list[str] = []
    threads = [
        threading.Thread(target=_guarded, args=(part, stop, died), name=part.name, daemon=True)
        for part in parts
    ]
    with _signals() as received:
        for thread in threads:
            thread.start()
        log_lines.info("worker: started", parts=[part.name for part in parts])
        while not received and not stop.wait(LOOK):
            pass
        stop.set()
        end = time.monotonic() + STOP_WITHIN
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    log_lines.info("worker: stopped", died=died, left_behind=late)
    if late:  # it hangs in a database that does not answer, where closing anything would hang too
        os._exit(1)
    return 1 if died else 0


def _guarded(part: Part, stop: threading.Event, died: list[str]) -> None:
    """Run a part; if it ends before it was told to, so does the worker."""
    try:
        part.run(stop)
    except UnknownTopic as mistake:  # in the set-up: its text tells all
        log_lines.critical("worker: a part died", part=part.name, reason=str(mistake))
        died.append(part.name)
    except BaseException as error:
        log_lines.critical("worker: a part died", part=part.name, exc_info=error)
        died.append(part.name)
    else:
        if not stop.is_set():
            log_lines.critical("worker: a part ended by itself", part=part.name)
            died.append(part.name)
    finally:
        stop.set()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals to end that have come. A handler may not set an Event: its lock may be held by whom it interrupts."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _measure_on(stop: threading.Event, consumer: Consumer) -> None:
    while not stop.is_set():
        consumer.measure()
        stop.wait(MEASURE_EVERY)


def _beat_on(
    stop: threading.Event, database: Database, relay: Relay | None, consumer: Consumer | None
) -> None:
    while True:
        try:
            _beat(database, relay, consumer)
        except Exception as error:  # the database is away: the heartbeat that is missing says so
            log_lines.warning("worker: no heartbeat", exc_info=error)
        if stop.wait(BEAT):
            return


def _beat(database: Database, relay: Relay | None, consumer: Consumer | None) -> None:
    now = mongo.database_time(database.client)
    parked, dead = consumer.parking.counts() if consumer else (0, 0)
    database["heartbeat"].replace_one(
        {"_id": "worker"},
        {
            "_id": "worker",
            "at": now,
            "last_seen": _last_seen(now, relay, consumer),
            "backlog": relay.backlog() if relay else 0,
            "parked": parked,
            "dead": dead,
        },
        upsert=True,
    )


def _last_seen(now: datetime, relay: Relay | None, consumer: Consumer | None) -> datetime | None:
    """When the log last answered, on the database's clock."""
    times = [part.last_seen for part in (relay, consumer) if part and part.last_seen is not None]
    return now - timedelta(seconds=time.monotonic() - max(times)) if times else None


def _with_breaches(service: str, schedule: Schedule, breaches: Callable[[], int] | None) -> Schedule:
    if breaches is None:
        return schedule
    gauge = telemetry.gauge(
        "birtereze_open_items_in_breach", "Open items without owner, next action or due time.", ("service",)
    ).labels(service)

    def count(now: datetime) -> None:
        try:
            gauge.set(breaches())
        except Exception:
            gauge.set(float("nan"))  # not known is not zero
            raise

    task = Task(name="breaches", every=COUNT_BREACHES_EVERY, run=count)
    return Schedule(stores=schedule.stores, tick=schedule.tick, tasks=[*schedule.tasks, task])


def _close(log: Log) -> None:
    try:
        log.close()
    except Exception as error:
        log_lines.info("worker: log not closed", exc_info=error)
