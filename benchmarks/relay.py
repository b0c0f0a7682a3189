"""The relay as it empties outboxes, beside producing the same bytes raw.

Thousands of cases have one event each to tell. On Kafka the floor is an idempotent producer with the log's own settings that is
given all messages at once and waits for the last acknowledgement; on the embedded log it is one `insert_many` of the same
documents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import msgspec

from benchmarks import place, story
from benchmarks.results import Row, ratio
from benchmarks.rounds import medians
from services.casework.service import Casework, open_service
from services.casework.settings import CaseworkSettings
from shared.events import CaseOpened, topic_of
from shared.events.cloudevents import from_message
from shared.lease import Lease
from shared.log import Log, Message, open_log
from shared.log.kafka import BATCH_BYTES, LINGER_SECONDS
from shared.log.kafka_client import connected, fields, kafka, milliseconds
from shared.relay import Relay

EVENTS = 4000
TOPIC = topic_of(CaseOpened)


def rows() -> list[Row]:
    opened = story.one_family().only(CaseOpened)
    messages = [message for _, message in opened.messages([TOPIC], EVENTS)]
    with place.database() as url, place.broker() as bootstrap:
        casework = open_service(CaseworkSettings(mongo_url=url, log="kafka", kafka_bootstrap=bootstrap))
        casework.store.ensure_indexes()
        told = [_telling(opened.case(str(n)), message) for n, message in enumerate(messages)]
        with casework.store.client:
            return [
                ratio("relay drain, Kafka, events/s", **_on_kafka(casework, told, messages), wanted=0.3),
                ratio("relay drain, embedded, events/s", **_embedded(casework, told, messages)),
            ]


def _on_kafka(casework: Casework, told: Sequence[dict], messages: Sequence[Message]) -> dict[str, float]:
    with closing(open_log(casework.settings)) as log, closing(_producer(casework.settings)) as producer:
        log.create_topics([TOPIC])

        def produce() -> None:
            for sent in [producer.send(TOPIC, **fields(message)) for message in messages]:
                sent.get(timeout=30)

        return medians({"ours": lambda: _drained(casework, log, told), "floor": lambda: _per_second(produce)})


def _embedded(casework: Casework, told: Sequence[dict], messages: Sequence[Message]) -> dict[str, float]:
    raw = casework.store.database["raw"]

    def insert() -> None:
        raw.insert_many(
            {"key": one.key, "headers": [*map(list, one.headers.items())], "value": one.value}
            for one in messages
        )

    with closing(open_log(CaseworkSettings(mongo_url=casework.settings.mongo_url))) as log:
        log.create_topics([TOPIC])
        return medians({"ours": lambda: _drained(casework, log, told), "floor": lambda: _per_second(insert)})


def _producer(settings: CaseworkSettings) -> kafka.KafkaProducer:
    return connected(
        kafka.KafkaProducer,
        [settings.kafka_bootstrap],
        acks="all",
        enable_idempotence=True,
        batch_size=BATCH_BYTES,
        linger_ms=milliseconds(LINGER_SECONDS),
    )


def _drained(casework: Casework, log: Log, told: Sequence[dict]) -> float:
    """Events in a second, until no case has one left."""
    cases, database = casework.store.cases.collection, casework.store.database
    cases.delete_many({})
    cases.insert_many(told)
    relay = Relay("casework", [cases], TOPIC, log, Lease(database["leases"], "relay"))

    def drain() -> None:
        while due := relay.due():
            relay.publish(due)

    return _per_second(drain)


def _per_second(action: Callable[[], None]) -> float:
    begun = time.perf_counter()
    action()
    return EVENTS / (time.perf_counter() - begun)


def _telling(case: dict[str, Any], message: Message) -> dict[str, Any]:
    """A case that has this event still to tell."""
    entry = msgspec.to_builtins(from_message(message), builtin_types=(datetime,))
    return {**case, "outbox": [entry], "pending": entry["time"]}
