"""`python -m shared.log`: making topics, and copying one log to the other and back."""

from __future__ import annotations

import dataclasses

import pytest

from shared.events import TOPICS
from shared.log import Message, open_log
from shared.log.__main__ import main
from shared.log.kafka_client import admin, kafka
from tests.service.spine.tools import by_key, collect

FIRST = TOPICS[0]


@pytest.fixture
def logs(settings, monkeypatch):
    """Both logs, which the commands find too. They have no topics yet."""
    for name in ("mongo_url", "database_prefix", "log", "kafka_bootstrap"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    opened = {name: open_log(dataclasses.replace(settings, log=name)) for name in ("embedded", "kafka")}
    yield opened
    for log in opened.values():
        log.close()


def messages(keys: int, numbers: range) -> list[Message]:
    return [
        Message(f"k{key}", {"n": f"{n}", "ce_id": f"k{key}-{n}"}, b"%d" % n)
        for n in numbers
        for key in range(keys)
    ]


def content(log, topic: str = FIRST) -> dict[str, list[bytes]]:
    return by_key(delivery.message for deliveries in log.read(topic) for delivery in deliveries)


def append(log, batch: list[Message], topic: str = FIRST) -> None:
    assert len(log.append(topic, batch)) == len(batch)


def refused(capsys, *arguments: str) -> str:
    assert main(list(arguments)) == 1
    return capsys.readouterr().err.strip()


def test_create_topics_makes_them_as_set_and_keeps_what_is_there(logs, settings, monkeypatch, capsys):
    monkeypatch.setenv("KAFKA_PARTITIONS", "3")
    assert main(["create-topics"]) == 0
    append(logs["kafka"], messages(5, range(2)))
    monkeypatch.setenv("KAFKA_PARTITIONS", "5")
    assert main(["create-topics"]) == 0
    assert FIRST in capsys.readouterr().out
    names = [settings.database_prefix + topic for topic in TOPICS]
    resources = [kafka.admin.ConfigResource(kafka.admin.ConfigResourceType.TOPIC, name) for name in names]
    with admin([settings.kafka_bootstrap]) as client:
        described = client.describe_topics(names)
        configs = client.describe_configs(resources, config_filter="all")
    assert {topic["name"]: len(topic["partitions"]) for topic in described} == dict.fromkeys(names, 3)
    for config in configs["topic"].values():
        kept = {name: config[name]["value"] for name in ("cleanup.policy", "retention.ms", "retention.bytes")}
        assert kept == {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    assert len(content(logs["kafka"])) == 5


@pytest.mark.parametrize(("source", "target"), [("embedded", "kafka"), ("kafka", "embedded")])
def test_a_copy_holds_everything_and_a_group_gets_it_in_order(logs, source, target, capsys):
    for log in logs.values():
        log.create_topics(TOPICS)
    for topic in TOPICS[:2]:
        append(logs[source], messages(30, range(20)), topic)
    assert main(["copy", "--from", source, "--to", target]) == 0
    assert f"{FIRST}: 600 copied, 0 were there." in capsys.readouterr().out
    reader = logs[target].reader("group", TOPICS)
    delivered = collect(reader, 1200)
    reader.close()
    for topic in TOPICS[:2]:
        of_topic = [delivery.message for delivery in delivered if delivery.topic == topic]
        assert sorted(of_topic, key=str) == sorted(messages(30, range(20)), key=str)
        assert by_key(of_topic) == by_key(messages(30, range(20)))


def test_a_copy_that_was_stopped_goes_on_and_the_way_back_too(logs, capsys):
    for log in logs.values():
        log.create_topics(TOPICS)
    everything = messages(20, range(10))
    append(logs["embedded"], [*everything[:50], everything[49], *everything[50:]])  # a repeat of the relay
    append(
        logs["kafka"], [*everything[:70], everything[69], everything[3]]
    )  # a part of it, with repeats of the copy
    assert main(["copy", "--from", "embedded", "--to", "kafka"]) == 0
    assert f"{FIRST}: 130 copied, 70 were there." in capsys.readouterr().out
    assert first_times(content(logs["kafka"])) == by_key(everything)
    append(logs["kafka"], messages(20, range(10, 12)))
    assert main(["copy", "--from", "kafka", "--to", "embedded"]) == 0
    assert f"{FIRST}: 40 copied, 200 were there." in capsys.readouterr().out
    assert first_times(content(logs["embedded"])) == by_key(messages(20, range(12)))
    assert main(["copy", "--from", "kafka", "--to", "embedded"]) == 0
    assert f"{FIRST}: 0 copied, 240 were there." in capsys.readouterr().out


def first_times(values: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {key: list(dict.fromkeys(of_key)) for key, of_key in values.items()}


@pytest.mark.parametrize(
    "there",
    [
        [Message("k0", {}, b"of somebody else")],
        [Message("unknown key", {}, b"")],
        messages(2, range(1, 2)),  # not from the beginning
        messages(2, range(4)),  # more than the source has
    ],
)
def test_a_target_that_holds_something_else_is_refused_and_stays_as_it_is(logs, there, capsys):
    for log in logs.values():
        log.create_topics(TOPICS)
    append(logs["embedded"], messages(2, range(3)))
    append(logs["kafka"], there)
    said = refused(capsys, "copy", "--from", "embedded", "--to", "kafka")
    assert (
        said
        == f"The target's topic {FIRST!r} is not empty, and holds something else than the beginning of the source's."
    )
    assert content(logs["kafka"]) == by_key(there)


def test_a_copy_needs_topics_and_two_logs(logs, capsys):
    assert "create-topics makes it" in refused(capsys, "copy", "--from", "embedded", "--to", "kafka")
    with pytest.raises(SystemExit):
        main(["copy", "--from", "kafka", "--to", "kafka"])
    assert "name the same log" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["create-topics", "--help"], ["copy", "--help"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: python -m shared.log" in capsys.readouterr().out
