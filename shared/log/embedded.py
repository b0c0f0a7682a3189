"""The event log kept in MongoDB: for one machine, and small on purpose (see `shared.log` for what it guarantees).

A topic is a collection, `topic.<name>`; a message is a document `{_id: position, key, headers, value}`. A position is the next
number after the topic's tail, and it is taken by inserting it: a duplicate key means that somebody was faster, so the tail is
read again. There is no counter, for a counter leaves holes for a moment, and a reader skips them. No lease is needed to append.

A group is a row in `groups`: `{_id: group, owner, token, until, positions: [{topic, position}]}`. One member is active, by a
lease (`shared.lease`); a commit must match owner and token. It does not test `until`: a batch that took longer than the lease
may be committed as long as nobody has taken over. While a batch is handled a thread renews the lease, for `HANDLING_LIMIT`
seconds after the poll at most. It stands still when the process does (SIGSTOP), so a paused member loses the group.

Sharing a topic among members, rebalancing and scale are Kafka's work.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, CollectionInvalid, PyMongoError
from pymongo.read_concern import ReadConcern

from shared import news
from shared.lease import Lease, unique_name
from shared.log import HANDLING_LIMIT, Delivery, Fenced, LogAway, Message, UnknownTopic

PREFIX = "topic."
LEASE_SECONDS = 3.0
STANDBY = 0.25
"""Seconds between two attempts of a member that waits for the group."""
READ_AT_ONCE = 500
DUPLICATE_KEY = 11000


@contextmanager
def _away() -> Iterator[None]:
    """What the database says about the log's own queries is the log's trouble."""
    try:
        yield
    except PyMongoError as error:
        raise LogAway(type(error).__name__) from error


class EmbeddedLog:
    """The log in `database`. Its client is closed with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()
        self._tails: dict[str, int] = {}

    def create_topics(self, topics: Sequence[str]) -> None:
        with _away():
            for topic in topics:
                try:
                    self._database.create_collection(PREFIX + topic)
                except CollectionInvalid:  # it is there
                    continue

    def append(self, topic: str, messages: Sequence[Message]) -> list[int]:
        collection = self.topic(topic)
        done = 0
        while done < len(messages):
            written, error = self._take_positions(topic, collection, messages[done:])
            done += written
            if error is not None:
                if done:
                    break
                raise LogAway(type(error).__name__) from error
        return list(range(done))

    def reader(self, group: str, topics: Sequence[str], member: str | None = None) -> EmbeddedReader:
        collections = {topic: self.topic(topic) for topic in topics}
        return EmbeddedReader(self._database, group, collections, member or unique_name())

    def rewind(self, group: str) -> None:
        with _away():  # the token fences a member that is in the middle of a batch
            self._database["groups"].update_one(
                {"_id": group}, {"$set": {"positions": []}, "$inc": {"token": 1}}, upsert=True
            )

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        collections = {topic: self.topic(topic) for topic in topics}
        with _away():
            done = _committed(self._database["groups"], group)
            return {
                topic: max(0, _tail(collection) - done.get(topic, 0))
                for topic, collection in collections.items()
            }

    def read(self, topic: str) -> Iterator[list[Delivery]]:
        return _read(topic, self.topic(topic))

    def close(self) -> None:
        self._database.client.close()

    def topic(self, name: str) -> Collection:
        """The collection of a topic, or UnknownTopic."""
        if name not in self._known:
            with _away():
                there = self._database.list_collection_names(filter={"name": PREFIX + name})
            if not there:
                raise UnknownTopic(name)
            self._known.add(name)
        return self._database[PREFIX + name]

    def _take_positions(
        self, topic: str, collection: Collection, messages: Sequence[Message]
    ) -> tuple[int, Exception | None]:
        """One attempt to insert after the tail: how many are acknowledged, and what else went wrong."""
        try:
            # The tail is forgotten until the outcome is known: after a failure it has to be read again.
            tail = self._tails.pop(topic, None)
            if tail is None:
                tail = _tail(collection)
            collection.insert_many([_document(tail + 1 + i, message) for i, message in enumerate(messages)])
        except BulkWriteError as error:
            errors = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or not errors or errors[0]["code"] != DUPLICATE_KEY:
                return 0, error
            time.sleep(random.random() * 0.002)  # noqa: S311  spreads the appenders that collided
            return error.details["nInserted"], None
        except PyMongoError as error:
            return 0, error
        self._tails[topic] = tail + len(messages)
        return len(messages), None


class EmbeddedReader:
    """A member of a group. One thread polls; another one, which sleeps nearly always, renews the lease."""

    def __init__(self, database: Database, group: str, topics: dict[str, Collection], member: str) -> None:
        self._database = database
        self._groups = database["groups"]
        self._group = group
        self._topics = topics
        self._lease = Lease(self._groups, group, owner=member, seconds=LEASE_SECONDS)
        self._token: int | None = None
        self._positions: dict[str, int] = {}
        self._polled: dict[str, int] = {}
        self._turn = 0
        self._last_poll = time.monotonic()
        self._closed = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name=f"lease of {group}", daemon=True)
        self._renewal.start()

    def poll(self, limit: int = 500, timeout: float = 1.0) -> list[Delivery]:
        self._last_poll = time.monotonic()
        with _away():
            if not self._lease.hold():
                time.sleep(min(timeout, STANDBY))
                return []
            self._begin_tenancy()
            new = {"operationType": "insert", "ns.coll": {"$in": [PREFIX + topic for topic in self._topics]}}
            found = news.wait_for(lambda: self._after(limit), self._database, new, timeout)
        for delivery in found:
            self._polled[delivery.topic] = int(delivery.position)
        return found

    def commit(self) -> None:
        if self._polled == self._positions:
            return
        positions = [{"topic": topic, "position": position} for topic, position in self._polled.items()]
        with _away():
            result = self._groups.update_one(
                {"_id": self._group, "owner": self._lease.owner, "token": self._token},
                {"$set": {"positions": positions}},
            )
        if not result.matched_count:
            self._token = None
            raise Fenced(self._group)
        self._positions = dict(self._polled)

    def close(self) -> None:
        self._closed.set()
        self._renewal.join()
        with _away():
            self._lease.release()

    def _begin_tenancy(self) -> None:
        """Where the group has come to us (again), go on from what was committed."""
        token = self._lease.token
        if token == self._token:
            return
        self._positions = _committed(self._groups, self._group)
        self._polled = dict(self._positions)
        self._token = token

    def _after(self, limit: int) -> list[Delivery]:
        """What stands after the positions polled. The topics take turns at being first, so that none starves."""
        names = list(self._topics)
        self._turn = (self._turn + 1) % len(names)
        found: list[Delivery] = []
        for topic in names[self._turn :] + names[: self._turn]:
            if len(found) < limit:
                after = {"_id": {"$gt": self._polled.get(topic, 0)}}
                documents = self._topics[topic].find(after).sort("_id", 1).limit(limit - len(found))
                found += [_delivery(topic, document) for document in documents]
        return found

    def _renew(self) -> None:
        while not self._closed.wait(LEASE_SECONDS / 4):
            # Only what we have is renewed: taking the group is the poll's work.
            if self._lease.token is None or time.monotonic() - self._last_poll > HANDLING_LIMIT:
                continue
            try:
                self._lease.hold()
            except PyMongoError:
                continue  # the next poll or commit will find out


def _committed(groups: Collection, group: str) -> dict[str, int]:
    """The last position of each topic that a group has committed."""
    row = groups.find_one({"_id": group}) or {}
    return {entry["topic"]: entry["position"] for entry in row.get("positions", [])}


def _read(topic: str, collection: Collection) -> Iterator[list[Delivery]]:
    with _away():
        position, end = 0, _tail(collection)
    while position < end:
        with _away():
            between = {"_id": {"$gt": position, "$lte": end}}
            found = list(collection.find(between).sort("_id", 1).limit(READ_AT_ONCE))
        if not found:  # a majority does not hold the last of it yet
            return
        position = found[-1]["_id"]
        yield [_delivery(topic, document) for document in found]


def _tail(collection: Collection) -> int:
    """The last position, also one that a majority does not hold yet: what is inserted after it is held by them later still."""
    newest = collection.with_options(read_concern=ReadConcern("local")).find_one(
        {}, {"_id": 1}, sort=[("_id", -1)]
    )
    return newest["_id"] if newest else 0


def _document(position: int, message: Message) -> dict:
    # Headers as pairs: a name may hold what a field's name may not.
    headers = [[name, text] for name, text in message.headers.items()]
    return {"_id": position, "key": message.key, "headers": headers, "value": message.value}


def _delivery(topic: str, document: dict) -> Delivery:
    message = Message(document["key"], dict(document["headers"]), bytes(document["value"]))
    return Delivery(topic, str(document["_id"]), message)
