"""The database of casework: its collections, and an index for every question that is asked of them.

| collection | holds |
|---|---|
| `cases` | the aggregates |
| `staff` | workers and supervisors of the centers, written at `seed` |
| `family_files` | a read model: who may read a family, from the events of all services |
| `access_log` | who saw whose file |

**A family has at most one case that is not closed**: a partial unique index on `family_id` sees to it, under every race.
"""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from services.casework.domain.case import Case
from services.casework.domain.items import wake_at
from services.casework.domain.states import OPEN_STATES
from shared import mongo
from shared.access import FamilyFiles
from shared.access_log import AccessLog
from shared.aggregate import Aggregates
from shared.calendar import Deadlines
from shared.reference import Staff
from shared.settings import Settings

SERVICE = "casework"
NEWEST_FIRST = (("opened_at", -1), ("_id", -1))
"""The order of all lists of cases."""
NOT_CLOSED: Mapping[str, Any] = {"state": {"$in": list(OPEN_STATES)}}
HELD_AND_OPEN = "holder-state"
"""The index in which open cases are counted."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything that casework keeps."""

    client: MongoClient
    database: Database
    cases: Aggregates[Case]
    files: FamilyFiles
    staff: StaffList
    access_log: AccessLog

    @property
    def aggregates(self) -> tuple[Aggregates[Any], ...]:
        """The collections that have an outbox."""
        return (self.cases,)

    def ping(self) -> None:
        """Raises PyMongoError where the database does not answer."""
        self.client.admin.command("ping")

    def case_with(self, appeal_id: str) -> str | None:
        """Id of the case that has the appeal."""
        return self._id({"appeal_ids": appeal_id})

    def open_case_of(self, family_id: str) -> str | None:
        """Id of the family's case that is not closed."""
        return self._id({"family_id": family_id, **NOT_CLOSED})

    def cases_of(self, family_id: str) -> list[str]:
        """Ids of all cases of the family, closed ones included."""
        return [row["_id"] for row in self.cases.collection.find({"family_id": family_id}, {"_id": 1})]

    def next_holder(self, center_id: str) -> str | None:
        """The active worker of the center with the fewest open cases; of several, the first by login. None: there is none."""
        workers = self.staff.active_workers(center_id)
        held = self.open_cases(workers)
        return min(workers, key=lambda login: (held.get(login, 0), login), default=None)

    def open_cases(self, holders: Many[str]) -> dict[str, int]:
        """Holder → how many cases he holds that are not closed; counted in the index, now. Without those who hold none."""
        held = [
            {"$match": {"holder": {"$in": list(holders)}, **NOT_CLOSED}},
            {"$group": {"_id": "$holder", "n": {"$sum": 1}}},
        ]
        # By this index: else those that are closed are looked at too.
        found = self.cases.collection.aggregate(held, hint=HELD_AND_OPEN)
        return {row["_id"]: row["n"] for row in found}

    def breaches(self) -> int:
        """How many open cases want something done without saying by whom, what and by when, or have no holder. It should be 0."""
        lacking = [
            {f"open.{field}": {"$in": [None, ""]}} for field in ("owner.id", "next_action", "due_at", "rule")
        ]
        bad = {"$or": [{"open": {"$size": 0}}, {"holder": {"$in": [None, ""]}}, *lacking]}
        return self.cases.collection.count_documents({**NOT_CLOSED, **bad})

    def ensure_indexes(self) -> None:
        """Make the indexes. Doing it again changes nothing."""
        self.cases.ensure_indexes()
        cases = self.cases.collection
        cases.create_index(
            [("family_id", 1)],
            name="one-open-case",
            unique=True,
            partialFilterExpression=dict(NOT_CLOSED),
        )
        cases.create_index([("state", 1)], name="not-closed", partialFilterExpression=dict(NOT_CLOSED))
        order = list(NEWEST_FIRST)
        for fields in (
            ("appeal_ids",),
            ("family_id",),
            ("center_id",),
            ("center_id", "state"),
            ("holder",),
            ("holder", "state"),
        ):
            cases.create_index([*((field, 1) for field in fields), *order], name="-".join(fields))
        cases.create_index([("center_id", 1), ("open.due_at", 1)], name="due")
        self.staff.ensure_indexes()
        self.files.ensure_indexes()
        self.access_log.ensure_indexes()

    def _id(self, query: Mapping[str, Any]) -> str | None:
        row = self.cases.collection.find_one(query, {"_id": 1})
        return row["_id"] if row else None


class StaffList:
    """Who works in which center. Ids are logins."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("center_id", 1), ("_id", 1)], name="center")

    def seed(self, members: Sequence[Staff]) -> None:
        """Add who is not known yet; what is known of the others stays."""
        for member in members:
            fields = {
                "name": member.name,
                "center_id": member.center_id,
                "role": member.role,
                "active": member.active,
            }
            self.collection.update_one({"_id": member.id}, {"$setOnInsert": fields}, upsert=True)

    def of_center(self, center_id: str, after: str, limit: int) -> list[Staff]:
        """Staff of the center by login, those after `after`."""
        rows = self.collection.find({"center_id": center_id, "_id": {"$gt": after}}).sort("_id", 1)
        return [_staff(row) for row in rows.limit(limit)]

    def active_workers(self, center_id: str) -> list[str]:
        """Logins of the workers among whom the center's cases are shared out."""
        workers = {"center_id": center_id, "role": "worker", "active": True}
        return [row["_id"] for row in self.collection.find(workers, {"_id": 1})]

    def is_active(self, login: str, center_id: str) -> bool:
        """Whether this member of the center's staff may hold a case."""
        return self.collection.find_one({"_id": login, "center_id": center_id, "active": True}) is not None


def open_store(client: MongoClient, settings: Settings, deadlines: Deadlines) -> Store:
    """The store in the service's database. `deadlines` say when the clock has to look at a case."""
    database = mongo.database(client, settings.database(SERVICE))
    return Store(
        client=client,
        database=database,
        cases=Aggregates(
            database["cases"],
            Case,
            service=SERVICE,
            subject="case",
            wake_at=partial(wake_at, deadlines=deadlines),
        ),
        files=FamilyFiles(database["family_files"]),
        staff=StaffList(database["staff"]),
        access_log=AccessLog(database["access_log"]),
    )


def _staff(row: Mapping[str, Any]) -> Staff:
    return Staff(
        id=row["_id"],
        name=row["name"],
        center_id=row["center_id"],
        role=row["role"],
        active=row["active"],
    )
