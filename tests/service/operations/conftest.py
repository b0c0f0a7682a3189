"""A service with one topic, its command line, and whoever listens to it; on a real mongod and the embedded log."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from contextlib import contextmanager

import pytest
import structlog

from shared import commands, consumer, mongo
from shared.consumer import Consumer, Subscription
from shared.events.cloudevents import Envelope
from shared.settings import Settings
from tests.service.spine.conftest import TOPIC, database, event_log
from tests.service.spine.tools import append

__all__ = ["database", "event_log"]

DONE = "kz.birtereze.test.thing-done.v1"


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Failures are what these tests are about, and whoever gives a command configures the log lines of the process."""
    before, level = structlog.get_config(), logging.getLogger().level
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    monkeypatch.setattr(consumer, "POLL_SECONDS", 0.1)
    yield
    structlog.configure(**before)
    logging.getLogger().setLevel(level)


@pytest.fixture
def settings(mongo_url, prefix, monkeypatch):
    """The settings, also as a process of a service would find them."""
    monkeypatch.setenv("MONGO_URL", mongo_url)
    monkeypatch.setenv("DATABASE_PREFIX", prefix)
    return Settings(mongo_url=mongo_url, database_prefix=prefix)


class Listening:
    """A service that notes what it hears, and cannot handle the keys that it is told."""

    def __init__(self) -> None:
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.failing: set[str] = set()

    def react(self, event: Envelope) -> None:
        if event.partitionkey in self.failing:
            raise RuntimeError("Айгүл")
        # as `Aggregates.react` does by `seen`
        known = self.heard[event.partitionkey]
        if not known or known[-1] < event.sequence:
            known.append(event.sequence)

    @property
    def subscription(self) -> Subscription:
        return Subscription(group="test", topics=[TOPIC], reactions={DONE: self.react})


@pytest.fixture
def listening():
    return Listening()


@pytest.fixture
def hear(listening, event_log, database):
    """Let the service hear of these events, as its worker does with one poll."""

    def hear(events: list[Envelope]) -> None:
        append(event_log, TOPIC, events)
        reader = event_log.reader("test", [TOPIC])
        found = []
        while len(found) < len(events):
            found += reader.poll(timeout=1)
        Consumer("test", listening.subscription, event_log, database).handle(found)
        reader.commit()
        reader.close()

    return hear


@pytest.fixture
def command(settings, listening):
    """The command line of the service: `command("parked", "list")` → its exit code."""

    def opened(given: Settings) -> commands.Opened:
        client = mongo.connect(given.mongo_url)
        return commands.Opened(mongo.database(client, given.database("test")), listening.subscription)

    known = commands.operations("test", opened, {})

    def command(*arguments: str) -> int:
        return commands.run("test", Settings, known, list(arguments))

    return command


@contextmanager
def working(worker: Consumer):
    """A consumer at work."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
