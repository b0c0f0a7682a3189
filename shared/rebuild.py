"""Makes a read model anew from the log, while it is read and the worker goes on adding to it.

    MODELS = {"files": Model(("files",), lambda at: FamilyFiles(at("files")).apply)}
    outcome = Rebuild("casework", "files", MODELS["files"], topics, log, database).run()

The model is first built from the beginning of the log on collections of its own (`rebuild.files.…`), by a group of its own. Then
the collections that are in use are made equal to it, **document by document**: what differs is replaced, what is missing added,
what should not be there removed, each by a write that only succeeds if nobody has changed the document since it was looked at.
Otherwise it is looked at again. Nothing is renamed, emptied or locked, so a page sees each document as it was or as it should be.

Why nothing is lost: a document that differs is compared again after the group has read up to the end of the log. By then the copy
holds everything that the worker can have taken in when the document was read, so it is never older than what it replaces. Once
put right, a document stays right by what the worker adds: read models ignore what they have seen. A rebuild that dies in the
middle leaves every document as it was or as it should be; begin it anew. It writes nothing but read models: no reaction runs.

What is parked is taken in where the model can take it, for it is never less than what the worker has taken in. An event that the
model cannot take, and what follows of its key, is left out if it is parked; if it is not, nothing is changed: that is a model
which cannot be built by this version of the program. Dead letters are left out.

Errors: `CannotRebuild` (its text says why). Errors of the database and the log pass through.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pymongo import DeleteOne, ReplaceOne, UpdateOne, WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from shared import mongo, telemetry
from shared.events.cloudevents import Envelope, UnreadableEnvelope, from_message
from shared.lease import Lease
from shared.log import Delivery, Fenced, Log, LogAway, Reader
from shared.parking import Parking

T = TypeVar("T")
Apply = Callable[[Sequence[Envelope]], None]
Documents = Mapping[str, Mapping[str, Any]]

BATCH = 500
POLL_SECONDS = 1.0
LEASE_SECONDS = 15.0
PATIENCE = 60.0
"""Seconds for which a log that does not answer, or gives no message though there are some, is waited for."""
PARKED_WITHIN = 5.0
"""Seconds within which the worker parks what it cannot take: an event may have reached us first."""
LOOK = 0.1
COUNTING = frozenset({"revision", "locks"})
"""Fields that only count writes: they say nothing, and a copy has others."""
DUPLICATE_KEY = 11000

log_lines = telemetry.logger()


@dataclass(frozen=True)
class Model:
    """How a read model is made. `collections`: the names of those that are its rows.

    `build(at)` makes it, with its indexes, on the collections that `at(name)` gives, and returns what takes in a batch of events.
    Another model that it leans on it makes for itself, under a name that is not one of `collections`.
    """

    collections: Sequence[str]
    build: Callable[[Callable[[str], Collection]], Apply]


@dataclass
class Outcome:
    """What was done: events read, and documents that were put right, added, removed; `left_out`: parked events not taken in."""

    events: int = 0
    corrected: int = 0
    added: int = 0
    removed: int = 0
    left_out: list[str] = field(default_factory=list)


class CannotRebuild(Exception):
    """The text says why, for a person."""


class Rebuild:
    """One rebuild of the read model `name` of a service, from `topics`."""

    def __init__(
        self, service: str, name: str, model: Model, topics: Sequence[str], log: Log, database: Database
    ) -> None:
        self._name = name
        self._model = model
        self._topics = topics
        self._log = log
        self._database = database
        self._parking = Parking(database)
        self._group = f"{service}-rebuild-{name}"
        self._lease = Lease(database["leases"], f"rebuild {name}", seconds=LEASE_SECONDS)
        self._left_out: dict[str, str] = {}
        """Key → the event of it that the model cannot take."""
        self._outcome = Outcome()
        self._apply: Apply
        self._reader: Reader

    def run(self) -> Outcome:
        """Do it. May be done again at any time, also after it died in the middle."""
        with ExitStack() as undo:
            self._keep_lease()
            undo.callback(self._lease.release)
            self._forget_copies()
            undo.callback(self._forget_copies)
            self._apply = self._model.build(self._copy)
            self._patiently(self._log.rewind, self._group)
            self._reader = undo.enter_context(closing(self._log.reader(self._group, self._topics)))
            self._catch_up()
            self._refuse_what_is_not_sound()
            for collection in self._model.collections:
                self._make_equal(self._database[collection], self._copy(collection))
        return self._outcome

    # ------------------------------------------------------------------ the copy

    def _copy(self, collection: str) -> Collection:
        """A collection of the copy. Nothing depends on its surviving anything, so its writes do not wait for a disk."""
        return self._database[self._prefix + collection].with_options(
            write_concern=WriteConcern(1), read_concern=ReadConcern("local")
        )

    @property
    def _prefix(self) -> str:
        return f"rebuild.{self._name}."

    def _forget_copies(self) -> None:
        for collection in self._database.list_collection_names():
            if collection.startswith(self._prefix):
                self._database.drop_collection(collection)

    def _catch_up(self) -> None:
        """Take in everything that is on the log now."""
        end = time.monotonic() + PATIENCE
        full = False
        while full or any(self._patiently(self._log.lag, self._group, self._topics).values()):
            self._keep_lease()
            deliveries = self._patiently(self._reader.poll, BATCH, POLL_SECONDS)
            full = len(deliveries) == BATCH  # there is more, without asking
            if deliveries:
                self._take(deliveries)
                self._commit()
                end = time.monotonic() + PATIENCE
            elif time.monotonic() > end:
                raise LogAway("no messages, though there are some")

    def _commit(self) -> None:
        try:
            self._patiently(self._reader.commit)
        except Fenced:
            log_lines.info("rebuild: the log shares out the group anew, and gives some messages again")

    def _patiently(self, action: Callable[..., T], *arguments: Any) -> T:
        """Ask the log again for a while: one that has just started does not know any group for some seconds."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return action(*arguments)
            except LogAway:
                if time.monotonic() > end:
                    raise
            self._keep_lease()
            time.sleep(LOOK)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        envelopes = [e for e in _readable(deliveries) if e.partitionkey not in self._left_out]
        self._outcome.events += len(deliveries)
        try:
            self._apply(envelopes)
        except Exception as error:
            if mongo.is_away(error):
                raise
            for envelope in envelopes:
                self._take_one(envelope)

    def _take_one(self, envelope: Envelope) -> None:
        if envelope.partitionkey in self._left_out:
            return
        try:
            self._apply([envelope])
        except Exception as error:
            if mongo.is_away(error):
                raise
            log_lines.warning("rebuild: an event cannot be taken", event_id=envelope.id, exc_info=error)
            self._left_out[envelope.partitionkey] = envelope.id
            self._outcome.left_out.append(envelope.id)

    # ------------------------------------------------------------------ what must not be gone on with

    def _refuse_what_is_not_sound(self) -> None:
        if not self._outcome.events and any(
            self._database[collection].find_one({}, {"_id": 1}) for collection in self._model.collections
        ):
            raise CannotRebuild("The log is empty, and the read model is not: nothing was changed.")
        end = time.monotonic() + PARKED_WITHIN
        while strangers := set(self._outcome.left_out) - self._parking.parked_of(self._outcome.left_out):
            if time.monotonic() > end:
                raise CannotRebuild(
                    f"Event {min(strangers)} cannot be taken by this read model, and is not parked: nothing was changed."
                )
            time.sleep(LOOK)

    def _keep_lease(self) -> None:
        if not self._lease.hold():
            raise CannotRebuild(
                f"{self._name} is being rebuilt by another process (one that died is waited for {LEASE_SECONDS:.0f} s)."
            )

    # ------------------------------------------------------------------ making equal

    def _make_equal(self, live: Collection, copy: Collection) -> None:
        for ids in _batches(copy):
            self._put_right(ids, live, copy)
        for ids in _batches(live):
            self._put_right(ids - set(copy.distinct("_id", {"_id": {"$in": list(ids)}})), live, copy)

    def _put_right(self, ids: set[str], live: Collection, copy: Collection) -> None:
        """Make these documents equal. Ends when each was seen to be."""
        while different := _different(_documents(live, ids), _documents(copy, ids)):
            before = _documents(live, different)
            # Now: the copy knows all that whoever wrote these documents can have known.
            self._catch_up()
            self._write(live, before, _documents(copy, different))
            ids = different

    def _write(self, live: Collection, before: Documents, after: Documents) -> None:
        ids = _different(before, after)
        writes = [_write_of(id, before.get(id), after.get(id)) for id in sorted(ids)]
        if not writes:
            return
        try:
            done: Mapping[str, Any] = live.bulk_write(writes, ordered=False).bulk_api_result
        except BulkWriteError as error:
            if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise
            done = error.details
        self._outcome.corrected += done["nModified"]
        self._outcome.added += done["nUpserted"]
        self._outcome.removed += done["nRemoved"]


def _write_of(
    id: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> UpdateOne | ReplaceOne | DeleteOne:
    """The write that makes a document what it should be, if it still is as it was."""
    unchanged = {"_id": id, "$expr": {"$eq": ["$$ROOT", {"$literal": before}]}}
    if after is None:
        return DeleteOne(unchanged)
    document = {name: value for name, value in after.items() if name != "_id"}
    if "revision" in document:
        # One that nobody has seen: whoever read the old document and is about to write must not take this for it.
        document["revision"] = random.getrandbits(48)
    if before is None:
        return UpdateOne({"_id": id}, {"$setOnInsert": document}, upsert=True)
    return ReplaceOne(unchanged, document)


def _readable(deliveries: Sequence[Delivery]) -> Iterator[Envelope]:
    for delivery in deliveries:
        try:
            yield from_message(delivery.message)
        except UnreadableEnvelope:
            continue


def _batches(collection: Collection) -> Iterator[set[str]]:
    """The ids of a collection, a batch at a time. The cursor is not kept open in between: a batch may take long."""
    last: dict[str, Any] = {}
    while True:
        found = collection.find(last, {"_id": 1}).sort("_id", 1)
        ids = [document["_id"] for document in found.limit(BATCH)]
        if not ids:
            return
        yield set(ids)
        last = {"_id": {"$gt": ids[-1]}}


def _documents(collection: Collection, ids: Iterable[str]) -> Documents:
    return {document["_id"]: document for document in collection.find({"_id": {"$in": list(ids)}})}


def _different(these: Documents, those: Documents) -> set[str]:
    return {id for id in {*these, *those} if _told(these.get(id)) != _told(those.get(id))}


def _told(document: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a document tells, without what only counts writes."""
    if document is None:
        return None
    return {name: value for name, value in document.items() if name not in COUNTING}
