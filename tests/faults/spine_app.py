"""Two small services that react to each other, and a third with read models: what the crash test kills.

A ping is touched by commands; each touch is noted by a pong (two pings share one), each note is acknowledged by its ping. A process
with a death rate kills itself (SIGKILL) before or after any one of its database commands, with that probability.

Only ever imported by processes of their own (see `spine_run`): it declares events that are in no catalogue.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pymongo import UpdateOne, monitoring
from pymongo.errors import BulkWriteError, PyMongoError

from shared import mongo, parking, worker
from shared.aggregate import Aggregates, Ask, Once
from shared.consumer import Subscription
from shared.events import Event, topic, type_of
from shared.events.base import event
from shared.ids import derived_id
from shared.log import embedded
from shared.refusals import Conflict, KeyReused, NotFound, Stale
from shared.settings import Settings

PINGS = 12

# Everything goes faster than in earnest, so that more goes wrong in a short test.
worker.RELAY_LEASE = worker.BEAT = 1.0
embedded.LEASE_SECONDS = 1.0
parking.LAST_RETRY = 2.0


@event("ping", "ping-touched", subject="ping")
class PingTouched(Event):
    """A command has touched it."""

    ping: str


@event("ping", "ping-acknowledged", subject="ping")
class PingAcknowledged(Event):
    """A note about it has come back."""

    ping: str


@event("pong", "pong-noted", subject="pong")
class PongNoted(Event):
    """A touch has been noted."""

    ping: str


@dataclass(frozen=True)
class Ping:
    touches: int = 0
    acknowledged: int = 0


@dataclass(frozen=True)
class Pong:
    notes: int = 0


class Poison(Exception):
    """This key is to fail for a while."""


class Death(monitoring.CommandListener):
    """Kills the process before or after a database command, now and then."""

    def __init__(self, rate: float) -> None:
        self.rate = rate / 2

    def _perhaps(self) -> None:
        if random.random() < self.rate:
            os.kill(os.getpid(), signal.SIGKILL)

    def started(self, event) -> None:
        self._perhaps()

    def succeeded(self, event) -> None:
        self._perhaps()

    def failed(self, event) -> None:
        self._perhaps()


class App:
    def __init__(self, settings: Settings) -> None:
        self.client = mongo.connect(settings.mongo_url)
        self.settings = settings
        self.pings = Aggregates(self.database("ping")["pings"], Ping, service="ping", subject="ping")
        self.pongs = Aggregates(self.database("pong")["pongs"], Pong, service="pong", subject="pong")

    def database(self, service: str):
        return mongo.database(self.client, self.settings.database(service))

    def about(self, ping: str) -> dict:
        now = mongo.database_time(self.client)
        return {
            "ping": ping,
            "family_id": ping,
            "person_id": None,
            "center_id": None,
            "actor": "test",
            "occurred_at": now,
            "holder": "test",
            "open": (),
        }

    # ------------------------------------------------------------------ commands

    def touch(self, ping: str, key: str) -> None:
        def touched(state: Ping):
            return replace(state, touches=state.touches + 1), [PingTouched(**self.about(ping))]

        try:
            saved = self.pings.get(ping)
        except NotFound:
            self.pings.create(ping, lambda: touched(Ping()), Once(key, key))
            return
        now = mongo.database_time(self.client)
        self.pings.change(ping, touched, Ask("touch", key, key, saved.version, now))

    # ------------------------------------------------------------------ reactions and read models

    def note(self, envelope) -> None:
        if self.database("pong")["poison"].find_one({"_id": envelope.subject}):
            raise Poison
        ping = envelope.subject
        event = PongNoted(**self.about(ping))
        self.pongs.react(pong_of(ping), lambda state: (Pong((state or Pong()).notes + 1), [event]), envelope)

    def acknowledge(self, envelope) -> None:
        ping = envelope.data["ping"]
        event = PingAcknowledged(**self.about(ping))
        self.pings.react(
            ping, lambda state: (replace(state, acknowledged=state.acknowledged + 1), [event]), envelope
        )

    def timeline(self, envelopes) -> None:
        rows = [{"_id": one.id, "key": one.subject, "sequence": one.sequence} for one in envelopes]
        try:
            self.database("view")["timeline"].insert_many(rows, ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != 11000 for one in error.details["writeErrors"]):
                raise

    def worklist(self, envelopes) -> None:
        newest = {one.subject: one for one in sorted(envelopes, key=lambda one: one.sequence)}
        self.database("view")["worklist"].bulk_write(
            [
                UpdateOne(
                    {"_id": key},
                    [{"$set": {"sequence": {"$max": ["$sequence", one.sequence]}}}],
                    upsert=True,
                )
                for key, one in newest.items()
            ],
            ordered=False,
        )

    # ------------------------------------------------------------------ processes

    def worker(self, service: str) -> int:
        ping, pong = topic("ping"), topic("pong")
        parts = {
            "ping": {
                "collections": [self.pings.collection],
                "topic": ping,
                "subscription": Subscription(
                    group="ping", topics=[pong], reactions={type_of(PongNoted): self.acknowledge}
                ),
            },
            "pong": {
                "collections": [self.pongs.collection],
                "topic": pong,
                "subscription": Subscription(
                    group="pong", topics=[ping], reactions={type_of(PingTouched): self.note}
                ),
            },
            "view": {
                "subscription": Subscription(
                    group="view",
                    topics=[ping, pong],
                    reactions={},
                    read_models=[self.timeline, self.worklist],
                ),
            },
        }
        return worker.run_worker(service, self.settings, self.database(service), **parts[service])

    def load(self, commands: int, acknowledged: Callable[[str], None]) -> None:
        """Touch pings at random; a command is tried again, with its key, until it is acknowledged."""
        for number in range(commands):
            key = f"key-{number}"
            ping = f"ping-{0 if random.random() < 0.15 else random.randrange(PINGS)}"
            while True:
                try:
                    self.touch(ping, key)
                    break
                except KeyReused:  # it was made by another key in between
                    continue
                except (Stale, Conflict, PyMongoError):
                    time.sleep(0.05)
            acknowledged(ping)
            time.sleep(random.random() * 0.03)


def pong_of(ping: str) -> str:
    return derived_id("pong", str(int(ping.partition("-")[2]) // 2))


def work(settings: Settings, service: str, death_rate: float) -> None:
    """Be a worker of the service, until something kills it."""
    if death_rate:
        monitoring.register(Death(death_rate))
    sys.exit(App(settings).worker(service))
