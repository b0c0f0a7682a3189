"""The consumer: each event takes effect, in order per key; what fails is parked and holds up nobody but its own key."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager

import pytest

from shared import consumer as consumer_module
from shared import mongo, parking
from shared.consumer import Consumer, Subscription
from shared.events.cloudevents import Envelope
from shared.log import Message, UnknownTopic, open_log
from shared.refusals import Conflict
from shared.settings import Settings
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import append, envelope, eventually, sequence

DONE = "kz.birtereze.test.thing-done.v1"
SECRET = "Айгүл +77010000000"


class Poison(Exception):
    pass


class Effects:
    """A reaction and a read model that remember what they saw, and fail for the keys they are told."""

    def __init__(self) -> None:
        self.reacted: dict[str, list[str]] = defaultdict(list)
        self.read: dict[str, list[str]] = defaultdict(list)
        self.batches: list[int] = []
        self.reaction_fails: dict[str, Exception] = {}
        self.model_fails: set[str] = set()

    def react(self, event: Envelope) -> None:
        failure = self.reaction_fails.get(event.id) or self.reaction_fails.get(event.partitionkey)
        if failure is not None:
            raise failure
        # as `Aggregates.react` does by `seen`
        if not self.reacted[event.partitionkey] or self.reacted[event.partitionkey][-1] < event.sequence:
            self.reacted[event.partitionkey].append(event.sequence)

    def model(self, events: Sequence[Envelope]) -> None:
        self.batches.append(len(events))
        for event in events:
            if event.partitionkey in self.model_fails:
                raise Poison(SECRET)
        for event in events:
            self.read[event.partitionkey].append(event.sequence)

    def subscription(self) -> Subscription:
        return Subscription(
            group="test", topics=[TOPIC], reactions={DONE: self.react}, read_models=[self.model]
        )


@pytest.fixture
def effects():
    return Effects()


@pytest.fixture
def consumer(effects, event_log, database):
    return Consumer("test", effects.subscription(), event_log, database)


@pytest.fixture
def quick(monkeypatch):
    """Parked keys are tried again soon."""
    monkeypatch.setattr(parking, "FIRST_RETRY", 0.05)
    monkeypatch.setattr(parking, "LAST_RETRY", 0.2)
    monkeypatch.setattr(consumer_module, "REPLAY_EVERY", 0.05)


@contextmanager
def running(consumer: Consumer):
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def sequences(numbers: range) -> list[str]:
    return [sequence(number) for number in numbers]


def batch(consumer: Consumer, events: list[Envelope], log) -> None:
    """Append the events, and let the consumer handle the poll that has them."""
    append(log, TOPIC, events)
    reader = log.reader("test", [TOPIC])
    found = []
    eventually(lambda: found.extend(reader.poll(timeout=1)) or len(found) >= len(events))
    consumer.handle(found)
    reader.commit()
    reader.close()


def test_every_event_reaches_the_read_models_in_one_go_and_the_reaction_in_order(
    consumer, effects, event_log
):
    batch(consumer, [envelope(key, n) for n in range(1, 6) for key in "ab"], event_log)
    assert effects.batches == [10]
    assert effects.reacted == effects.read == {"a": sequences(range(1, 6)), "b": sequences(range(1, 6))}


def test_a_repeat_in_one_poll_is_taken_out(consumer, effects, event_log):
    batch(consumer, [envelope("a", 1), envelope("a", 2), envelope("a", 1)], event_log)
    assert effects.read == {"a": sequences(range(1, 3))}


def test_what_was_not_committed_is_handled_again_after_a_crash(effects, event_log, database):
    append(event_log, TOPIC, [envelope("a", n) for n in range(1, 4)])
    reader = event_log.reader("test", [TOPIC])
    first = Consumer("test", effects.subscription(), event_log, database)
    first.handle(eventually(lambda: reader.poll(timeout=1)))
    reader.close()  # without a commit
    with running(Consumer("test", effects.subscription(), event_log, database)):
        eventually(lambda: len(effects.read["a"]) == 6)
    assert effects.reacted == {"a": sequences(range(1, 4))}


def test_what_was_committed_is_not_handled_again(effects, event_log, database):
    append(event_log, TOPIC, [envelope("a", 1)])
    with running(Consumer("test", effects.subscription(), event_log, database)):
        eventually(lambda: effects.read["a"])
    append(event_log, TOPIC, [envelope("b", 1)])
    with running(Consumer("test", effects.subscription(), event_log, database)):
        eventually(lambda: effects.read["b"])
    assert effects.read == {"a": [sequence(1)], "b": [sequence(1)]}


def test_poison_is_parked_with_its_key_later_ones_behind_it_and_others_flow(consumer, effects, event_log):
    effects.reaction_fails["a-2"] = Poison(SECRET)
    batch(consumer, [envelope(key, n) for n in range(1, 4) for key in "ab"], event_log)
    batch(consumer, [envelope(key, 4) for key in "ab"], event_log)
    assert effects.reacted == {"a": [sequence(1)], "b": sequences(range(1, 5))}
    listed = consumer.parking.list()
    assert [(one["_id"], one["stage"]) for one in listed] == [
        ("a-2", "reaction"),
        ("a-3", "behind"),
        ("a-4", "behind"),
    ]
    first = listed[0]
    assert (first["key"], first["topic"], first["position"], first["type"]) == ("a", TOPIC, "3", DONE)
    assert first["reason"].startswith("Poison at test_consumer.py:")
    assert SECRET not in str(listed)


def test_what_a_read_model_cannot_take_is_isolated(consumer, effects, event_log):
    effects.model_fails.add("a")
    batch(consumer, [envelope(key, n) for n in range(1, 3) for key in "abc"], event_log)
    assert effects.reacted == effects.read == {"b": sequences(range(1, 3)), "c": sequences(range(1, 3))}
    assert [(one["_id"], one["stage"]) for one in consumer.parking.list()] == [
        ("a-1", "read-model"),
        ("a-2", "behind"),
    ]
    assert effects.batches == [6, 1, 1, 1, 1, 1]


def test_a_replayed_message_goes_through_read_model_and_reaction(consumer, effects, event_log):
    effects.model_fails.add("a")
    batch(consumer, [envelope("a", n) for n in range(1, 4)], event_log)
    assert consumer.replay("a") == 0
    assert consumer.parking.list(key="a")[0]["tries"] == 2
    effects.model_fails.clear()
    assert consumer.replay("a") == 3
    assert effects.reacted == effects.read == {"a": sequences(range(1, 4))}
    assert consumer.parking.list() == []


def test_a_process_without_a_log_may_replay(consumer, effects, event_log, database):
    effects.reaction_fails["a"] = Poison()
    batch(consumer, [envelope("a", 1)], event_log)
    effects.reaction_fails.clear()
    assert Consumer("test", effects.subscription(), None, database).replay("a") == 1


def test_after_a_drop_what_stands_behind_goes_on(consumer, effects, event_log):
    effects.reaction_fails["a-1"] = Poison()
    batch(consumer, [envelope("a", n) for n in range(1, 4)], event_log)
    assert consumer.replay("a") == 0
    assert consumer.parking.drop("a-1")
    assert not consumer.parking.drop("a-1")
    assert consumer.replay("a") == 2
    assert effects.reacted == {"a": sequences(range(2, 4))}


def test_parked_keys_are_tried_again_by_themselves_with_growing_pauses(consumer, effects, event_log, quick):
    effects.reaction_fails["a"] = Poison()
    append(event_log, TOPIC, [envelope(key, n) for n in range(1, 4) for key in "ab"])
    with running(consumer):
        eventually(lambda: consumer.parking.list() and consumer.parking.list()[0]["tries"] >= 3)
        effects.reaction_fails.clear()
        eventually(lambda: not consumer.parking.list())
    assert effects.reacted == {"a": sequences(range(1, 4)), "b": sequences(range(1, 4))}


def test_replay_under_live_traffic_loses_and_overtakes_nothing(consumer, effects, event_log, database, quick):
    """Keys fail and heal at random while messages come in; two more replayers are at work, as a person with the command would."""
    seen = defaultdict(list)
    failing = {"a", "b"}

    def react(event: Envelope) -> None:
        if event.partitionkey in failing:
            raise Poison
        seen[event.partitionkey].append(event.sequence)

    subscription = Subscription(group="test", topics=[TOPIC], reactions={DONE: react})
    live = Consumer("test", subscription, event_log, database)
    stop = threading.Event()

    def replay_on() -> None:
        mine = Consumer("test", subscription, None, database)
        while not stop.is_set():
            for key in "ab":
                mine.replay(key)

    others = [threading.Thread(target=replay_on) for _ in range(2)]
    for thread in others:
        thread.start()
    with running(live):
        for number in range(1, 161):
            append(event_log, TOPIC, [envelope(key, number) for key in "abc"])
            if number % 20 == 0:
                failing.symmetric_difference_update("ab" if number % 40 else "a")
        failing.clear()
        eventually(lambda: all(seen[key] and seen[key][-1] == sequence(160) for key in "abc"), within=20)
        eventually(lambda: not live.parking.list())
    stop.set()
    for thread in others:
        thread.join()
    for key in "abc":  # repeats there may be; but each for the first time in order, and all of them
        assert list(dict.fromkeys(seen[key])) == sequences(range(1, 161))


def test_an_unknown_version_of_a_known_type_is_parked_and_other_types_pass(consumer, effects, event_log):
    batch(
        consumer,
        [
            envelope("a", 1, type=DONE.replace(".v1", ".v2")),
            envelope("b", 1, type="kz.birtereze.test.other.v1"),
        ],
        event_log,
    )
    (parked,) = consumer.parking.list()
    assert (parked["key"], parked["stage"]) == ("a", "reaction")
    assert parked["reason"].startswith(f"UnknownVersion: {DONE[:-1]}2 ")
    assert effects.read == {"a": [sequence(1)], "b": [sequence(1)]}
    assert effects.reacted == {}


def test_what_has_no_readable_envelope_is_a_dead_letter(consumer, effects, event_log):
    event_log.append(TOPIC, [Message("a", {"ce_id": "1"}, b"not json"), Message("a", {}, b"\xff")])
    batch(consumer, [envelope("a", 1)], event_log)
    assert effects.reacted == {"a": [sequence(1)]}
    dead = consumer.parking.list_dead()
    assert [one["_id"] for one in dead] == [f"{TOPIC}/1", f"{TOPIC}/2"]
    assert "ce_specversion" in dead[0]["reason"]
    assert consumer.parking.list() == []
    assert consumer.parking.drop_dead(f"{TOPIC}/1")


def test_an_error_that_may_pass_is_tried_again_in_place(effects, event_log, database):
    attempts = []

    def react(event: Envelope) -> None:
        attempts.append(event.id)
        if len(attempts) < 3:
            raise Conflict

    subscription = Subscription(group="test", topics=[TOPIC], reactions={DONE: react})
    consumer = Consumer("test", subscription, event_log, database)
    batch(consumer, [envelope("a", 1)], event_log)
    assert len(attempts) == 3
    assert consumer.parking.list() == []


def test_an_error_that_does_not_pass_is_parked_after_the_pauses(consumer, effects, event_log):
    effects.reaction_fails["a"] = Conflict()
    batch(consumer, [envelope("a", 1)], event_log)
    assert consumer.parking.list()[0]["reason"].startswith("Conflict (conflict) at ")


def test_a_topic_that_was_never_made_is_an_error(effects, event_log, database):
    subscription = Subscription(group="test", topics=["birtereze.nowhere"], reactions={})
    with pytest.raises(UnknownTopic):
        Consumer("test", subscription, event_log, database).run(threading.Event())


def test_while_the_database_is_away_it_waits_and_parks_nothing(own_mongod, prefix):
    settings = Settings(mongo_url=own_mongod.url, database_prefix=prefix)
    with mongo.connect(own_mongod.url, wait_ms=200) as client:
        database = client[f"{prefix}test"]
        log = open_log(settings)
        log.create_topics([TOPIC])
        reached, away = threading.Event(), threading.Event()

        def react(event: Envelope) -> None:
            if event.sequence == sequence(3):
                reached.set()
                away.wait(10)
            database["effects"].insert_one({"_id": event.id})

        subscription = Subscription(group="test", topics=[TOPIC], reactions={DONE: react})
        consumer = Consumer("test", subscription, log, database)
        append(log, TOPIC, [envelope("a", n) for n in range(1, 6)])
        waits = consumer_module.waits.labels("test")
        before = waits._value.get()
        with running(consumer) as thread:
            assert reached.wait(10)
            own_mongod.kill()
            away.set()
            eventually(lambda: waits._value.get() >= before + 3, within=20)
            own_mongod.start()
            eventually(lambda: database["effects"].count_documents({}) == 5, within=20)
            assert thread.is_alive()
        assert consumer.parking.list() == []
        log.close()


def test_while_the_database_is_away_it_stops_when_told(own_mongod, prefix):
    with mongo.connect(own_mongod.url, wait_ms=200) as client:
        log = open_log(Settings(mongo_url=own_mongod.url, database_prefix=prefix))
        log.create_topics([TOPIC])
        subscription = Subscription(group="test", topics=[TOPIC], reactions={})
        own_mongod.kill()
        stop = threading.Event()
        consumer = Consumer("test", subscription, log, client[f"{prefix}test"])
        thread = threading.Thread(target=consumer.run, args=(stop,))
        thread.start()
        before = time.monotonic()
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - before < 10
        own_mongod.start()
        log.close()
