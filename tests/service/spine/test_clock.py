"""The clock: what is due is looked at, the earliest first, and nobody's failure keeps the others waiting."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from shared import clock as clock_module
from shared import mongo
from shared.aggregate import Aggregates
from shared.clock import Clock, Schedule, Task
from shared.lease import Lease
from tests.service.spine.tools import eventually


@dataclass(frozen=True)
class Thing:
    wake_at: datetime | None = None


@pytest.fixture
def things(database):
    store = Aggregates(database["things"], Thing, service="test", subject="thing")
    store.ensure_indexes()
    return store


@pytest.fixture
def now(mongo_client):
    return mongo.database_time(mongo_client)


@contextmanager
def running(database, schedule: Schedule):
    clock = Clock("test", schedule, database, Lease(database["leases"], "clock", seconds=2))
    stop = threading.Event()
    thread = threading.Thread(target=clock.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def insert(things: Aggregates, ids: list[str], wake_at: datetime) -> None:
    things.collection.insert_many([{"_id": id, "version": 1, "wake_at": wake_at} for id in ids])


def sleep_on(things: Aggregates, id: str) -> None:
    things.collection.update_one({"_id": id}, {"$set": {"wake_at": None}})


def test_what_is_due_is_looked_at_and_what_is_not_waits(database, things, now):
    insert(things, ["due"], now - timedelta(minutes=1))
    insert(things, ["later"], now + timedelta(hours=1))
    things.collection.insert_one({"_id": "never", "version": 1, "wake_at": None})
    seen = []

    def tick(store: Aggregates, id: str, at: datetime) -> None:
        seen.append((store, id, at))
        sleep_on(store, id)

    with running(database, Schedule(stores=[things], tick=tick)):
        eventually(lambda: seen)
        insert(things, ["second"], now)
        eventually(lambda: len(seen) == 2)
    assert [(store, id) for store, id, _ in seen] == [(things, "due"), (things, "second")]
    assert abs(seen[0][2] - now) < timedelta(minutes=1)


def test_the_earliest_comes_first(database, things, now):
    for minutes in (5, 30, 10):
        insert(things, [f"due-{minutes}"], now - timedelta(minutes=minutes))
    seen = []
    with running(
        database, Schedule(stores=[things], tick=lambda store, id, at: seen.append(id) or sleep_on(store, id))
    ):
        eventually(lambda: len(seen) == 3)
    assert seen == ["due-30", "due-10", "due-5"]


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "stays due"])
def test_bad_ones_do_not_starve_the_others_and_are_tried_again(database, things, now, monkeypatch, fails):
    monkeypatch.setattr(clock_module, "AT_ONCE", 5)
    insert(things, [f"bad-{n}" for n in range(12)], now - timedelta(hours=1))
    insert(things, [f"good-{n}" for n in range(12)], now - timedelta(minutes=1))
    seen = []

    def tick(store: Aggregates, id: str, at: datetime) -> None:
        seen.append(id)
        if id.startswith("good"):
            sleep_on(store, id)
        elif fails:
            raise ValueError(id)

    with running(database, Schedule(stores=[things], tick=tick)):
        eventually(lambda: {f"good-{n}" for n in range(12)} <= set(seen))
        eventually(lambda: seen.count("bad-0") >= 2)
    assert all(seen.count(f"good-{n}") == 1 for n in range(12))


def test_one_that_fails_is_left_alone_longer_and_longer(database, things, now, monkeypatch):
    monkeypatch.setattr(clock_module, "EVERY", 0.02)
    insert(things, ["bad"], now)
    seen = []

    def tick(store: Aggregates, id: str, at: datetime) -> None:
        seen.append(at)
        raise ValueError

    with running(database, Schedule(stores=[things], tick=tick)):
        eventually(lambda: len(seen) == 4)
    pauses = [(after - before).total_seconds() for before, after in itertools.pairwise(seen)]
    assert pauses[0] >= 0.15
    assert pauses[1] >= 0.35
    assert pauses[2] >= 0.7


def test_of_two_clocks_one_is_at_work(database, things, now):
    seen = []
    schedule = Schedule(
        tasks=[Task(name="count", every=0.01, run=lambda at: seen.append(threading.get_ident()))]
    )
    with running(database, schedule), running(database, schedule):
        eventually(lambda: len(seen) >= 3)
    assert len(set(seen)) == 1


def test_tasks_recur_and_one_that_fails_does_not_stop_the_others(database, now):
    done = []

    def fail(at: datetime) -> None:
        done.append("failed")
        raise ValueError

    tasks = [
        Task(name="bad", every=0.1, run=fail),
        Task(name="good", every=0.1, run=lambda at: done.append(at)),
    ]
    with running(database, Schedule(tasks=tasks)):
        eventually(lambda: done.count("failed") >= 2 and len(done) - done.count("failed") >= 2)
    assert all(abs(at - now) < timedelta(minutes=1) for at in done if at != "failed")


def test_the_index_is_used(things, now):
    insert(things, ["due"], now)
    query = {"wake_at": {"$type": "date", "$lte": now}, "_id": {"$nin": ["x"]}}
    plan = things.collection.find(query).sort("wake_at", 1).limit(5).explain()
    assert "'indexName': 'wake_at'" in str(plan["queryPlanner"]["winningPlan"])
