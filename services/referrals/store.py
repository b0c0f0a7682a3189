"""The database of referrals: its collections, and an index for every question that is asked of them.

| collection | holds |
|---|---|
| `referrals` | the aggregates |
| `known_cases` | a read model: what referrals has to know of a case, from casework's events |
| `family_files` | a read model: who may read a family, from the events of intake and casework |
| `services` | the directory, written at `seed` |
| `access_log` | who saw whose file |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from pymongo import MongoClient, ReadPreference, ReturnDocument, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.referrals.domain.case import KnownCase, heard
from services.referrals.domain.directory import Service
from services.referrals.domain.referral import ENDED, STATES, UNSUCCESSFUL, Referral, wake_at
from shared import mongo, reference
from shared.access import SOMETHING_OPEN, FamilyFiles
from shared.access_log import AccessLog
from shared.aggregate import Aggregates
from shared.calendar import Deadlines
from shared.events.cloudevents import Envelope
from shared.refusals import Conflict
from shared.settings import Settings

T = TypeVar("T")
SERVICE = "referrals"
ATTEMPTS = 5
"""How often a transaction that lost the race for a key is tried again."""
NEWEST_FIRST = (("requested_at", -1), ("_id", -1))
"""The order of lists of referrals."""
EARLIEST_DUE_FIRST = (("open.0.due_at", 1), ("_id", 1))
"""The order of lists of what waits: by what is the agency's to do, or the holder's, and was opened first."""


def waiting_by(field: str) -> str:
    """The name of the index over what waits, of an agency or of a center."""
    return f"{field}-waiting"


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything that referrals keeps."""

    client: MongoClient
    database: Database
    referrals: Aggregates[Referral]
    cases: KnownCases
    files: FamilyFiles
    directory: Directory
    access_log: AccessLog

    @property
    def aggregates(self) -> tuple[Aggregates[Any], ...]:
        """The collections that have an outbox."""
        return (self.referrals,)

    def ping(self) -> None:
        """Raises PyMongoError where the database does not answer."""
        self.client.admin.command("ping")

    def transaction(self, work: Callable[[ClientSession], T]) -> T:
        """All that `work` writes with this session, or nothing. `work` may run several times.

        A write conflict is tried again by the driver; a key that somebody else took meanwhile is tried again here, and `work`
        then finds what is there. Raises Conflict where that does not end, and what `work` raises.
        """
        for _ in range(ATTEMPTS):
            with self.client.start_session() as session:
                try:
                    return session.with_transaction(
                        work,
                        read_concern=ReadConcern("snapshot"),
                        write_concern=WriteConcern("majority", j=True),
                        read_preference=ReadPreference.PRIMARY,
                    )
                except DuplicateKeyError:
                    continue
        raise Conflict

    def declined(self, case_id: str, kind: str) -> set[str]:
        """Agencies that were asked for this kind of service for this case, and did not give it."""
        asked = {"case_id": case_id, "service_kind": kind, "state": {"$in": sorted(UNSUCCESSFUL)}}
        return set(self.referrals.collection.distinct("agency_id", asked))

    def breaches(self) -> int:
        """How many referrals want something to be done without saying by whom, what and by when. It should be 0."""
        lacking = [
            {f"open.{field}": {"$in": [None, ""]}} for field in ("owner.id", "next_action", "due_at", "rule")
        ]
        wanting = {
            "$or": [
                {"state": {"$in": sorted(set(STATES) - ENDED)}},
                {"state": {"$in": sorted(UNSUCCESSFUL)}, "acknowledged": None},
            ]
        }
        bad = {"$or": [{"open": {"$size": 0}}, {"holder": {"$in": [None, ""]}}, *lacking]}
        return self.referrals.collection.count_documents({"$and": [wanting, bad]})

    def ensure_indexes(self) -> None:
        self.referrals.ensure_indexes()
        order = list(NEWEST_FIRST)
        for fields in (
            ("case_id",),
            ("family_id",),
            ("center_id",),
            ("center_id", "state"),
            ("holder",),
            ("agency_id",),
            ("agency_id", "state"),
        ):
            keys = [(field, 1) for field in fields]
            self.referrals.collection.create_index([*keys, *order], name="-".join(fields))
        for field in ("agency_id", "center_id"):
            # What waits is as much as people can carry, however many have ended.
            self.referrals.collection.create_index(
                [(field, 1), *EARLIEST_DUE_FIRST],
                name=waiting_by(field),
                partialFilterExpression=dict(SOMETHING_OPEN),
            )
        self.referrals.collection.create_index([("state", 1), ("acknowledged", 1)], name="state-acknowledged")
        self.cases.ensure_indexes()
        self.files.ensure_indexes()
        self.directory.ensure_indexes()
        self.access_log.ensure_indexes()


def open_store(client: MongoClient, settings: Settings, deadlines: Deadlines) -> Store:
    """The store in the service's database. `deadlines` say when the clock has to look at a referral."""
    database = mongo.database(client, settings.database(SERVICE))
    return Store(
        client=client,
        database=database,
        referrals=Aggregates(
            database["referrals"],
            Referral,
            service=SERVICE,
            subject="referral",
            wake_at=partial(wake_at, deadlines=deadlines),
        ),
        cases=KnownCases(database["known_cases"]),
        files=FamilyFiles(database["family_files"]),
        directory=Directory(database["services"]),
        access_log=AccessLog(database["access_log"]),
    )


class KnownCases:
    """The read model of cases: one row per case, replaced only by what a newer event says."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("family_id", 1)], name="family")

    def find(self, case_id: str) -> KnownCase | None:
        return _known(self.collection.find_one({"_id": case_id}))

    def of_family(self, family_id: str) -> list[tuple[str, KnownCase]]:
        """The family's cases, with their ids."""
        rows = self.collection.find({"family_id": family_id}).sort("_id", 1)
        return [(row["_id"], msgspec.convert(row, KnownCase)) for row in rows]

    def lock(self, case_id: str, session: ClientSession) -> KnownCase | None:
        """The case, kept as it is until the transaction ends: whoever writes its row meanwhile waits, or makes us begin again.

        So a referral is either there when a reaction to the case's next event looks for it, or is decided on what that event said.
        """
        return _known(
            self.collection.find_one_and_update(
                {"_id": case_id},
                {"$inc": {"locks": 1}},
                session=session,
                return_document=ReturnDocument.AFTER,
            )
        )

    def touch_family(self, family_id: str) -> None:
        """Wait for referrals of the family that are being made right now (see `lock`)."""
        self.collection.update_many({"family_id": family_id}, {"$inc": {"locks": 1}})

    def apply(self, envelopes: Sequence[Envelope]) -> None:
        """Take in a batch of events (a read model of the consumer). Applying any of them again changes nothing."""
        cases: dict[str, list[Envelope]] = {}
        for envelope in envelopes:
            if envelope.source == "/casework":
                cases.setdefault(envelope.subject, []).append(envelope)
        while not self._save(self._writes(cases)):
            continue  # somebody else has changed one meanwhile; those that are written have nothing new the second time

    def _writes(self, cases: Mapping[str, list[Envelope]]) -> list[UpdateOne]:
        """What writes down what each case's events add, on the row as it is now."""
        found = {row["_id"]: row for row in self.collection.find({"_id": {"$in": list(cases)}})}
        writes = []
        for case_id, envelopes in cases.items():
            row = found.get(case_id)
            known = before = _known(row)
            for envelope in envelopes:
                known = heard(known, envelope)
            if known != before:
                writes.append(_write(case_id, known, row))
        return writes

    def _save(self, writes: Sequence[UpdateOne]) -> bool:
        return mongo.write_all(self.collection, writes)


def _write(case_id: str, known: KnownCase, row: Mapping[str, Any] | None) -> UpdateOne:
    # The whole row, not only its sequence: a rebuild puts right what the row says and leaves the sequence.
    told = {name: value for name, value in row.items() if name != "locks"} if row else {"sequence": None}
    return UpdateOne({**told, "_id": case_id}, {"$set": msgspec.to_builtins(known)}, upsert=row is None)


class Directory:
    """The services of the agencies."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("region", 1), ("kind", 1), ("_id", 1)], name="place")
        self.collection.create_index([("kind", 1), ("_id", 1)], name="kind")

    def get(self, id: str) -> Service | None:
        row = self.collection.find_one({"_id": id})
        return _service(row) if row else None

    def find(self, query: Mapping[str, Any], limit: int = 0) -> list[Service]:
        """Services by their fields, in the order of their ids; `limit` 0 is all."""
        return [_service(row) for row in self.collection.find(query).sort("_id", 1).limit(limit)]

    def seed(self, services: Iterable[reference.Service]) -> None:
        """Write the reference list. What is known of free places stays: an agency says that itself."""
        writes = []
        for service in services:
            fields = msgspec.to_builtins(service, builtin_types=(datetime,)) | {"region": service.region}
            id, capacity = fields.pop("id"), fields.pop("capacity", None)
            update = {"$set": fields, "$setOnInsert": {"capacity": capacity}}
            writes.append(UpdateOne({"_id": id}, update, upsert=True))
        self.collection.bulk_write(writes, ordered=False)


def _known(row: Mapping[str, Any] | None) -> KnownCase | None:
    return msgspec.convert(row, KnownCase) if row else None


def _service(row: Mapping[str, Any]) -> Service:
    return msgspec.convert({**row, "id": row["_id"]}, Service)
