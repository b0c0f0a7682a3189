"""Joining persons to ids: what lists and doors show of somebody."""

from __future__ import annotations

from collections.abc import Collection

from services.intake.domain.person import NAMES, Description, Person
from services.intake.store import Store
from shared.aggregate import Saved


def full_name(described: Description) -> str:
    """Family name, given name, patronymic, as they are written."""
    return " ".join(getattr(described, name) for name in NAMES if getattr(described, name))


def persons(store: Store, ids: Collection[str]) -> dict[str, Saved[Person]]:
    """Persons by id, those that exist."""
    found = store.persons.collection.find({"_id": {"$in": list(ids)}}, {"outbox": 0})
    return {document["_id"]: store.persons.saved(document) for document in found}


def newest_need(store: Store, person_id: str) -> str | None:
    """What the person came for last, in the words of the journal."""
    newest = store.appeals.collection.find_one(
        {"person_id": person_id}, {"need": 1}, sort=[("registered_at", -1), ("_id", -1)]
    )
    return newest["need"] if newest else None
