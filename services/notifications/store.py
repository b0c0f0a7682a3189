"""Where messages are kept, and what else this service knows: who may read a family's file.

Database `notifications`: `messages` (the aggregates), `files` (read model behind `may_read`), `access_log`, and what the worker
keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from services.notifications.domain import message as domain
from services.notifications.domain.message import Message
from services.notifications.policy import Policy
from services.notifications.settings import NotificationsSettings
from shared import mongo
from shared.access import FamilyFiles
from shared.access_log import AccessLog
from shared.aggregate import Aggregates, Saved
from shared.ids import derived_id

SERVICE = "notifications"
NEWEST_FIRST = (("created_at", -1), ("_id", -1))
"""The order of lists."""
LISTED_BY = (("center_id",), ("center_id", "state"), ("family_id",), ("person_id",))
"""What lists are filtered by; each with the order after it is an index."""
NEEDS_SOMEBODY = ("undeliverable", "expired", "failed")
MATTERS: Mapping[str, Any] = {"state": {"$in": [*domain.WAITING, *NEEDS_SOMEBODY]}}
"""Messages of which something is still to come, or somebody may have to do something: few, beside those that have left."""


def message_id(template: str, subject: str, fact: str) -> str:
    """The id of the message that tells of a fact: the same however often, and in whatever event, the fact comes."""
    return derived_id("message", template, subject, fact)


@dataclass(frozen=True)
class Store:
    """The database of notifications."""

    database: Database
    messages: Aggregates[Message]
    files: FamilyFiles
    access_log: AccessLog

    def now(self) -> datetime:
        """The database's time: attempts of several processes are reckoned on one clock."""
        return mongo.database_time(self.database.client)

    @property
    def aggregates(self) -> tuple[Aggregates[Any], ...]:
        """The collections that have an outbox."""
        return (self.messages,)

    def ping(self) -> None:
        """Raises where the database does not answer."""
        self.database.client.admin.command("ping")

    def ensure_indexes(self) -> None:
        self.messages.ensure_indexes()
        for fields in LISTED_BY:
            keys = [*((field, 1) for field in fields), *NEWEST_FIRST]
            self.messages.collection.create_index(keys, name="_".join(fields))
        self.messages.collection.create_index([("about", 1)], name="about")
        self.messages.collection.create_index(
            [("state", 1)], name="matters", partialFilterExpression=dict(MATTERS)
        )
        self.files.ensure_indexes()
        self.access_log.ensure_indexes()

    def find_messages(self, query: Mapping[str, Any], limit: int) -> list[Saved[Message]]:
        """At most `limit` messages, the newest first."""
        found = self.messages.collection.find(query, {"outbox": 0}).sort(list(NEWEST_FIRST)).limit(limit)
        return [self.messages.saved(document) for document in found]

    def ids(self, query: Mapping[str, Any]) -> list[str]:
        """Ids of the messages that a query finds."""
        return [document["_id"] for document in self.messages.collection.find(query, {"_id": 1})]

    def families_of(self, person_id: str) -> list[str]:
        """The families in which a person has had messages."""
        return self.messages.collection.distinct("family_id", {"person_id": person_id})

    def restrict(self, family_id: str, restricted: bool, file_version: int) -> None:
        """What a newer version of a family's file says of who may read it becomes true of its messages.

        A copy that goes by `file_version` and tells nobody, so it is one update beside the aggregate store; `version` is raised, so
        that whoever is changing one of them meanwhile decides anew.
        """
        self.messages.collection.update_many(
            {"family_id": family_id, "file_version": {"$lt": file_version}},
            {"$set": {"restricted": restricted, "file_version": file_version}, "$inc": {"version": 1}},
        )

    def breaches(self) -> int:
        """How many messages have fallen through: one that must leave and that nobody will look at again, or one that asks for
        something without saying who does what by when."""
        nobody_looks = {"state": {"$in": list(domain.WAITING)}, "wake_at": None}
        nobody_asked = {"state": {"$in": list(NEEDS_SOMEBODY)}, "acknowledged_at": None, "open": []}
        half_said = {
            "open": {
                "$elemMatch": {
                    "$or": [{field: {"$in": [None, ""]}} for field in ("owner.id", "next_action", "due_at")]
                }
            }
        }
        unheld = {"holder": {"$in": [None, ""]}, "open": {"$ne": []}}
        wrong = {"$or": [nobody_looks, nobody_asked, half_said, unheld]}
        return self.messages.collection.count_documents({**MATTERS, **wrong})


def open_store(client: MongoClient, settings: NotificationsSettings, policy: Policy) -> Store:
    """The store in its database. It writes nothing."""
    database = mongo.database(client, settings.database(SERVICE))
    messages = Aggregates(
        database["messages"],
        Message,
        service=SERVICE,
        subject="message",
        wake_at=partial(domain.wake_at, deadlines=policy.deadlines, patience=policy.patience),
    )
    return Store(database, messages, FamilyFiles(database["files"]), AccessLog(database["access_log"]))
