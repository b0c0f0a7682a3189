"""What is told of a batch that did not go through, and what a log leaves behind that is closed or finds no broker."""

from __future__ import annotations

import threading

import pytest

from shared.log import LogAway, Message, kafka_client
from shared.log.kafka import KafkaLog
from tests.conftest import free_port
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import by_key, collect

TOO_LARGE = bytes(2 * 1024 * 1024)


def test_of_a_batch_that_fails_on_the_way_only_what_is_acknowledged_is_named(log):
    batch = [
        Message("a", {}, b"1"),
        Message("b", {}, TOO_LARGE),
        Message("a", {}, b"2"),
        Message("c", {}, b"1"),
    ]
    assert log.append(TOPIC, batch) == [0]
    assert log.append(TOPIC, batch[2:]) == [0, 1]
    read = by_key(delivery.message for deliveries in log.read(TOPIC) for delivery in deliveries)
    assert read == {"a": [b"1", b"2"], "c": [b"1"]}


def test_nothing_of_a_key_is_written_after_what_failed(log):
    batch = [Message("a", {}, b"1"), Message("a", {}, TOO_LARGE), Message("a", {}, b"3")]
    assert log.append(TOPIC, batch) == [0]
    assert [d.message.value for deliveries in log.read(TOPIC) for d in deliveries] == [b"1"]


def test_a_batch_of_which_nothing_is_acknowledged_raises(log):
    with pytest.raises(LogAway, match="MessageSizeTooLarge"):
        log.append(TOPIC, [Message("a", {}, TOO_LARGE)])


def test_a_log_that_finds_no_broker_is_away_and_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(kafka_client, "CONNECT_SECONDS", 0.2)
    before = set(threading.enumerate())
    log = KafkaLog(f"127.0.0.1:{free_port()}", "", partitions=1, replication=1)
    uses = [
        lambda: log.append(TOPIC, [Message("a", {}, b"")]),
        lambda: log.reader("group", [TOPIC]),
        lambda: log.create_topics([TOPIC]),
        lambda: log.read(TOPIC),
        lambda: log.lag("group", [TOPIC]),
        lambda: log.rewind("group"),
    ]
    for use in uses:
        with pytest.raises(LogAway):
            use()
    log.close()
    assert set(threading.enumerate()) == before


def test_what_is_closed_leaves_no_thread(settings):
    before = set(threading.enumerate())
    log = KafkaLog(settings.kafka_bootstrap, settings.database_prefix, 1, 1)
    log.create_topics([TOPIC])
    log.append(TOPIC, [Message("a", {}, b"")])
    reader = log.reader("group", [TOPIC])
    collect(reader, 1)
    assert len(list(log.read(TOPIC))) == 1
    reader.close()
    log.close()
    assert set(threading.enumerate()) == before
