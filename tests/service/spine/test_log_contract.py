"""What every adapter of the event log has to do. An adapter joins by its name in ADAPTERS."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import msgspec
import pytest

from shared.log import Fenced, Log, Message, UnknownTopic, open_log
from shared.settings import Settings
from tests.service.spine.tools import Script, by_key, collect, eventually

ADAPTERS = ["embedded", "kafka"]
PROCESS = Path(__file__).with_name("log_process.py")


@pytest.fixture(params=ADAPTERS)
def settings(request, mongo_url, prefix):
    bootstrap = request.getfixturevalue("kafka_bootstrap") if request.param == "kafka" else ""
    return Settings(mongo_url=mongo_url, database_prefix=prefix, log=request.param, kafka_bootstrap=bootstrap)


@pytest.fixture
def topic(prefix):
    return f"{prefix}things"


@pytest.fixture
def log(settings, topic):
    log = open_log(settings)
    log.create_topics([topic])
    yield log
    log.close()


@pytest.fixture
def reader(log, topic):
    reader = log.reader("group", [topic])
    yield reader
    reader.close()


@pytest.fixture
def script(settings):
    """Starts processes that use the log; ends them all."""
    started = []

    def start(*arguments: str) -> Script:
        started.append(Script(PROCESS, msgspec.json.encode(settings).decode(), *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()


def numbered(key: str, numbers: range) -> list[Message]:
    return [Message(key, {}, b"%d" % number) for number in numbers]


MOST = 500
"""As many as the relay appends at once."""


def append(log: Log, topic: str, messages: list[Message]) -> None:
    for begin in range(0, len(messages), MOST):
        some = messages[begin : begin + MOST]
        assert log.append(topic, some) == list(range(len(some)))


def test_the_order_of_a_key_is_kept(log, topic, reader):
    for start in range(0, 60, 20):
        append(
            log,
            topic,
            [m for n in range(start, start + 20) for k in "abc" for m in numbered(k, range(n, n + 1))],
        )
    found = collect(reader, 180)
    assert by_key(d.message for d in found) == {key: [b"%d" % n for n in range(60)] for key in "abc"}


def test_polling_goes_on_without_a_commit(log, topic, reader):
    append(log, topic, numbered("a", range(30)))
    seen = [d.message.value for _ in range(3) for d in reader.poll(limit=10, timeout=5)]
    assert seen == [b"%d" % n for n in range(30)]
    assert reader.poll(timeout=0) == []


def test_a_poll_gives_at_most_its_limit(log, topic, reader):
    append(log, topic, numbered("a", range(30)))
    assert len(reader.poll(limit=7, timeout=5)) == 7


def test_what_was_committed_does_not_come_again_and_the_rest_does(log, topic):
    append(log, topic, numbered("a", range(20)))
    first = log.reader("group", [topic])
    collected = [first.poll(limit=5, timeout=5)]
    first.commit()
    collected.append(first.poll(limit=5, timeout=5))
    first.close()
    second = log.reader("group", [topic])
    again = collect(second, 15)
    second.close()
    assert [d.message.value for d in again] == [b"%d" % n for n in range(5, 20)]


def test_a_dead_members_group_is_taken_over_within_ten_seconds(log, topic, reader, script):
    append(log, topic, numbered("a", range(20)))
    member = script("member", "group", topic)
    member.say("poll 5")
    assert member.line() == "0,1,2,3,4"
    member.say("commit")
    assert member.line() == "committed"
    member.say("poll 5")
    assert member.line() == "5,6,7,8,9"
    member.signal(signal.SIGKILL)
    again = collect(reader, 15, within=10)
    assert [d.message.value for d in again] == [b"%d" % n for n in range(5, 20)]


def test_the_late_commit_of_a_paused_member_is_refused(log, topic, reader, script):
    append(log, topic, numbered("a", range(10)))
    member = script("member", "group", topic)
    member.say("poll 5")
    assert member.line() == "0,1,2,3,4"
    member.signal(signal.SIGSTOP)
    assert len(collect(reader, 10, within=10)) == 10
    reader.commit()
    member.signal(signal.SIGCONT)
    member.say("commit")
    assert member.line() == "fenced"
    append(log, topic, numbered("a", range(10, 11)))
    assert [d.message.value for d in collect(reader, 1)] == [b"10"]


def test_appenders_at_once_lose_nothing_and_a_reader_skips_nothing(log, topic, reader, script):
    processes = [script("append", topic, f"process-{n}", "60") for n in range(2)]
    threads = [
        threading.Thread(
            target=lambda n=n: [
                append(log, topic, numbered(f"thread-{n}", range(i, i + 3))) for i in range(0, 60, 3)
            ]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    found = []

    def all_there() -> bool:
        found.extend(reader.poll(timeout=0.2))
        reader.commit()
        return len(found) >= 360

    eventually(all_there, within=30)
    for thread in threads:
        thread.join()
    assert [process.line() for process in processes] == ["done", "done"]
    assert found.extend(reader.poll(timeout=0)) is None
    wanted = [b"%d" % n for n in range(60)]
    names = [f"thread-{n}" for n in range(4)] + [f"process-{n}" for n in range(2)]
    assert by_key(d.message for d in found) == dict.fromkeys(names, wanted)


def test_a_waiting_reader_is_woken(log, topic, reader):
    reader.poll(timeout=0)
    found = []
    thread = threading.Thread(
        target=lambda: eventually(lambda: found.extend(reader.poll(timeout=5)) or found)
    )
    thread.start()
    append(log, topic, numbered("a", range(1)))
    thread.join(4)
    assert len(found) == 1


def test_headers_and_values_are_kept_as_they_are(log, topic, reader):
    headers = {"ce_id": "1", "content-type": "application/json", "a.b": "$c", "$d": "", "қазақ": "Әлем ‮ \n"}
    value = bytes(range(256))
    append(log, topic, [Message("ключ", headers, value), Message("empty", {}, b"")])
    found = {d.message.key: d.message for d in collect(reader, 2)}
    assert found == {"ключ": Message("ключ", headers, value), "empty": Message("empty", {}, b"")}
    assert list(found["ключ"].headers) == list(headers)


def test_large_values(log, topic, reader):
    messages = [Message("a", {}, bytes([n]) * 65536) for n in range(40)]
    append(log, topic, messages)
    assert [d.message for d in collect(reader, 40)] == messages


def test_nobody_writes_to_or_reads_from_a_topic_that_was_not_made(log, prefix):
    unknown = f"{prefix}nowhere"
    uses = [
        lambda: log.append(unknown, numbered("a", range(1))),
        lambda: log.reader("group", [unknown]),
        lambda: log.read(unknown),
        lambda: log.lag("group", [unknown]),
    ]
    for use in uses:
        with pytest.raises(UnknownTopic, match=f"no topic '{unknown}'.*create_topics"):
            use()


def test_making_a_topic_again_keeps_what_is_in_it(log, topic, reader):
    append(log, topic, numbered("a", range(3)))
    log.create_topics([topic])
    assert len(collect(reader, 3)) == 3


def test_each_group_gets_everything(log, topic, reader):
    append(log, topic, numbered("a", range(5)))
    assert len(collect(reader, 5)) == 5
    reader.commit()
    other = log.reader("other", [topic])
    assert len(collect(other, 5)) == 5
    other.close()


def test_a_reader_of_several_topics_gets_all_of_them(log, topic, prefix):
    second = f"{prefix}others"
    log.create_topics([second])
    append(log, topic, numbered("a", range(5)))
    append(log, second, numbered("b", range(5)))
    reader = log.reader("group", [topic, second])
    found = collect(reader, 10)
    reader.close()
    assert {d.topic for d in found} == {topic, second}
    assert len(by_key(d.message for d in found)["b"]) == 5


def test_a_rewound_group_begins_anew_and_its_member_is_fenced(log, topic):
    append(log, topic, numbered("a", range(5)))
    reader = log.reader("group", [topic])
    collect(reader, 5)
    reader.commit()
    append(log, topic, numbered("a", range(5, 6)))
    collect(reader, 1)
    log.rewind("group")
    with pytest.raises(Fenced):
        reader.commit()
    reader.close()
    again = log.reader("group", [topic])
    assert [d.message.value for d in collect(again, 6)] == [b"%d" % n for n in range(6)]
    again.close()


def test_the_member_of_a_rewound_group_begins_anew_by_itself(log, topic, reader):
    append(log, topic, numbered("a", range(5)))
    collect(reader, 5)
    reader.commit()
    append(log, topic, numbered("a", range(5, 6)))
    log.rewind("group")
    found = []

    def began_anew() -> bool:
        found.extend(d.message.value for d in reader.poll(timeout=0.5))
        return found[-6:] == [b"%d" % n for n in range(6)]

    eventually(began_anew)
    reader.commit()
    assert log.lag("group", [topic]) == {topic: 0}


def test_a_group_that_nobody_knows_can_be_rewound(log, topic):
    log.rewind("nobody")
    assert log.lag("nobody", [topic]) == {topic: 0}


def test_the_lag_of_a_group_is_what_it_has_not_committed(log, topic, prefix, reader):
    second = f"{prefix}others"
    log.create_topics([second])
    append(log, topic, [m for key in "abcde" for m in numbered(key, range(2))])
    append(log, second, numbered("a", range(3)))
    assert log.lag("group", [topic, second]) == {topic: 10, second: 3}
    assert len(eventually(lambda: reader.poll(limit=4, timeout=5))) <= 4
    assert log.lag("group", [topic]) == {topic: 10}
    reader.commit()
    assert 6 <= log.lag("group", [topic])[topic] < 10
    collect(reader, 6)
    reader.commit()
    assert log.lag("group", [topic, second]) == {topic: 0, second: 3}
    log.rewind("group")
    assert log.lag("group", [topic]) == {topic: 10}


def test_all_that_stands_in_a_topic_can_be_read_without_a_group(log, topic, reader):
    assert list(log.read(topic)) == []
    messages = [Message(f"{n % 7}", {"n": f"{n}"}, b"%d" % n) for n in range(1200)]
    append(log, topic, messages)
    reading = log.read(topic)
    read = list(next(reading))
    append(log, topic, numbered("late", range(1)))
    read += [delivery for batch in reading for delivery in batch]
    assert by_key(d.message for d in read) == by_key(messages)
    assert sorted(int(d.message.headers["n"]) for d in read) == list(range(1200))
    assert {d.topic for d in read} == {topic}
    assert len(collect(reader, 1201)) == 1201


def test_an_empty_batch_is_nothing(log, topic):
    assert log.append(topic, []) == []
