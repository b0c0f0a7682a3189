"""From the answer to a commit until the log has acknowledged its event, with a hundred commits a second.

The relay runs in a process of its own, as in a worker, and notes when `append` came back. Commits go by a schedule, so that one
that is late does not hold up those after it. Both processes read the machine's one monotonic clock.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

from benchmarks import place, story
from benchmarks.results import Row
from services.casework.domain.case import Case
from services.casework.service import Casework, open_service
from services.casework.settings import CaseworkSettings
from shared.aggregate import Once
from shared.embedded.demo.callers import until
from shared.events import CaseOpened, Event, topic_of
from shared.events.cloudevents import from_message
from shared.lease import Lease
from shared.log import Log, Message, open_log
from shared.relay import Relay

PER_SECOND = 100
WARM, COMMITS = 200, 1500
WRITERS = 8
TOPIC = topic_of(CaseOpened)
Times = dict[str, float]


def rows() -> list[Row]:
    opened = story.one_family().only(CaseOpened)
    with place.database() as url, place.broker() as bootstrap:
        on_kafka = CaseworkSettings(mongo_url=url, log="kafka", kafka_bootstrap=bootstrap)
        embedded = CaseworkSettings(mongo_url=url, database_prefix=place.prefix())
        return [_row("Kafka", opened, on_kafka), _row("embedded", opened, embedded)]


def _row(log: str, opened: story.Story, settings: CaseworkSettings) -> Row:
    casework = open_service(settings)
    with casework.store.client:
        casework.store.ensure_indexes()
        with _relay(settings) as acknowledged:
            committed = _commit(casework, opened)
            at = acknowledged(len(committed))
    took = [at[id] - when for id, when in committed[WARM:]]
    half, most = statistics.median(took), statistics.quantiles(took, n=100, method="inclusive")[-1]
    name = f"commit → acknowledged by the log, {log}, {PER_SECOND} commits/s, p99 ÷ p50, ms"
    return Row(name=name, value=most / half, unit="×", at="most", ours=most * 1000, floor=half * 1000)


# ------------------------------------------------------------------ commits, by a schedule


def _commit(casework: Casework, opened: story.Story) -> list[tuple[str, float]]:
    """Open cases; the id of each, and when its commit was answered."""
    cases = casework.store.cases
    state = cases.saved(opened.case("any")).state
    event = from_message(opened.told[0][1]).event()
    begun = time.monotonic() + 0.1

    def commit(n: int) -> tuple[str, float]:
        time.sleep(max(0.0, begun + n / PER_SECOND - time.monotonic()))
        return _opened(casework, state, event)

    with ThreadPoolExecutor(WRITERS) as writers:
        return list(writers.map(commit, range(WARM + COMMITS)))


def _opened(casework: Casework, state: Case, event: Event) -> tuple[str, float]:
    id, family = str(uuid.uuid4()), str(uuid.uuid4())
    case = replace(state, family_id=family)
    casework.store.cases.create(id, lambda: (case, [event]), Once(key=id, hash=""))
    return id, time.monotonic()


# ------------------------------------------------------------------ the relay, in a process of its own


@contextmanager
def _relay(settings: CaseworkSettings) -> Iterator[Callable[[int], Times]]:
    """A relay that runs. Gives a function: when the event of each case was acknowledged, once there are so many."""
    here, there = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_run_relay, args=(settings, there), daemon=True)
    process.start()
    there.close()  # or nobody would notice that the other end is gone
    here.recv()

    def acknowledged(count: int) -> Times:
        here.send(count)
        return here.recv()

    try:
        yield acknowledged
    finally:
        process.terminate()
        process.join()


class _Noted:
    """A log that notes when it had acknowledged the message of each key."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.at: Times = {}

    def append(self, topic: str, messages: Sequence[Message]) -> list[int]:
        acknowledged = self._log.append(topic, messages)
        now = time.monotonic()
        self.at.update((messages[index].key, now) for index in acknowledged)
        return acknowledged


def _run_relay(settings: CaseworkSettings, pipe: Connection) -> None:
    store = open_service(settings).store
    stop = threading.Event()
    with store.client, closing(open_log(settings)) as log:
        log.create_topics([TOPIC])
        noted = _Noted(log)
        relay = Relay(
            "casework", [store.cases.collection], TOPIC, noted, Lease(store.database["leases"], "relay")
        )
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        pipe.send("ready")
        count = pipe.recv()
        until(lambda: len(noted.at) >= count, "the log has acknowledged all events")
        pipe.send(noted.at)
        stop.set()
        thread.join()
