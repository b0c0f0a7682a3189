"""Messages that could not be handled, kept in the service's own database until they can.

`parked`: the message failed, or stands behind one of the same key that did. Order per key holds: while a key has anything parked,
every later message of that key is parked behind it, and they are handled in order of `sequence`.
`dead`: nobody can say what the message is (no readable envelope), so it has no key to hold up.

A parked document: `{_id: event id, key, sequence, topic, position, type, stage, reason, at, tries, next_at, message}`.
`stage`: `read-model`, `reaction`, or `behind`. `reason`: the type of the exception and where it arose, or a text of ours; never the
exception's own message, which might quote what a person told us. `next_at` (the database's clock): when the head of the key is
tried again by itself; the intervals grow from `FIRST_RETRY` to `LAST_RETRY` seconds.

    parking = Parking(database)
    parking.list(limit=50)                  # for a person: oldest first
    parking.drop("5a0e…")                   # give up on one message; what stands behind it goes on
    consumer.replay("case-id")              # try a key now, in order (see shared.consumer)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from shared import mongo
from shared.events.cloudevents import Envelope, UnreadableEnvelope, from_message
from shared.log import Delivery, Message

FIRST_RETRY, LAST_RETRY = 1.0, 300.0
BEHIND = "behind"
DUPLICATE_KEY = 11000


@dataclass(frozen=True)
class Arrival:
    """A message that was read: where it stands, and its envelope."""

    delivery: Delivery
    envelope: Envelope

    @property
    def key(self) -> str:
        return self.envelope.partitionkey


@dataclass(frozen=True)
class Failure:
    """Why a message was not handled: at which stage, and a text without anything personal in it."""

    stage: str
    reason: str


class Parking:
    """The parked and the dead messages of one service's database."""

    def __init__(self, database: Database) -> None:
        self._client = database.client
        self._parked = database["parked"]
        self._dead = database["dead"]

    def ensure_indexes(self) -> None:
        self._parked.create_index([("key", 1), ("sequence", 1)], name="key_sequence")

    # ------------------------------------------------------------------ what the consumer does

    def held(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have something parked."""
        return set(self._parked.distinct("key", {"key": {"$in": list(set(keys))}}))

    def park(self, arrival: Arrival, failure: Failure) -> None:
        """Keep a message that failed. One that is parked already stays as it is."""
        now = mongo.database_time(self._client)
        document = _document(arrival, failure, now) | {"tries": 1, "next_at": now + _interval(1)}
        try:
            self._parked.insert_one(document)
        except DuplicateKeyError:
            return

    def park_behind(self, arrivals: Sequence[Arrival]) -> None:
        """Keep messages whose key has something parked."""
        if not arrivals:
            return
        now = mongo.database_time(self._client)
        failure = Failure(BEHIND, "an earlier message of this key is parked")
        documents = {arrival.envelope.id: _document(arrival, failure, now) for arrival in arrivals}
        try:
            self._parked.insert_many(list(documents.values()), ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]):
                raise
            if error.details["writeConcernErrors"]:
                raise

    def bury(self, delivery: Delivery, reason: str) -> None:
        """Keep a message without a readable envelope."""
        document = {
            "_id": f"{delivery.topic}/{delivery.position}",
            "topic": delivery.topic,
            "position": delivery.position,
            "reason": reason,
            "at": mongo.database_time(self._client),
            "message": _message_document(delivery.message),
        }
        self._dead.replace_one({"_id": document["_id"]}, document, upsert=True)

    # ------------------------------------------------------------------ replay

    def due(self, limit: int) -> list[str]:
        """Keys whose turn it is to be tried again, at most `limit`, the longest waiting first."""
        now = mongo.database_time(self._client)
        heads = self._parked.aggregate(
            [
                {"$sort": {"key": 1, "sequence": 1}},
                {"$group": {"_id": "$key", "next_at": {"$first": "$next_at"}}},
                # One that came to the head has no time yet: it may be tried at once.
                {"$match": {"$expr": {"$lte": [{"$ifNull": ["$next_at", now]}, now]}}},
                {"$sort": {"next_at": 1}},
                {"$limit": limit},
            ]
        )
        return [head["_id"] for head in heads]

    def head(self, key: str) -> Arrival | None:
        """The message of the key that has to be handled next."""
        while (document := self._parked.find_one({"key": key}, sort=[("sequence", 1)])) is not None:
            delivery = Delivery(document["topic"], document["position"], _message(document["message"]))
            try:
                return Arrival(delivery, from_message(delivery.message))
            except UnreadableEnvelope as error:  # readable when it was parked, but not for this build
                self.bury(delivery, str(error))
                self.done(document["_id"])
        return None

    def failed_again(self, event_id: str, failure: Failure) -> None:
        """Note why a parked message failed again, and when it will be tried next."""
        document = self._parked.find_one({"_id": event_id}, {"tries": 1})
        if document is None:
            return
        tries = document.get("tries", 0) + 1
        self._parked.update_one(
            {"_id": event_id},
            {
                "$set": {
                    "stage": failure.stage,
                    "reason": failure.reason,
                    "tries": tries,
                    "next_at": mongo.database_time(self._client) + _interval(tries),
                }
            },
        )

    def done(self, event_id: str) -> None:
        """The parked message has been handled."""
        self._parked.delete_one({"_id": event_id})

    # ------------------------------------------------------------------ what a person sees and does

    def list(self, *, key: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Parked messages without their content, in order of their keys; `key` narrows it to one."""
        return list(
            self._parked.find({} if key is None else {"key": key}, {"message": 0})
            .sort([("key", 1), ("sequence", 1)])
            .limit(limit)
        )

    def list_dead(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """Dead letters without their content, oldest first."""
        return list(self._dead.find({}, {"message": 0}).sort("at", 1).limit(limit))

    def drop(self, event_id: str) -> bool:
        """Give up on a parked message: it will never take effect here, and what stands behind it goes on."""
        return self._parked.delete_one({"_id": event_id}).deleted_count == 1

    def drop_dead(self, id: str) -> bool:
        """Remove a dead letter (`<topic>/<position>`)."""
        return self._dead.delete_one({"_id": id}).deleted_count == 1

    def counts(self) -> tuple[int, int]:
        """How many messages are parked, and how many dead (estimates, from the collections' own counts)."""
        return self._parked.estimated_document_count(), self._dead.estimated_document_count()


def _interval(tries: int) -> timedelta:
    return timedelta(seconds=min(FIRST_RETRY * 2 ** min(tries - 1, 20), LAST_RETRY))


def _document(arrival: Arrival, failure: Failure, now: datetime) -> dict[str, Any]:
    delivery, envelope = arrival.delivery, arrival.envelope
    return {
        "_id": envelope.id,
        "key": arrival.key,
        "sequence": envelope.sequence,
        "topic": delivery.topic,
        "position": delivery.position,
        "type": envelope.type,
        "stage": failure.stage,
        "reason": failure.reason,
        "at": now,
        "message": _message_document(delivery.message),
    }


def _message_document(message: Message) -> dict[str, Any]:
    headers = [[name, text] for name, text in message.headers.items()]
    return {"key": message.key, "headers": headers, "value": message.value}


def _message(document: dict[str, Any]) -> Message:
    return Message(document["key"], dict(document["headers"]), bytes(document["value"]))
