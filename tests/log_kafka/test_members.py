"""Members of a group share a topic: they come and go, are killed or too slow, and nothing is lost or skipped."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from shared import log as port
from shared.log import Delivery, Fenced, Message, kafka_reader
from shared.log.kafka import KafkaLog
from shared.log.kafka_client import ask
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import append, collect, envelope, eventually, sequence

PROCESS = Path(__file__).with_name("member_process.py")
TAKE_OVER = 10.0
KEYS = [f"thing-{n}" for n in range(40)]


def numbered(count: int) -> list[Message]:
    return [Message(f"{n}", {}, b"%d" % n) for n in range(count)]


def test_what_a_killed_member_left_another_one_does_and_every_effect_is_there_once(
    log, settings, script, database
):
    members = [script(PROCESS, settings, TOPIC) for _ in range(2)]
    eventually(lambda: shares(settings, "test") == 2, within=30)
    for number in range(1, 4):
        append(log, TOPIC, [envelope(key, number) for key in KEYS])
    eventually(lambda: database["members"].count_documents({}) == 2)
    members[0].signal(signal.SIGKILL)
    for number in range(4, 7):
        append(log, TOPIC, [envelope(key, number) for key in KEYS])
    complete = {"_id": {"$in": KEYS}, "sequences.5": {"$exists": True}}
    eventually(lambda: database["trails"].count_documents(complete) == len(KEYS), within=TAKE_OVER)
    wanted = [sequence(number) for number in range(1, 7)]
    assert all(trail["sequences"] == wanted for trail in database["trails"].find(complete))
    assert database["members"].count_documents({}) == 2  # both had done something
    eventually(lambda: log.lag("test", [TOPIC]) == {TOPIC: 0})


def shares(settings, group: str) -> int:
    """How many members of a group have a part of it."""
    name = settings.database_prefix + group
    members = ask([settings.kafka_bootstrap], lambda client: client.describe_groups([name]))[name]["members"]
    return sum(
        bool(one["member_assignment"] and one["member_assignment"]["assigned_partitions"]) for one in members
    )


def test_members_that_come_and_go_share_everything_among_them(log):
    log.append(TOPIC, numbered(200))
    first, second = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    found = {delivery.message.value for delivery in collect(first, 50)}
    first.commit()
    shares: dict[str, set[str]] = {"first": set(), "second": set()}

    def both_have_a_share() -> bool:
        log.append(TOPIC, numbered(200))
        for name, member in (("first", first), ("second", second)):
            deliveries = member.poll(limit=20, timeout=0.1)
            found.update(delivery.message.value for delivery in deliveries)
            if deliveries:
                shares[name] = {delivery.position.split("/")[0] for delivery in deliveries}
                commit(member)
        return bool(shares["first"] and shares["second"])

    eventually(both_have_a_share, within=20)
    assert not shares["first"] & shares["second"]
    second.close()

    def rest_done() -> bool:
        found.update(delivery.message.value for delivery in first.poll(timeout=0.2))
        commit(first)
        return log.lag("group", [TOPIC]) == {TOPIC: 0}

    eventually(rest_done, within=20)
    first.close()
    assert found == {message.value for message in numbered(200)}


def commit(member) -> None:
    try:
        member.commit()
    except Fenced:
        return


def test_a_commit_covers_what_was_handed_out_and_no_more(log):
    log.append(TOPIC, numbered(100))
    reader = log.reader("group", [TOPIC])
    handed_out = [delivery for _ in range(3) for delivery in reader.poll(limit=7, timeout=5)]
    reader.commit()
    reader.poll(limit=7, timeout=5)
    reader.close()
    other = log.reader("group", [TOPIC])
    rest = collect(other, 100 - len(handed_out))
    other.close()
    assert sorted(int(d.message.value) for d in [*handed_out, *rest]) == list(range(100))


def test_what_was_polled_comes_again_where_the_partition_went_and_stays_where_it_did_not(log):
    log.append(TOPIC, numbered(40))
    first, second = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    collect(first, 40)  # and no commit yet
    again: list[Delivery] = []
    stop = threading.Event()

    def join() -> None:
        while not stop.is_set():
            again.extend(second.poll(timeout=0.1))

    def shared_out() -> bool:
        assert first.poll(timeout=0.1) == []
        return bool(again)

    thread = threading.Thread(target=join)
    thread.start()
    try:
        eventually(shared_out, within=20)
        first.commit()
        eventually(lambda: log.lag("group", [TOPIC]) == {TOPIC: len(again)})
    finally:
        stop.set()
        thread.join()
    assert 0 < len(again) < 40
    second.commit()
    assert log.lag("group", [TOPIC]) == {TOPIC: 0}
    first.close()
    second.close()


def test_a_member_that_takes_too_long_loses_the_group(log, monkeypatch):
    monkeypatch.setattr(port, "HANDLING_LIMIT", 1.0)
    log.append(TOPIC, numbered(10))
    slow, other = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    collect(slow, 10)
    collect(other, 10)
    with pytest.raises(Fenced):
        slow.commit()
    other.commit()
    slow.close()
    other.close()


def test_a_member_that_waits_in_vain_for_its_share_begins_anew(log, monkeypatch):
    """The guard: here the group waits for a member that does not poll, so that the other one gets nothing."""
    monkeypatch.setattr(kafka_reader, "ASSIGNMENT_SECONDS", 0.3)
    monkeypatch.setattr(kafka_reader, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(kafka_reader, "JOIN_SECONDS", 0.2)
    log.append(TOPIC, numbered(5))
    busy, waiting = log.reader("group", [TOPIC]), log.reader("group", [TOPIC])
    collect(busy, 5)
    consumers = set()

    def was_made_anew() -> bool:
        assert waiting.poll(timeout=0.1) == []
        consumers.add(id(waiting._consumer))
        return len(consumers - {id(None)}) > 1

    eventually(was_made_anew)
    busy.commit()
    busy.close()
    log.append(TOPIC, numbered(5))
    monkeypatch.setattr(kafka_reader, "ASSIGNMENT_SECONDS", 15.0)
    assert len(collect(waiting, 5)) == 5
    waiting.close()


def test_a_member_for_whom_no_partition_is_left_waits_in_peace(settings, monkeypatch):
    log = KafkaLog(settings.kafka_bootstrap, settings.database_prefix, partitions=1, replication=1)
    log.create_topics(["single"])
    members = [log.reader("group", ["single"]) for _ in range(2)]

    def shared_out() -> bool:
        for member in members:
            member.poll(timeout=0.1)
        return all(member._share is not None for member in members)

    eventually(shared_out)
    monkeypatch.setattr(kafka_reader, "ASSIGNMENT_SECONDS", 0.3)
    monkeypatch.setattr(kafka_reader, "QUIET_SECONDS", 0.1)
    spare = next(member for member in members if not member._share)
    consumer = spare._consumer
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert spare.poll(timeout=0.1) == []
    assert spare._consumer is consumer
    for member in members:
        member.close()
    log.close()
