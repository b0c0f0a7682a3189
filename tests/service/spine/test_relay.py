"""The relay: everything arrives, in order per aggregate, whoever else relays and whatever fails on the way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared import mongo
from shared.events.cloudevents import to_message
from shared.lease import Lease
from shared.log import Message, open_log
from shared.relay import Relay
from shared.settings import Settings
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import (
    START,
    append,
    document,
    envelope,
    envelopes,
    eventually,
    first_times,
    read_all,
    sequence,
)

WAITING = {"pending": {"$exists": True}}


@pytest.fixture
def cases(database):
    collection = database["cases"]
    collection.create_index([("pending", 1)], partialFilterExpression={"pending": {"$type": "date"}})
    return collection


def relay(log, *collections) -> Relay:
    return Relay(
        "test", collections, TOPIC, log, Lease(collections[0].database["leases"], "relay", seconds=1)
    )


@contextmanager
def running(*parts):
    stop = threading.Event()
    threads = [threading.Thread(target=part.run, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


def all_sequences(count: int) -> list[str]:
    return [sequence(number + 1) for number in range(count)]


def test_all_events_arrive_in_order_and_nothing_else_is_touched(cases, database, event_log):
    referrals = database["referrals"]
    cases.insert_many([document(f"case-{n}", 4) for n in range(30)])
    referrals.insert_many([document(f"referral-{n}", 2) for n in range(30)])
    with running(relay(event_log, cases, referrals)):
        eventually(lambda: not cases.count_documents(WAITING) and not referrals.count_documents(WAITING))
        cases.insert_one(document("late", 3))
        eventually(lambda: not cases.count_documents(WAITING))
    events = envelopes(read_all(event_log, TOPIC, 183))
    assert len(events) == 183
    assert first_times(events) == (
        {f"case-{n}": all_sequences(4) for n in range(30)}
        | {f"referral-{n}": all_sequences(2) for n in range(30)}
        | {"late": all_sequences(3)}
    )
    assert cases.find_one({"_id": "case-1"}) == {
        "_id": "case-1",
        "version": 7,
        "sequence": sequence(4),
        "outbox": [],
    }


def test_an_event_that_comes_while_another_is_under_way_is_kept(cases, event_log):
    cases.insert_one(document("a", 1))
    relaying = relay(event_log, cases)
    due = relaying.due()
    later = document("a", 2)["outbox"][1]
    cases.update_one({"_id": "a"}, {"$push": {"outbox": later}, "$min": {"pending": later["time"]}})
    assert relaying.publish(due) == 1
    left = cases.find_one()
    assert [entry["sequence"] for entry in left["outbox"]] == [sequence(2)]
    assert left["pending"] > START


def test_of_two_relays_one_paused_nothing_is_lost_and_the_order_is_kept(cases, event_log):
    cases.insert_many([document(f"case-{n}", 5) for n in range(10)])
    paused = relay(event_log, cases)
    in_hand = paused.due()
    with running(relay(event_log, cases)):
        eventually(lambda: not cases.count_documents(WAITING))
        cases.update_one(
            {"_id": "case-3"}, {"$push": {"outbox": envelope_entry("case-3", 6)}, "$set": {"pending": START}}
        )
        paused.publish(in_hand)
        eventually(lambda: not cases.count_documents(WAITING))
    events = envelopes(read_all(event_log, TOPIC, 61))
    assert len(events) == 61  # the first ones of ten came twice
    wanted = {f"case-{n}": all_sequences(5) for n in range(10)} | {"case-3": all_sequences(6)}
    assert first_times(events) == wanted


def envelope_entry(key: str, number: int) -> dict:
    return document(key, number)["outbox"][number - 1]


def test_what_was_appended_but_not_pulled_is_repeated_and_nothing_is_lost(cases, event_log):
    cases.insert_many([document(f"case-{n}", 3) for n in range(20)])
    append(event_log, TOPIC, [envelope(f"case-{n}", 1) for n in range(20)])  # and then it was killed
    with running(relay(event_log, cases)):
        eventually(lambda: not cases.count_documents(WAITING))
    events = envelopes(read_all(event_log, TOPIC, 80))
    assert len(events) == 80
    assert first_times(events) == {f"case-{n}": all_sequences(3) for n in range(20)}


def test_five_hundred_busy_aggregates_do_not_starve_another_one(cases, event_log):
    cases.insert_many([document(f"busy-{n}", 4) for n in range(500)])
    cases.insert_one(document("quiet", 1, since=START + timedelta(hours=1)))
    relaying = relay(event_log, cases)
    for _ in range(2):
        relaying.publish(relaying.due())
    assert cases.find_one({"_id": "quiet"})["outbox"] == []
    assert cases.count_documents(WAITING) == 500


class Stingy:
    """A log that takes only the messages of some keys, as one whose partition has no leader."""

    def __init__(self, log, refused: str) -> None:
        self._log = log
        self._refused = refused

    def append(self, topic: str, messages: list[Message]) -> list[int]:
        taken = [index for index, message in enumerate(messages) if not message.key.startswith(self._refused)]
        self._log.append(topic, [messages[index] for index in taken])
        return taken


def test_exactly_what_was_acknowledged_is_pulled_and_the_rest_goes_to_the_end(cases, event_log):
    cases.insert_many([document(f"refused-{n}", 2) for n in range(500)])
    cases.insert_many([document(f"taken-{n}", 2, since=START + timedelta(hours=1)) for n in range(10)])
    relaying = relay(Stingy(event_log, "refused"), cases)
    relaying.publish(relaying.due())
    assert relaying.publish(relaying.due()) == 10
    assert cases.count_documents({"_id": {"$regex": "^refused"}, "outbox": {"$size": 2}}) == 500
    assert cases.count_documents({"_id": {"$regex": "^taken"}, "outbox": {"$size": 1}}) == 10


def test_an_entry_that_is_no_event_holds_up_its_own_aggregate_only(cases, event_log):
    broken = document("broken", 2)
    del broken["outbox"][0]["type"]
    cases.insert_many([broken, document("good", 3)])
    with running(relay(event_log, cases)):
        eventually(lambda: cases.count_documents(WAITING) == 1)
    assert len(cases.find_one({"_id": "broken"})["outbox"]) == 2
    assert first_times(envelopes(read_all(event_log, TOPIC, 3))) == {"good": all_sequences(3)}


def test_backlog_counts_and_tells_the_age(cases, event_log):
    cases.insert_many([document(f"case-{n}", 1) for n in range(3)])
    relaying = relay(event_log, cases)
    relaying.due()
    assert relaying.backlog() == 3
    relaying.publish(relaying.due())
    assert relaying.backlog() == 0


def test_it_waits_for_a_topic_that_is_made_later(cases, settings):
    log = open_log(settings)
    cases.insert_one(document("a", 1))
    with running(relay(log, cases)):
        log.create_topics([TOPIC])
        eventually(lambda: not cases.count_documents(WAITING))
    log.close()


def test_the_index_is_used(cases, event_log):
    cases.insert_one(document("a", 1))
    plan = cases.find({"pending": {"$type": "date"}}).sort("pending", 1).limit(5).explain()
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])


def test_without_change_streams_it_goes_on_from_the_index(own_mongod, prefix):
    """As after a change stream's token has expired: every attempt to open one fails."""
    with mongo.connect(own_mongod.url) as client:
        log = open_log(Settings(mongo_url=own_mongod.url, database_prefix=prefix))
        log.create_topics([TOPIC])
        cases = client[f"{prefix}test"]["cases"]
        lost = {"failCommands": ["aggregate"], "errorCode": 286, "namespace": f"{prefix}test.$cmd.aggregate"}
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=lost)
        try:
            with pytest.raises(mongo.PyMongoError, match="failCommand"):
                cases.database.watch()
            with running(relay(log, cases)):
                for n in range(3):
                    cases.insert_one(document(f"case-{n}", 2))
                    eventually(lambda: not cases.count_documents(WAITING))
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")
        assert len(read_all(log, TOPIC, 6)) == 6
        log.close()


def test_what_arrives_is_what_the_envelope_says(cases, event_log):
    cases.insert_one(document("a", 1))
    relaying = relay(event_log, cases)
    relaying.publish(relaying.due())
    assert [d.message for d in read_all(event_log, TOPIC, 1)] == [to_message(envelope("a", 1))]
