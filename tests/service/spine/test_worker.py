"""The worker: all parts in one process, which ends when told and when one of them dies."""

from __future__ import annotations

import dataclasses
import signal
import urllib.request
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from shared import mongo
from shared.worker import log_state
from tests.conftest import free_port
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import Script, document, eventually

PROCESS = Path(__file__).with_name("worker_process.py")


@pytest.fixture
def worker(settings):
    started = []

    def start(topic: str = TOPIC, **changes) -> Script:
        changed = dataclasses.replace(settings, **changes)
        started.append(Script(PROCESS, msgspec.json.encode(changed).decode(), topic))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_carries_events_beats_shows_metrics_and_stops_when_told(
    worker, database, event_log, mongo_client, number
):
    port = free_port()
    database["cases"].insert_one(document("a", 3))
    process = worker(worker_metrics_port=port)
    assert process.line() == "working"
    eventually(lambda: database["seen"].count_documents({}) == 3)
    state = eventually(
        lambda: (state := log_state(database))["backlog"] == 0 and state["last_seen"] and state
    )
    assert abs(state["last_seen"] - mongo.database_time(mongo_client)) < timedelta(seconds=10)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        metrics = answer.read().decode()
    assert 'birtereze_relay_published_total{service="test"} 3.0' in metrics
    assert 'birtereze_consumer_handled_total{service="test"} 3.0' in metrics
    assert 'birtereze_open_items_in_breach{service="test"} 3.0' in metrics
    process.signal(number)
    assert process.process.wait(10) == 0


def test_it_ends_when_a_part_dies(worker, event_log):
    assert worker("birtereze.nowhere").process.wait(15) == 1


def test_without_a_worker_nothing_is_known_of_the_log(database):
    assert log_state(database) == {"last_seen": None, "backlog": None}
