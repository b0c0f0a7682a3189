"""Appeals, families and persons as they are shown, and the list of appeals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.intake.domain.appeal import Appeal
from services.intake.domain.family import Family, Member, person_ids
from services.intake.domain.items import Items
from services.intake.domain.person import Description, Person, SafeContact
from services.intake.queries import people
from services.intake.service import Intake
from services.intake.use_cases import reading
from shared.access import Actor, reading_filter
from shared.aggregate import Saved
from shared.keyset import Position, first, keyset_filter

SORT = (("registered_at", -1), ("_id", -1))


def appeals(
    intake: Intake, actor: Actor, filters: Mapping[str, Any], position: Position | None, limit: int
) -> tuple[list[Saved[Appeal]], Position | None]:
    """The appeals that the actor may read, newest first, and the position to go on from. `filters`: fields of an appeal.

    Of a named family that may be read, its appeals in every center; else those of the actor's own.
    """
    if (family_id := filters.get("family_id")) is not None:
        who = {} if reading.readable(intake, actor, [family_id]) else {"_id": {"$in": []}}
    else:
        who = reading_filter(actor, reading.held_by(intake, actor.sub))
    query = {"$and": [who, dict(filters), keyset_filter(SORT, position)]}
    store = intake.store.appeals
    rows = list(store.collection.find(query, {"outbox": 0}).sort(list(SORT)).limit(limit + 1))
    shown, last = first(rows, limit)
    found = [store.saved(row) for row in shown]
    return _still_readable(intake, actor, found), last and tuple(last[field] for field, _ in SORT)


def _still_readable(intake: Intake, actor: Actor, found: Sequence[Saved[Appeal]]) -> list[Saved[Appeal]]:
    """Without the restricted ones that the actor held once and does not hold any more."""
    restricted = {saved.state.family_id for saved in found if saved.state.restricted}
    allowed = reading.readable(intake, actor, restricted) if restricted else {}
    return [saved for saved in found if not saved.state.restricted or saved.state.family_id in allowed]


def shown_appeal(saved: Saved[Appeal]) -> dict[str, Any]:
    return {**vars(saved.state), **_head(saved), **earliest(saved.state.open)}


def shown_family(intake: Intake, saved: Saved[Family]) -> dict[str, Any]:
    """The file, with the names of its members."""
    persons = people.persons(intake.store, person_ids(saved.state))
    members = [_shown_member(member, persons) for member in saved.state.members]
    file = {**vars(saved.state), "restricted": saved.state.restricted, "members": members}
    return {**file, **_head(saved), **earliest(saved.state.open)}


def shown_person(saved: Saved[Person]) -> dict[str, Any]:
    return {**vars(saved.state), **_head(saved), "safe_contact": saved.state.safe_contact or SafeContact()}


def earliest(items: Items) -> dict[str, Any]:
    """`owner`, `next_action` and `due_at` of the item that is due first; None when nothing is open."""
    item = min(items, key=lambda item: item.due_at, default=None)
    return {name: getattr(item, name, None) for name in ("owner", "next_action", "due_at")}


def _head(saved: Saved[Any]) -> dict[str, Any]:
    return {"id": saved.id, "version": saved.version}


def _shown_member(member: Member, persons: Mapping[str, Saved[Person]]) -> dict[str, Any]:
    described: Description = member.described or persons[member.person_id].state
    return {**vars(member), "name": people.full_name(described), "birth_date": described.birth_date}
