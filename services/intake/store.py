"""Where intake keeps its documents, and the indexes behind its queries.

Three kinds of aggregates (appeals, families, persons), and what it learns from events. A new person, the family and the appeal are
written in one transaction, as is everything that would be a lie by halves: see `Store.transaction`.

**One IIN, one person.** `(iin, iin_slot)` is unique: of two requests that want to make the same person one loses, is tried again,
and finds the other's. See `domain/person.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pymongo import MongoClient, ReadPreference
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.intake.domain.appeal import STATES, Appeal
from services.intake.domain.family import Family
from services.intake.domain.person import Person
from services.intake.domain.policy import Policy
from services.intake.drafts import Drafts
from services.intake.read_models import KnownReferrals, Timeline, Worklist
from shared import mongo
from shared.access import SOMETHING_OPEN, FamilyFiles
from shared.access_log import AccessLog
from shared.aggregate import Aggregates, Decision, Saved
from shared.refusals import Conflict, NotFound
from shared.settings import Settings

S = TypeVar("S")
T = TypeVar("T")

SERVICE = "intake"

NOT_CLOSED: Mapping[str, Any] = {"state": {"$in": [state for state in STATES if state != "closed"]}}
ATTEMPTS = 10
"""How often a transaction that lost the race for a key is tried again."""


@dataclass(frozen=True)
class Store:
    """`files` is the read model behind `may_read`, of all services; of appeals and families the aggregates know better."""

    database: Database
    appeals: Aggregates[Appeal]
    families: Aggregates[Family]
    persons: Aggregates[Person]
    files: FamilyFiles
    worklist: Worklist
    timeline: Timeline
    known_referrals: KnownReferrals
    access_log: AccessLog
    drafts: Drafts

    @property
    def aggregates(self) -> tuple[Aggregates[Any], ...]:
        """The collections that have an outbox."""
        return (self.appeals, self.families, self.persons)

    def ping(self) -> None:
        """Raises PyMongoError where the database does not answer."""
        self.database.command("ping")

    def breaches(self) -> int:
        """How many open appeals and files want something to be done without saying by whom, what and by when: 0, or a bug."""
        missing = {"$in": [None, ""]}
        fields = ("owner.id", "next_action", "due_at", "rule")
        vague = {"open": {"$elemMatch": {"$or": [{field: missing} for field in fields]}}}
        held = {"holder": missing}
        appeals = {**NOT_CLOSED, "$or": [{"open": {"$size": 0}}, vague, held]}
        files = {"$or": [{"open.item": {"$exists": True}, **SOMETHING_OPEN, **vague}, held]}
        counted = ((self.appeals, appeals), (self.families, files))
        return sum(aggregates.collection.count_documents(filter) for aggregates, filter in counted)

    def transaction(self, work: Callable[[ClientSession], T]) -> T:
        """All that `work` writes with this session, or nothing. `work` may run several times.

        A write conflict is tried again by the driver; a key that somebody else took meanwhile is tried again here, and `work`
        then finds what is there. Raises Conflict where that does not end, and what `work` raises.
        """
        for _ in range(ATTEMPTS):
            with self.database.client.start_session() as session:
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

    def ensure_indexes(self) -> None:
        for aggregates in self.aggregates:
            aggregates.ensure_indexes()
        appeals, families, persons = (aggregates.collection for aggregates in self.aggregates)
        newest = [("registered_at", -1), ("_id", -1)]
        for fields in (("center_id",), ("center_id", "state"), ("family_id",), ("person_id",), ("holder",)):
            appeals.create_index([*((field, 1) for field in fields), *newest], name="-".join(fields))
        appeals.create_index([("number", 1)], name="number", unique=True)
        appeals.create_index([("state", 1)], name="not_closed", partialFilterExpression=dict(NOT_CLOSED))
        appeals.create_index(
            [("holder", 1), ("family_id", 1)],
            name="restricted",
            partialFilterExpression={"restricted": True, **SOMETHING_OPEN},
        )
        families.create_index([("holder", 1)], name="holder")
        families.create_index(
            [("holder", 1)], name="restricted", partialFilterExpression={"danger.domestic_violence": True}
        )
        families.create_index([("open.item", 1)], name="open", partialFilterExpression=dict(SOMETHING_OPEN))
        persons.create_index(
            [("iin", 1), ("iin_slot", 1)],
            name="one_person",
            unique=True,
            partialFilterExpression={"iin_slot": {"$type": "number"}},
        )
        persons.create_index([("keys.family", 1), ("keys.given", 1), ("keys.year", 1)], name="names")
        persons.create_index([("family_id", 1)], name="family_id")
        for field in ("iin", "phone", "instead_of"):
            # Not `$type`: the database does not see that what is equal to a text is one, and would not use the index.
            known = {field: {"$gt": ""}}
            persons.create_index([(field, 1)], name=f"known_{field}", partialFilterExpression=known)
        self.files.ensure_indexes()
        self.worklist.ensure_indexes()
        self.timeline.ensure_indexes()
        self.access_log.ensure_indexes()
        self.drafts.ensure_indexes()


def open_store(client: MongoClient, settings: Settings, policy: Policy) -> Store:
    """The service's store. Its indexes are made by `ensure_indexes` (`python -m services.intake migrate`)."""
    database = mongo.database(client, settings.database(SERVICE))

    def aggregates(
        name: str, state: type[S], subject: str, wake_at: Callable[[S], datetime | None]
    ) -> Aggregates[S]:
        return Aggregates(database[name], state, service=SERVICE, subject=subject, wake_at=wake_at)

    files = FamilyFiles(database["files"])
    return Store(
        database=database,
        appeals=aggregates("appeals", Appeal, "appeal", lambda appeal: policy.wake_at(appeal.open)),
        families=aggregates("families", Family, "family", lambda family: policy.wake_at(family.open)),
        persons=aggregates("persons", Person, "person", lambda person: None),
        files=files,
        worklist=Worklist(database["worklist_subjects"], database["worklist"], files),
        timeline=Timeline(database["timeline"]),
        known_referrals=KnownReferrals(database["known_referrals"]),
        access_log=AccessLog(database["access_log"]),
        drafts=Drafts(database["drafts"], policy.deadlines.amount("draft_days")),
    )


def amend(
    aggregates: Aggregates[S],
    id: str,
    decide: Callable[[S], Decision[S] | None],
    session: ClientSession,
) -> Saved[S]:
    """Change a further aggregate within a transaction, as it stands there: no key, and no version that a caller saw.

    None from `decide` changes nothing.
    """
    saved = aggregates.tick(id, decide, session)
    if saved is None:
        raise NotFound
    return saved
