"""The spine under kill -9: what was acknowledged = documents = events on the log = effects, whatever dies when.

Two workers of each service run at once and kill themselves before or after any of their database commands; now and then one is
stopped (SIGSTOP) past its leases and continued; the database is killed once; some keys are poison for a while. The load goes on
all the time. Faults 2 to 5, 10 and 11 of the reliability plan, in the small: `SPINE_COMMANDS` makes it longer.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict

import pytest

from shared import mongo
from shared.events.cloudevents import Envelope, from_message
from shared.log import open_log
from shared.settings import Settings
from tests.conftest import free_port
from tests.faults.spine_run import start_client, start_worker
from tests.service.spine.tools import OwnMongod, eventually, read_all

COMMANDS = int(os.environ.get("SPINE_COMMANDS", "300"))
DEATH_RATE = 0.004
SERVICES = ("ping", "pong", "view")
TOPICS = {service: f"birtereze.{service}" for service in ("ping", "pong")}


@pytest.fixture
def server(tmp_path):
    server = OwnMongod(tmp_path, free_port())
    yield server
    server.kill()


class Workers:
    """The workers of all services, started again when they die."""

    def __init__(self, settings: Settings, each: int, death_rate: float) -> None:
        self._settings = settings
        self._rate = death_rate
        self.deaths: Counter[str] = Counter()
        self._running = [
            (service, start_worker(settings, service, death_rate))
            for service in SERVICES
            for _ in range(each)
        ]

    def revive(self) -> None:
        for index, (service, process) in enumerate(self._running):
            if not process.is_alive():
                self.deaths[service] += 1
                process.close()
                self._running[index] = (service, start_worker(self._settings, service, self._rate))

    def pick(self) -> int:
        return random.choice(self._running)[1].pid

    def end(self) -> None:
        for _, process in self._running:
            process.kill()
            process.join()
            process.close()


class Ledger(threading.Thread):
    """Reads what the client was answered: how often each ping was touched."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._process, self._acknowledged = start_client(settings, COMMANDS)
        self.touches: Counter[str] = Counter()
        self.start()

    def run(self) -> None:
        with contextlib.suppress(EOFError):
            while True:
                self.touches[self._acknowledged.recv()] += 1

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.join()
        self._acknowledged.close()
        self._process.close()


def test_what_was_acknowledged_takes_effect_once_and_in_order_whatever_dies_when(server):
    settings = Settings(mongo_url=server.url, log_level="error")
    with mongo.connect(server.url) as client, contextlib.closing(open_log(settings)) as log:
        log.create_topics(list(TOPICS.values()))
        for service, kind in (("ping", "pings"), ("pong", "pongs")):
            for field in ("pending", "wake_at"):
                client[service][kind].create_index(
                    [(field, 1)], name=field, partialFilterExpression={field: {"$type": "date"}}
                )
        workers = Workers(settings, each=2, death_rate=DEATH_RATE)
        try:
            eventually(
                lambda: all(client[service]["heartbeat"].find_one() for service in SERVICES), within=20
            )
            ledger = Ledger(settings)
            _harm(client, server, workers, ledger)
        finally:
            workers.end()
        assert ledger.touches.total() == COMMANDS
        assert workers.deaths.total() >= 3, "nothing was put to the test"
        calm = Workers(settings, each=1, death_rate=0)
        try:
            # Everything that was harmed comes to rest by itself, without a hand.
            eventually(lambda: _at_rest(client, ledger), within=30 + COMMANDS / 25)
        finally:
            calm.end()
            ledger.end()
        _check(client, log, ledger.touches)


def _harm(client, server: OwnMongod, workers: Workers, ledger: Ledger) -> None:
    """Until the client is done. Each step comes when that part of the commands has been acknowledged."""
    stopped: list[tuple[float, int]] = []
    poison = client["pong"]["poison"]

    def stop_one() -> None:
        pid = workers.pick()
        os.kill(pid, signal.SIGSTOP)
        stopped.append((time.monotonic() + 2.5, pid))

    steps = [
        (0.1, lambda: poison.insert_many([{"_id": "ping-0"}, {"_id": "ping-3"}])),
        (0.2, stop_one),
        (0.4, lambda: (server.kill(), server.start())),
        (0.6, lambda: poison.delete_many({})),
        (0.7, stop_one),
    ]
    while ledger.is_alive() or stopped:
        while steps and steps[0][0] * COMMANDS <= ledger.touches.total():
            steps.pop(0)[1]()
        while stopped and stopped[0][0] <= time.monotonic():
            with contextlib.suppress(ProcessLookupError):
                os.kill(stopped.pop(0)[1], signal.SIGCONT)
        workers.revive()
        time.sleep(0.02)
    assert not steps


def _at_rest(client, ledger: Ledger) -> bool:
    """Nothing waits to be relayed, nothing is parked, and every touch has come back."""
    waiting = {"pending": {"$type": "date"}}
    if any(
        client[service][kind].count_documents(waiting)
        for service, kind in (("ping", "pings"), ("pong", "pongs"))
    ):
        return False
    if any(client[service]["parked"].count_documents({}) for service in SERVICES):
        return False
    pings = list(client["ping"]["pings"].find())
    total = sum(ping["touches"] for ping in pings)
    notes = sum(pong["notes"] for pong in client["pong"]["pongs"].find())
    events = total + notes + sum(ping["acknowledged"] for ping in pings)
    return (
        total == sum(ping["acknowledged"] for ping in pings) == ledger.touches.total()
        and client["view"]["timeline"].count_documents({}) == events
    )


def _check(client, log, touches: Counter[str]) -> None:
    events = {service: _unique(log, client, topic) for service, topic in TOPICS.items()}
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for one in [*events["ping"].values(), *events["pong"].values()]:
        kinds[one.type.rpartition(".v")[0].rpartition(".")[2]][one.data["ping"]] += 1
    pings = {ping["_id"]: ping for ping in client["ping"]["pings"].find()}
    pongs = {pong["_id"]: pong for pong in client["pong"]["pongs"].find()}

    assert {id: ping["touches"] for id, ping in pings.items()} == touches  # the ledger = the documents
    assert kinds["ping-touched"] == touches  # = the events on the log
    assert kinds["pong-noted"] == touches  # = the effects, and what they caused
    assert {id: ping["acknowledged"] for id, ping in pings.items()} == touches
    assert kinds["ping-acknowledged"] == touches
    assert sum(pong["notes"] for pong in pongs.values()) == touches.total()

    newest = {}
    for service, documents in (("ping", pings), ("pong", pongs)):
        for key, sequences in _order(events[service].values()).items():
            assert sequences == [f"0001-{n + 1:012d}" for n in range(len(sequences))], f"order of {key}"
            assert documents[key]["sequence"] == sequences[-1]
            assert documents[key]["version"] == len(sequences)
            assert documents[key]["outbox"] == []
            newest[key] = sequences[-1]

    ids = set(events["ping"]) | set(events["pong"])
    assert {row["_id"] for row in client["view"]["timeline"].find()} == ids
    assert {row["_id"]: row["sequence"] for row in client["view"]["worklist"].find()} == newest
    assert all(client[service]["dead"].count_documents({}) == 0 for service in SERVICES)


def _unique(log, client, topic: str) -> dict[str, Envelope]:
    """The events of a topic by their ids, each where it came for the first time."""
    events: dict[str, Envelope] = {}
    for delivery in read_all(log, topic, client["log"][f"topic.{topic}"].count_documents({})):
        envelope = from_message(delivery.message)
        events.setdefault(envelope.id, envelope)
    return events


def _order(events) -> dict[str, list[str]]:
    found = defaultdict(list)
    for one in events:
        found[one.subject].append(one.sequence)
    return found
