"""A family's file as a whole: what a command that concerns all of it reads at once, and then writes without looking again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from services.intake.domain.appeal import Appeal
from services.intake.domain.family import Family
from services.intake.domain.person import Person
from services.intake.service import Intake
from shared.aggregate import Saved
from shared.refusals import NotFound


@dataclass(frozen=True, kw_only=True)
class WholeFile:
    """`persons`: by their id, those who were taken out of its members included. `appeals`: in every center, the oldest first."""

    family: Saved[Family]
    persons: Mapping[str, Saved[Person]]
    appeals: Sequence[Saved[Appeal]]

    @property
    def people(self) -> dict[str, Person]:
        return {id: saved.state for id, saved in self.persons.items()}


def whole_file(intake: Intake, family_id: str, session: ClientSession) -> WholeFile:
    """The file as it stands in the transaction. Raises NotFound."""
    store = intake.store
    found = store.families.collection.aggregate(
        [
            {"$match": {"_id": family_id}},
            {"$project": {"outbox": 0}},
            _of_it("persons", {"_id": 1}),
            _of_it("appeals", {"registered_at": 1, "_id": 1}),
        ],
        session=session,
    )
    document = next(found, None)
    if document is None:
        raise NotFound
    persons, appeals = document.pop("persons"), document.pop("appeals")
    return WholeFile(
        family=store.families.saved(document),
        persons={person["_id"]: store.persons.saved(person) for person in persons},
        appeals=[store.appeals.saved(appeal) for appeal in appeals],
    )


def _of_it(name: str, order: Mapping[str, int]) -> dict:
    """The documents of another collection that are of the family, without the events that wait in them."""
    pipeline = [{"$sort": order}, {"$project": {"outbox": 0}}]
    return {
        "$lookup": {
            "from": name,
            "localField": "_id",
            "foreignField": "family_id",
            "pipeline": pipeline,
            "as": name,
        }
    }
