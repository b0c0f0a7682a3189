"""The four services in one process: real ones, on a real mongod, with a clock that is moved by hand and deaths that are asked for.

    world = open_world(mongo_url, prefix, folder)
    world.begin()                                # nothing has happened yet
    died = death_of(work, writes=3)              # do it in a process that dies before its fourth write

There is no HTTP and no thread: what people do goes straight to the use cases, and the contact door is asked in process, where
notifications has its `ServiceClient`. Durability is not what is tested here, so writes are not journalled: four times as fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from services.casework import clock as casework_clock
from services.casework import reactions as casework_reactions
from services.casework import service as casework_service
from services.casework.service import Casework
from services.casework.settings import CaseworkSettings
from services.intake import clock as intake_clock
from services.intake import reactions as intake_reactions
from services.intake import service as intake_service
from services.intake.schemas.reading import ContactOut
from services.intake.service import Intake
from services.intake.settings import IntakeSettings
from services.intake.use_cases import doors
from services.notifications import clock as notifications_clock
from services.notifications import reactions as notifications_reactions
from services.notifications import service as notifications_service
from services.notifications.contact import ContactDoor
from services.notifications.service import Notifications
from services.notifications.settings import NotificationsSettings
from services.referrals import clock as referrals_clock
from services.referrals import reactions as referrals_reactions
from services.referrals import service as referrals_service
from services.referrals.service import Referrals
from services.referrals.settings import ReferralsSettings
from shared import mongo, reference
from shared.access import Actor
from shared.aggregate import Aggregates
from shared.clock import Schedule
from shared.consumer import Consumer, Subscription
from shared.events.base import topic
from shared.lease import Lease
from shared.log import Delivery
from shared.refusals import NotFound, Unavailable
from shared.relay import Relay

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""A Monday, nine in the morning in Astana."""
SEEDED = frozenset({"staff", "services"})
"""Collections that `seed` writes."""
NOTIFICATIONS = Actor(
    sub="service-notifications", roles=frozenset({"service"}), client_id="service-notifications"
)
Dump = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Service → collection → id → document."""


class Time:
    """The clock of the database. Each look at it moves it on by a millisecond, so that no two things happen at once."""

    def __init__(self) -> None:
        self.now = START
        self.stands = False

    def __call__(self, client: MongoClient | None = None) -> datetime:
        if not self.stands:
            self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Door:
    """Intake as notifications reaches it (the seam of `ServiceClient`)."""

    intake: Intake
    time: Time
    away: bool = False

    def post(self, path: str, question: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        if self.away:
            raise Unavailable
        person_id = path.split("/")[4]
        asked = {"message_id": question["message_id"], "template": question["template"]}
        try:
            told = doors.contact(self.intake, NOTIFICATIONS, person_id, **asked, now=self.time())
        except NotFound:
            return 404, {}
        return 200, ContactOut().dump(told)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A service as its worker has it."""

    name: str
    service: Any
    database: Database
    stores: tuple[Aggregates, ...]
    subscription: Subscription
    schedule: Schedule

    @property
    def topic(self) -> str:
        return topic(self.name)

    def relay(self, log: Any) -> Relay:
        collections = [store.collection for store in self.stores]
        return Relay(self.name, collections, self.topic, log, Lease(self.database["leases"], "relay"))

    def handle(self, deliveries: list[Delivery]) -> None:
        """What the consumer does with a poll."""
        Consumer(self.name, self.subscription, None, self.database).handle(deliveries)

    def due(self, now: datetime) -> list[tuple[Aggregates, str]]:
        """What the clock would look at, as it finds it."""
        late = {"wake_at": {"$type": "date", "$lte": now}}
        return [
            (store, found["_id"])
            for store in self.schedule.stores
            for found in store.collection.find(late, {"_id": 1}).sort([("wake_at", 1), ("_id", 1)])
        ]

    def documents(self, collection: str) -> list[dict[str, Any]]:
        return list(self.database[collection].find({}).sort("_id", 1))


@dataclass
class World:
    """All there is. `told`: what people did, until somebody reads it; `count`: the same, counted over all histories."""

    parts: Mapping[str, Part]
    time: Time
    door: Door
    folder: Path
    told: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)

    @property
    def intake(self) -> Intake:
        return self.parts["intake"].service

    @property
    def casework(self) -> Casework:
        return self.parts["casework"].service

    @property
    def referrals(self) -> Referrals:
        return self.parts["referrals"].service

    @property
    def notifications(self) -> Notifications:
        return self.parts["notifications"].service

    @property
    def sms(self) -> Path:
        return self.folder / "sms" / "outbox.jsonl"

    def begin(self) -> None:
        """Nothing has happened yet."""
        for part in self.parts.values():
            for name in part.database.list_collection_names():
                if name not in SEEDED:
                    part.database[name].delete_many({})
        self.sms.unlink(missing_ok=True)
        self.told.clear()
        self.time.now, self.time.stands, self.door.away = START, False, False

    def say(self, what: str, about: str = "") -> None:
        self.count[what] += 1
        self.told.append(f"{what} {about}")

    def dump(self) -> Dump:
        """Everything that is stored. (Referrals locks a case's row by counting in it: that says nothing.)"""
        found = {}
        for part in self.parts.values():
            names = part.database.list_collection_names()
            found[part.name] = {name: {d["_id"]: d for d in part.documents(name)} for name in sorted(names)}
        for row in found["referrals"].get("known_cases", {}).values():
            row.pop("locks", None)
        return found


class Died(BaseException):
    """The process was killed, before a write to the collection that is named."""


WRITES = (
    *("insert_one", "insert_many", "update_one", "update_many", "replace_one", "bulk_write"),
    *("find_one_and_update", "delete_one", "delete_many"),
)


def death_of(work: Callable[[], Any], writes: int | None) -> str | None:
    """Do it in a process that can make so many writes, and dies before the next one (None: it lives for ever).

    Returns where it died, or None if it lived.
    """
    if writes is None:
        work()
        return None
    left = writes

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(collection: Collection, *arguments: Any, **options: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Died(f"{collection.database.name.rpartition('_')[2]}.{collection.name}")
            left -= 1
            return write(collection, *arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(Collection, name, counted(getattr(Collection, name)))
        try:
            work()
        except Died as death:
            return str(death)
    return None


@contextmanager
def open_world(mongo_url: str, prefix: str, folder: Path) -> Iterator[World]:
    """The services on their databases, ready to begin."""
    time = Time()
    with (
        MongoClient(mongo_url, w=1, journal=False, readConcernLevel="local", tz_aware=True) as client,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(mongo, "connect", lambda url: client)
        patch.setattr(mongo, "database_time", time)
        yield _world(mongo_url, prefix, folder, time)


def _world(mongo_url: str, prefix: str, folder: Path, time: Time) -> World:
    common = {"mongo_url": mongo_url, "database_prefix": prefix, "data_dir": str(folder)}
    intake = intake_service.open_service(IntakeSettings(**common, synthetic_iins=True))
    casework = casework_service.open_service(CaseworkSettings(**common))
    referrals = referrals_service.open_service(ReferralsSettings(**common))
    door = Door(intake, time)
    notifications = notifications_service.open_service(NotificationsSettings(**common))
    notifications.http.close()
    notifications = replace(notifications, door=ContactDoor(door))
    for service in (intake, casework, referrals, notifications):
        service.store.ensure_indexes()
    casework.store.staff.seed(reference.staff())
    referrals.store.directory.seed(reference.services())
    parts = (
        _part("intake", intake, intake.store.aggregates, intake_reactions, intake_clock),
        _part("casework", casework, (casework.store.cases,), casework_reactions, casework_clock),
        _part("referrals", referrals, (referrals.store.referrals,), referrals_reactions, referrals_clock),
        _part(
            "notifications",
            notifications,
            (notifications.store.messages,),
            notifications_reactions,
            notifications_clock,
        ),
    )
    return World({part.name: part for part in parts}, time, door, folder)


def _part(name: str, service: Any, stores: tuple[Aggregates, ...], reactions: Any, clock: Any) -> Part:
    return Part(
        name=name,
        service=service,
        database=service.store.database,
        stores=stores,
        subscription=reactions.subscription(service),
        schedule=clock.schedule(service),
    )
