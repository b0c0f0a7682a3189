"""The broker is killed and comes back: relay and consumer go on by themselves, and everything arrives once and in order."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager

import pytest

from shared.consumer import Consumer, Subscription
from shared.embedded.kafka import Broker
from shared.lease import Lease
from shared.log.kafka import KafkaLog
from shared.relay import Relay, failures
from tests.conftest import free_ports
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import document, eventually, sequence

DONE = "kz.birtereze.test.thing-done.v1"
PER_CASE = 3


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Broker(tmp_path_factory.mktemp("own-kafka"), free_ports(2)) as broker:
        yield broker


@contextmanager
def running(*parts):
    stop = threading.Event()
    threads = [threading.Thread(target=part.run, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


def test_relay_and_consumer_outlive_a_broker_that_is_killed(broker, database):
    log = KafkaLog(broker.bootstrap, "", partitions=6, replication=1)
    log.create_topics([TOPIC])
    cases = database["cases"]
    effects: dict[str, list[str]] = defaultdict(list)

    def react(event) -> None:
        if not effects[event.subject] or effects[event.subject][-1] < event.sequence:
            effects[event.subject].append(event.sequence)

    def handled(count: int) -> bool:
        return sum(map(len, effects.values())) == count * PER_CASE

    subscription = Subscription(group="test", topics=[TOPIC], reactions={DONE: react})
    relay = Relay("outage", [cases], TOPIC, log, Lease(database["leases"], "relay"))
    failed = failures.labels("outage")._value.get
    with running(relay, Consumer("outage", subscription, log, database)) as threads:
        cases.insert_many(document(f"case-{n}", PER_CASE) for n in range(200))
        eventually(lambda: effects)
        broker.kill()
        before = failed()
        cases.insert_many(document(f"case-{n}", PER_CASE) for n in range(200, 400))
        eventually(lambda: failed() > before + 1, within=20)
        broker.start()
        cases.insert_many(document(f"case-{n}", PER_CASE) for n in range(400, 500))
        eventually(lambda: handled(500), within=30)
        eventually(lambda: log.lag("test", [TOPIC]) == {TOPIC: 0}, within=20)
        assert all(thread.is_alive() for thread in threads)
    log.close()
    wanted = [sequence(number + 1) for number in range(PER_CASE)]
    assert dict(effects) == {f"case-{n}": wanted for n in range(500)}
    assert cases.count_documents({"pending": {"$exists": True}}) == 0
