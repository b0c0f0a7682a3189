"""What falls due, at its time: looks at aggregates whose `wake_at` has passed, and does things that recur.

    schedule = Schedule(
        stores=[cases],
        tick=tick,                                              # (store, id, now) -> None
        tasks=[Task(name="breaches", every=60, run=count_breaches)],
    )
    Clock("casework", schedule, database, Lease(database["leases"], "clock")).run(stop)

`wake_at` of an aggregate is saved with it (see `shared.aggregate`), so a due time cannot be forgotten by a restart: the index is
looked at every second, the earliest first. `tick` decides what happens then, usually by `store.tick(id, decide)`, which also moves
`wake_at` on. `now` is the database's time: a process with a wrong clock raises nothing early and nothing late.

One aggregate that fails (or that `tick` leaves due) is left alone for a while, with growing pauses, and does not keep the others
waiting. One process at a time does this, by a lease; two at once would do no harm, for each write is guarded by `version`.
The database away: everything waits, and no aggregate is blamed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from shared import mongo, telemetry
from shared.aggregate import Aggregates
from shared.lease import Lease

EVERY = 1.0
"""Seconds between two looks at what is due."""
AT_ONCE = 100
"""Aggregates of one store that are taken in one look."""
REST = 1.0
"""Seconds for which an aggregate is left alone after its tick: one that stays due must not take the place of others."""
LONGEST_REST = 300.0
STANDBY = 0.5
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
FORGET = 3600.0
"""Seconds after which the failures of an aggregate that is not due any more are forgotten."""

log_lines = telemetry.logger()
ticks = telemetry.counter(
    "birtereze_clock_ticks_total", "Aggregates that the clock looked at.", ["service", "subject", "outcome"]
)
late = telemetry.gauge(
    "birtereze_clock_late_seconds",
    "How long the earliest due aggregate has been due.",
    ["service", "subject"],
)
task_failures = telemetry.counter(
    "birtereze_clock_task_failures_total", "Recurring tasks that failed.", ["service", "task"]
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Something to do every `every` seconds; `run` gets the database's time."""

    name: str
    every: float
    run: Callable[[datetime], Any]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What the clock of a service looks after. `tick` is called with the store, the aggregate's id and the time."""

    stores: Sequence[Aggregates] = ()
    tick: Callable[[Aggregates, str, datetime], Any] = lambda store, id, now: None
    tasks: Sequence[Task] = ()


@dataclass(frozen=True)
class _Resting:
    """An aggregate that is left alone until `until` (monotonic), having failed `failures` times running."""

    until: float
    failures: int


class Clock:
    """The clock of one service."""

    def __init__(self, service: str, schedule: Schedule, database: Database, lease: Lease) -> None:
        self._service = service
        self._schedule = schedule
        self._client = database.client
        self._lease = lease
        self._resting: dict[tuple[str, str], _Resting] = {}
        self._next_run = {task.name: 0.0 for task in schedule.tasks}

    def run(self, stop: threading.Event) -> None:
        """Do what is due until `stop` is set, whatever fails."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            try:
                if not self._lease.hold():
                    self._know_nothing()
                    stop.wait(STANDBY)
                    continue
                more = self.look(stop)
                pause = FIRST_PAUSE
                if not more:
                    stop.wait(EVERY)
            except Exception as error:
                self._know_nothing()
                log_lines.warning("clock: could not look at what is due", exc_info=error)
                stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        self._give_back()

    def look(self, stop: threading.Event) -> bool:
        """Do what is due now. Returns whether there may be more."""
        now = mongo.database_time(self._client)
        more = False
        for store in self._schedule.stores:
            due = self._due(store, now)
            more = more or len(due) == AT_ONCE
            for id in due:
                if stop.is_set() or not self._lease.hold():
                    return False
                self._tick(store, id, now)
        for task in self._schedule.tasks:
            if not stop.is_set() and time.monotonic() >= self._next_run[task.name]:
                self._run_task(task, now)
        return more

    def _due(self, store: Aggregates, now: datetime) -> list[str]:
        found = store.collection.find(
            # $type, so that the partial index is used
            {"wake_at": {"$type": "date", "$lte": now}, "_id": {"$nin": self._left_alone(store)}},
            {"wake_at": 1},
        )
        due = list(found.sort("wake_at", 1).limit(AT_ONCE))
        lateness = (now - due[0]["wake_at"]).total_seconds() if due else 0.0
        late.labels(self._service, store.subject).set(lateness)
        return [document["_id"] for document in due]

    def _left_alone(self, store: Aggregates) -> list[str]:
        at = time.monotonic()
        self._resting = {
            key: resting
            for key, resting in self._resting.items()
            if resting.until > at or (resting.failures and resting.until > at - FORGET)
        }
        return [
            id
            for (subject, id), rest in self._resting.items()
            if subject == store.subject and rest.until > at
        ]

    def _tick(self, store: Aggregates, id: str, now: datetime) -> None:
        key = (store.subject, id)
        try:
            with telemetry.continue_trace(None):
                self._schedule.tick(store, id, now)
        except Exception as error:
            if mongo.is_away(error):
                raise
            ticks.labels(self._service, store.subject, "failed").inc()
            log_lines.error("clock: an aggregate failed", subject=store.subject, aggregate=id, exc_info=error)
            failures = self._resting[key].failures + 1 if key in self._resting else 1
            rest = min(REST * 2 ** min(failures, 20), LONGEST_REST)
            self._resting[key] = _Resting(time.monotonic() + rest, failures)
        else:
            ticks.labels(self._service, store.subject, "done").inc()
            self._resting[key] = _Resting(time.monotonic() + REST, 0)

    def _run_task(self, task: Task, now: datetime) -> None:
        self._next_run[task.name] = time.monotonic() + task.every
        try:
            with telemetry.continue_trace(None):
                task.run(now)
        except Exception as error:
            task_failures.labels(self._service, task.name).inc()
            log_lines.error("clock: a task failed", task=task.name, exc_info=error)

    def _know_nothing(self) -> None:
        """Whoever does not look does not know how late anything is, and what he knew before is no news."""
        for store in self._schedule.stores:
            late.labels(self._service, store.subject).set(float("nan"))

    def _give_back(self) -> None:
        try:
            self._lease.release()
        except Exception as error:  # it runs out by itself
            log_lines.info("clock: lease not given back", exc_info=error)
