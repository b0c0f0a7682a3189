"""Finding a person by what somebody at the window can say: an IIN, a phone, an appeal's number, how a family name begins.

Each is a look-up on an index. What is found is shown only where the file may be read, by the one rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from services.intake.domain import names
from services.intake.domain.family import Family
from services.intake.domain.person import Person
from services.intake.domain.phones import Phones
from services.intake.service import Intake
from services.intake.store import Store
from services.intake.use_cases import reading
from shared.access import Actor
from shared.aggregate import Saved

T = TypeVar("T")
Found = tuple[Saved[Person], Saved[Family]]

IIN = re.compile(r"[0-9]{12}")
NUMBER = re.compile(r"[0-9]{2}-[0-9]{1,3}-[0-9]{4}-[0-9]{1,9}")
LOOKED_AT = 500
"""How many persons with such a beginning of their name are looked at, at most: then say more of the name."""
SHORTEST = 2
"""Letters of a folded name that a search needs."""


def queries_for(q: str, phones: Phones, store: Store) -> Iterator[dict[str, Any]]:
    """Filters over persons that this text may mean, the most exact first."""
    text = q.strip()
    digits = re.sub(r"\s", "", text)
    if IIN.fullmatch(digits):
        yield {"iin": digits}
    if (phone := phones.normalise(text)) is not None:
        yield {"phone": phone}
    if NUMBER.fullmatch(text):
        appeal = store.appeals.collection.find_one({"number": text}, {"person_id": 1})
        if appeal:
            yield {"_id": appeal["person_id"]}
    key = names.fold(text)
    if len(key) >= SHORTEST:
        yield {"keys.family": {"$gte": key, "$lt": key + "{"}}  # "{" follows "z": all keys that begin so


def find_persons(intake: Intake, phones: Phones, actor: Actor, q: str, limit: int) -> list[Found]:
    """Persons that `q` may mean, each with its family's file, as far as the actor may read it; at most `limit`."""
    found: dict[str, Found] = {}
    persons = intake.store.persons
    for query in queries_for(q, phones, intake.store):
        documents = persons.collection.find(query, {"outbox": 0}).sort("_id", 1).limit(LOOKED_AT)
        for some in batches(documents, limit):
            saved = [persons.saved(document) for document in some]
            families = reading.readable(intake, actor, {person.state.family_id for person in saved})
            for person in saved:
                if person.state.family_id in families:
                    found.setdefault(person.id, (person, families[person.state.family_id]))
                if len(found) == limit:
                    return list(found.values())
    return list(found.values())


def batches(documents: Iterable[T], size: int) -> Iterator[list[T]]:
    """The documents in lists of at most `size`."""
    documents = iter(documents)
    while some := list(islice(documents, size)):
        yield some
