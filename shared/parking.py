"""Messages that could not be handled, kept in the service's own database until they can.

`parked`: the message failed, or stands behind one of the same key that did. Order per key holds: while a key has anything parked,
every later message of that key is parked behind it, and they are handled in order of `sequence`.
`dead`: nobody can say what the message is (no readable envelope), so it has no key to hold up.

A parked document: `{_id: event id, key, sequence, topic, position, type, stage, reason, at, tries, next_at, message}`.
`stage`: `read-model`, `reaction`, or `behind`. `reason`: the type of the exception and where it arose, or a text of ours; never the
exception's own message, which might quote what a person told us. `next_at` (the database's clock): when the head of the key is
tried again by itself; the intervals grow from `FIRST_RETRY` to `LAST_RETRY` seconds.

    parking = Parking(database)
    parking.list(limit=50)                  # for a person: key by key, in order
    parking.drop("5a0e…")                   # give up on one message; what stands behind it goes on
    parking.revive("birtereze.intake/7")    # a dead letter that this build can read is parked with its key
    consumer.replay("case-id")              # try a key now, in order (see shared.consumer)

A person does all this by `python -m services.<name> parked | dead` (`shared.commands`; docs/operations.md says when).
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
"""The stage of a message that nobody has tried yet."""
COUNTED = 10_000
"""Up to how many messages are counted: beyond that the exact number says nothing more."""
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
        self._parked.create_index([("at", 1)], name="at")

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

    def park_behind(
        self, arrivals: Sequence[Arrival], reason: str = "an earlier message of this key is parked"
    ) -> None:
        """Keep messages that are to be handled in their turn. Those that are parked already stay as they are."""
        if not arrivals:
            return
        now = mongo.database_time(self._client)
        failure = Failure(BEHIND, reason)
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

    def keys(self) -> Sequence[str]:
        """All keys that have something parked, in order."""
        return sorted(self._parked.distinct("key"))

    def count(self, key: str) -> int:
        """How many messages of a key are parked."""
        return self._parked.count_documents({"key": key}, limit=COUNTED)

    def find(self, event_id: str) -> tuple[dict[str, Any], Message] | None:
        """A parked message: what is known of it, and the message itself."""
        return _with_message(self._parked.find_one({"_id": event_id}))

    def find_dead(self, id: str) -> tuple[dict[str, Any], Message] | None:
        """A dead letter (`<topic>/<position>`): what is known of it, and the message itself."""
        return _with_message(self._dead.find_one({"_id": id}))

    def parked_of(self, event_ids: Iterable[str]) -> set[str]:
        """Those of the events that are parked."""
        return set(self._parked.distinct("_id", {"_id": {"$in": list(event_ids)}}))

    def drop(self, event_id: str) -> bool:
        """Give up on a parked message: it takes no effect here, and what stands behind it goes on.

        It is still on the log, so a group that is rewound gets it again.
        """
        return self._parked.delete_one({"_id": event_id}).deleted_count == 1

    def drop_dead(self, id: str) -> bool:
        """Remove a dead letter (`<topic>/<position>`)."""
        return self._dead.delete_one({"_id": id}).deleted_count == 1

    def revive(self, id: str) -> str | None:
        """Park a dead letter that can be read now with its key, to be handled in its turn. Returns the key.

        None where there is no such dead letter; UnreadableEnvelope where it cannot be read by this build either. A process that
        dies in between leaves it in both places, and doing it again sets that right.
        """
        found = self.find_dead(id)
        if found is None:
            return None
        document, message = found
        delivery = Delivery(document["topic"], document["position"], message)
        arrival = Arrival(delivery, from_message(message))
        self.park_behind([arrival], "it was a dead letter, and can be read now")
        self.drop_dead(id)
        return arrival.key

    # ------------------------------------------------------------------ what is watched

    def counts(self) -> tuple[int, int]:
        """How many messages are parked, and how many dead (each counted up to `COUNTED`)."""
        return (
            self._parked.count_documents({}, limit=COUNTED),
            self._dead.count_documents({}, limit=COUNTED),
        )

    def age_of_oldest(self) -> float:
        """Seconds since the longest parked message was parked; 0 where nothing is."""
        oldest = self._parked.find_one({}, {"at": 1}, sort=[("at", 1)])
        if oldest is None:
            return 0.0
        return max(0.0, (mongo.database_time(self._client) - oldest["at"]).total_seconds())


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


def _with_message(document: dict[str, Any] | None) -> tuple[dict[str, Any], Message] | None:
    if document is None:
        return None
    return {k: v for k, v in document.items() if k != "message"}, _message(document["message"])
