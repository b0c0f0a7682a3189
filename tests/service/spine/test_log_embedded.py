"""What only the embedded log promises: positions without holes, a lease that lasts as long as a batch, trouble told as trouble."""

from __future__ import annotations

import threading
import time

import pytest

from shared import mongo
from shared.log import LogAway, Message, embedded, open_log
from shared.settings import Settings
from tests.service.spine.tools import collect

TOPIC = "things"


@pytest.fixture
def log(mongo_url, prefix):
    log = open_log(Settings(mongo_url=mongo_url, database_prefix=prefix))
    log.create_topics([TOPIC])
    yield log
    log.close()


def test_positions_of_appenders_at_once_have_no_holes(log, mongo_url, prefix):
    logs = [log, open_log(Settings(mongo_url=mongo_url, database_prefix=prefix))]
    threads = [
        threading.Thread(
            target=lambda n=n: [
                logs[n % 2].append(TOPIC, [Message(f"{n}", {}, b"")] * size) for size in range(1, 15)
            ]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    positions = [document["_id"] for document in log.topic(TOPIC).find().sort("_id", 1)]
    logs[1].close()
    assert positions == list(range(1, 4 * sum(range(1, 15)) + 1))


def test_a_batch_may_take_longer_than_the_lease(log, monkeypatch):
    monkeypatch.setattr(embedded, "LEASE_SECONDS", 0.6)
    log.append(TOPIC, [Message("a", {}, b"")])
    busy, waiting = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    assert len(collect(busy, 1)) == 1
    end = time.monotonic() + 1.8
    while time.monotonic() < end:
        assert waiting.poll(timeout=0.1) == []
    busy.commit()
    busy.close()
    waiting.close()


def test_a_member_that_takes_too_long_loses_the_group(log, monkeypatch):
    monkeypatch.setattr(embedded, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(embedded, "HANDLING_LIMIT", 0.5)
    log.append(TOPIC, [Message("a", {}, b"")])
    stuck, waiting = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    assert len(collect(stuck, 1)) == 1
    assert len(collect(waiting, 1)) == 1
    stuck.close()
    waiting.close()


def test_a_commit_after_the_end_of_the_lease_is_good_while_nobody_took_over(log, monkeypatch):
    monkeypatch.setattr(embedded, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(embedded, "HANDLING_LIMIT", 0.0)
    log.append(TOPIC, [Message("a", {}, b"")])
    reader = log.reader("group", [TOPIC])
    assert len(collect(reader, 1)) == 1
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        time.sleep(0.05)
    reader.commit()
    reader.close()


def test_a_database_that_is_away_is_told_as_such():
    with mongo.connect("mongodb://127.0.0.1:1/?replicaSet=rs0", wait_ms=50) as client:
        log = embedded.EmbeddedLog(client["log"])
        with pytest.raises(LogAway):
            log.append(TOPIC, [Message("a", {}, b"")])
