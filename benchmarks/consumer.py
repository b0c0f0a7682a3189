"""The consumer, beside what it would be without our guarantees.

*Casework's real reactions*: families come newly, and others have a plan and are helped by a partner. The floor lets the same
functions make the same writes, one event after another, with the events in memory: no log, no commit, no look for what is parked,
and a store that does not ask whether it has seen an event.

*Worklist and timeline*: all read models of intake take all events of all services. The floor is the log's own client that polls the
same messages and does nothing with them. Joining a group, or finding out where to begin, is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from pymongo.client_session import ClientSession

from benchmarks import place, story
from benchmarks.results import Row, ratio
from benchmarks.rounds import medians
from services.casework import reactions as casework_reactions
from services.casework.domain.case import Case
from services.casework.domain.telling import Decision
from services.casework.service import Casework
from services.casework.service import open_service as open_casework
from services.casework.settings import CaseworkSettings
from services.intake import reactions as intake_reactions
from services.intake.service import open_service as open_intake
from services.intake.settings import IntakeSettings
from shared import mongo, reference
from shared.aggregate import Aggregates, Saved
from shared.consumer import POLL, Consumer, Subscription
from shared.events import TOPICS, topic
from shared.events.cloudevents import Envelope, from_message
from shared.log import Log, Message, Reader, open_log
from shared.log.kafka_client import connected, kafka
from shared.settings import Settings

NEW, HELPED = 40, 40
"""Families that come newly, and families with a plan, in a round of casework's reactions."""
FAMILIES = 250
"""Families whose whole way the read models take in, in a round."""
ASK_SECONDS = 1.0
Told = Sequence[tuple[str, Message]]


def rows() -> list[Row]:
    family = story.one_family()
    with place.database() as url, place.broker() as bootstrap:
        embedded = Settings(mongo_url=url)
        on_kafka = Settings(mongo_url=url, log="kafka", kafka_bootstrap=bootstrap)
        return [
            ratio("consumer: casework's reactions, events/s", **_reactions(family, embedded), wanted=0.6),
            ratio(
                "consumer: worklist and timeline, Kafka, events/s", **_models(family, on_kafka), wanted=0.25
            ),
            ratio("consumer: worklist and timeline, embedded, events/s", **_models(family, embedded)),
        ]


# ------------------------------------------------------------------ casework's reactions


class WithoutDedupe(Aggregates[Case]):
    """The same store for somebody who knows that each event comes once."""

    def react(
        self,
        id: str,
        decide: Callable[[Case | None], Decision | None],
        cause: Envelope,
        session: ClientSession | None = None,
    ) -> Saved[Case] | None:
        saved = self.find(id)
        decision = decide(saved.state if saved else None)
        if decision is None:
            return saved
        if saved is None:
            return self._insert(id, *decision, {}, cause, session)
        return self._update(saved, *decision, {}, cause, session)


def _reactions(family: story.Story, settings: Settings) -> dict[str, float]:
    told = family.messages([topic("intake")], NEW, called="new")
    told += family.messages([topic("casework"), topic("referrals")], HELPED, called="helped")

    def ours() -> float:
        with _casework(family, settings) as casework, closing(open_log(casework.settings)) as log:
            _put_on(log, told)
            consumer = Consumer(
                "casework", casework_reactions.subscription(casework), log, casework.store.database
            )
            with closing(log.reader("casework", casework_reactions.TOPICS)) as reader:
                begun = time.perf_counter()
                handled = 0
                while deliveries := reader.poll(POLL, 0.0):
                    consumer.handle(deliveries)
                    reader.commit()
                    handled += len(deliveries)
                took = time.perf_counter() - begun
            _must_be_opened(casework)
        return handled / took

    def floor() -> float:
        with _casework(family, settings) as casework:
            cases = WithoutDedupe(
                casework.store.cases.collection,
                Case,
                service="casework",
                subject="case",
                wake_at=casework.store.cases._wake_at,
            )
            plain = replace(casework, store=replace(casework.store, cases=cases))
            subscription = casework_reactions.subscription(plain)
            envelopes = [from_message(message) for _, message in told]
            begun = time.perf_counter()
            for batch in (envelopes[n : n + POLL] for n in range(0, len(envelopes), POLL)):
                _apply(subscription, batch)
            took = time.perf_counter() - begun
            _must_be_opened(plain)
        return len(envelopes) / took

    return medians({"ours": ours, "floor": floor})


@contextmanager
def _casework(family: story.Story, settings: Settings) -> Iterator[Casework]:
    """Casework as it is before: with its staff, and the cases of those who have a plan."""
    casework = open_casework(CaseworkSettings(mongo_url=settings.mongo_url, database_prefix=place.prefix()))
    store = casework.store
    with store.client:
        store.ensure_indexes()
        store.staff.seed(reference.staff())
        store.cases.collection.insert_many([family.case(f"helped{n}") for n in range(HELPED)])
        yield casework
        for name in (casework.settings.database("casework"), casework.settings.database("log")):
            store.client.drop_database(name)


def _apply(subscription: Subscription, batch: Sequence[Envelope]) -> None:
    for model in subscription.read_models:
        model(batch)
    for envelope in batch:
        reaction = subscription.reactions.get(envelope.type)
        if reaction is not None:
            reaction(envelope)


def _must_be_opened(casework: Casework) -> None:
    """Raises RuntimeError where the reactions have not made what they should: then nothing was measured."""
    cases = casework.store.cases.collection
    opened = cases.count_documents({}) - HELPED
    given = cases.count_documents({"measures.state": "delivered"})
    if (opened, given) != (NEW, HELPED):
        raise RuntimeError(f"{opened} cases were opened and in {given} a partner has helped")


# ------------------------------------------------------------------ worklist and timeline


def _models(family: story.Story, settings: Settings) -> dict[str, float]:
    told = family.messages(TOPICS, FAMILIES)
    settings = replace(settings, database_prefix=place.prefix())
    with closing(open_log(settings)) as log:
        _put_on(log, told)
        raw = _raw_kafka if settings.log == "kafka" else _raw_embedded
        return medians(
            {
                "ours": lambda: _read_models(settings, log, len(told)),
                "floor": lambda: raw(settings, log, len(told)),
            }
        )


def _read_models(settings: Settings, log: Log, count: int) -> float:
    name = place.prefix()
    intake = open_intake(IntakeSettings(mongo_url=settings.mongo_url, database_prefix=name))
    with intake.store.database.client as client:
        intake.store.ensure_indexes()
        whole = intake_reactions.subscription(intake)
        models = Subscription(group=name, topics=TOPICS, reactions={}, read_models=whole.read_models)
        consumer = Consumer("intake", models, log, intake.store.database)
        consumer.parking.ensure_indexes()
        with closing(log.reader(name, TOPICS)) as reader:
            rate = _events_a_second(reader, consumer, count)
        client.drop_database(intake.store.database.name)
    return rate


def _events_a_second(reader: Reader, consumer: Consumer, count: int) -> float:
    while not (deliveries := reader.poll(POLL, ASK_SECONDS)):
        continue
    begun = time.perf_counter()
    handled = 0
    while handled < count:
        consumer.handle(deliveries)
        reader.commit()
        handled += len(deliveries)
        deliveries = reader.poll(POLL, 0.0 if handled >= count else ASK_SECONDS)
    return handled / (time.perf_counter() - begun)


def _raw_kafka(settings: Settings, log: Log, count: int) -> float:
    consumer = connected(
        kafka.KafkaConsumer, [settings.kafka_bootstrap], group_id=None, auto_offset_reset="earliest"
    )
    partitions = [partition for each in TOPICS for partition in log._partitions(each)]
    try:
        consumer.assign(partitions)
        for partition in partitions:
            consumer.position(partition)  # where to begin is found out before the clock starts
        begun = time.perf_counter()
        polled = 0
        while polled < count:
            polled += sum(map(len, consumer.poll(timeout_ms=1000, max_records=POLL).values()))
        return polled / (time.perf_counter() - begun)
    finally:
        consumer.close(autocommit=False)


def _raw_embedded(settings: Settings, log: Log, count: int) -> float:
    with mongo.connect(settings.mongo_url) as client:
        database = mongo.database(client, settings.database("log"))
        begun = time.perf_counter()
        polled = 0
        for each in TOPICS:
            at = 0
            while found := list(
                database[f"topic.{each}"].find({"_id": {"$gt": at}}).sort("_id", 1).limit(POLL)
            ):
                polled += len(found)
                at = found[-1]["_id"]
        if polled != count:
            raise RuntimeError(f"{polled} of {count} messages were polled")
        return polled / (time.perf_counter() - begun)


def _put_on(log: Log, told: Told) -> None:
    """Write the messages in their order, in batches of each topic."""
    log.create_topics(TOPICS)
    for each in TOPICS:
        messages = [message for where, message in told if where == each]
        for n in range(0, len(messages), POLL):
            batch = messages[n : n + POLL]
            if len(log.append(each, batch)) != len(batch):
                raise RuntimeError("the log has not taken all messages")
