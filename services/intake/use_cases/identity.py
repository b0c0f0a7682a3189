"""Finds people who are known: by IIN, by names, by id. Whom of them somebody *is*, `domain/matching.py` says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession

from services.intake.domain.family import Sighting, seen_elsewhere
from services.intake.domain.household import Iin
from services.intake.domain.matching import Found
from services.intake.domain.person import Description, keys_of
from services.intake.service import Intake
from services.intake.store import amend
from services.intake.use_cases.reading import file_with
from shared.access import Actor, Known, known_from, may_read

HAS_SLOT = {"$type": "number"}
LIKE_ENOUGH = 200
"""How many people of one name and date of birth are looked at; there are fewer."""
AND_INSTEAD_OF_THEM = {
    "$graphLookup": {
        "from": "persons",
        "startWith": "$_id",
        "connectFromField": "_id",
        "connectToField": "instead_of",
        "as": "instead",
    }
}
"""Whoever stands instead of one of the persons found, and instead of her in turn."""


def with_iin(intake: Intake, actor: Actor, iin: str | None, session: ClientSession | None) -> list[Found]:
    """The people whom an IIN leads to: one, and more where a restricted file was passed over."""
    return _found(intake, actor, {"iin": iin, "iin_slot": HAS_SLOT}, session) if iin else []


def with_names(
    intake: Intake, actor: Actor, described: Description, session: ClientSession | None
) -> list[Found]:
    """The people with the same folded names, born in the same year."""
    keys = keys_of(described)
    if not (keys.family and keys.given and keys.year):
        return []
    query = {"keys.family": keys.family, "keys.given": keys.given, "keys.year": keys.year}
    if described.birth_date:
        query["birth_date"] = {"$in": [described.birth_date.isoformat(), None]}
    return _found(intake, actor, query, session)


def with_id(intake: Intake, actor: Actor, id: str, session: ClientSession) -> Found | None:
    """A person whose file the actor may read, or who now stands instead of one; None where there is no such person."""
    everybody = _everybody(intake, actor, {"_id": id}, session)
    if id not in everybody or not everybody[id].readable:
        return None
    return next(iter(_as_they_are_now(everybody)), None)


def iins_elsewhere(
    intake: Intake,
    actor: Actor,
    described: Iterable[Description],
    family_id: str,
    session: ClientSession,
) -> tuple[dict[str, Iin], list[Found]]:
    """Whose the numbers of these people are outside of the family, and who of them is in a file hidden from the actor."""
    iins, hidden = {}, []
    for iin in {one.iin for one in described if one.iin}:
        everybody = with_iin(intake, actor, iin, session)
        others = [found for found in everybody if found.person.family_id != family_id]
        visible = [found for found in others if not found.hidden]
        if others and not visible:
            hidden += others
            iins[iin] = Iin(taken=False, slot=None)
        else:
            iins[iin] = Iin(taken=bool(visible), slot=next_slot(intake, iin, session))
    return iins, hidden


def next_slot(intake: Intake, iin: str, session: ClientSession) -> int:
    """The slot of one more person with this IIN."""
    last = intake.store.persons.collection.find_one(
        {"iin": iin, "iin_slot": HAS_SLOT}, {"iin_slot": 1}, sort=[("iin_slot", -1)], session=session
    )
    return last["iin_slot"] + 1 if last else 1


def tell_holders(
    intake: Intake, hidden: Iterable[Found], center_id: str, now: datetime, session: ClientSession
) -> None:
    """Let the holders of restricted files know that somebody with the identity of a member came to this center."""
    for found in {one.person_id: one for one in hidden}.values():
        family_id = found.person.family_id
        sighting = Sighting(person_id=found.person_id, center_id=center_id, at=now)
        amend(
            intake.store.families,
            family_id,
            lambda family, id=family_id, sighting=sighting: seen_elsewhere(
                id, family, sighting, intake.policy
            ),
            session,
        )


def _found(
    intake: Intake, actor: Actor, query: Mapping[str, Any], session: ClientSession | None
) -> list[Found]:
    """The persons of a query. Who has left an alleged abuser's family is found where she is now."""
    return _as_they_are_now(_everybody(intake, actor, query, session))


def _as_they_are_now(everybody: Mapping[str, Found]) -> list[Found]:
    left = {found.person.instead_of for found in everybody.values()}
    return [found for id, found in everybody.items() if id not in left]


def _everybody(
    intake: Intake, actor: Actor, query: Mapping[str, Any], session: ClientSession | None
) -> dict[str, Found]:
    """The persons of a query, and whoever stands instead of one of them, by their ids. Asked at once, their files included: names
    that many have would else be asked about one by one."""
    rows = intake.store.persons.collection.aggregate(
        [
            {"$match": query},
            {"$sort": {"_id": 1}},
            {"$limit": LIKE_ENOUGH},
            AND_INSTEAD_OF_THEM,
            {"$project": {"person": {"$concatArrays": [["$$ROOT"], "$instead"]}}},
            {"$unwind": "$person"},
            _of_their_family("families", "family"),
            _of_their_family("files", "heard"),
            {"$project": {"person.outbox": 0, "person.instead": 0, "family.outbox": 0}},
        ],
        session=session,
    )
    return {row["person"]["_id"]: _seen_by(intake, actor, row, session) for row in rows}


def _of_their_family(name: str, into: str) -> dict[str, Any]:
    return {
        "$lookup": {"from": name, "localField": "person.family_id", "foreignField": "_id", "as": into}
    }


def _seen_by(intake: Intake, actor: Actor, row: Mapping[str, Any], session: ClientSession | None) -> Found:
    person = intake.store.persons.saved(row["person"])
    family = intake.store.families.saved(row["family"][0])
    known = known_from(row["heard"][0]) if row["heard"] else Known()
    is_readable = may_read(actor, file_with(intake, family.id, family.state, known, session))
    return Found(
        person_id=person.id,
        person=person.state,
        readable=is_readable,
        hidden=family.state.restricted and not is_readable,
    )
