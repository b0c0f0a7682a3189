"""The read side of casework: lists of cases, the staff of a center, and who has read a case's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.casework.domain.case import Case
from services.casework.reading import readable
from services.casework.service import Casework
from services.casework.store import NEWEST_FIRST, NOT_CLOSED
from shared.access import Actor, may_read, reading_filter
from shared.aggregate import Saved
from shared.keyset import Position, first, keyset_filter
from shared.reference import Staff
from shared.refusals import Forbidden

BY_TIME = (("at", -1), ("_id", -1))


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """A member of staff, with the number of cases held now that are not closed."""

    member: Staff
    open_cases: int


@dataclass(frozen=True)
class Change:
    """A command that somebody has given: `by` is his login, `command` its address under the case."""

    by: str
    command: str
    at: datetime


def changes(casework: Casework, id: str, since: datetime) -> list[Change]:
    """What people have done with the case since then, oldest first; as far as commands are remembered. What events and the
    clock did is not among it."""
    found = casework.store.cases.collection.find_one({"_id": id}, {"commands": 1}) or {}
    given = [each for each in found.get("commands", []) if each["at"] >= since]
    return [Change(each["key"].partition(" ")[0], each["command"], each["at"]) for each in given]


def listed(
    casework: Casework, actor: Actor, wanted: Mapping[str, Any], after: Position | None, limit: int
) -> tuple[Sequence[Saved[Case]], Position | None]:
    """Cases, newest first, and the position after which the next page begins (None: there is none).

    `wanted`: what is asked for, of `state, is_open, holder, center_id, appeal_id, family_id, due_before`. Of a family that the
    caller may read all cases are shown, whatever their center; else what the reading rule lets through.
    """
    query = {"$and": [_allowed(casework, actor, wanted), _filter(wanted), keyset_filter(NEWEST_FIRST, after)]}
    found = casework.store.cases.collection.find(query, {"outbox": 0})
    shown, last = first(list(found.sort(list(NEWEST_FIRST)).limit(limit + 1)), limit)
    rows = [casework.store.cases.saved(row) for row in shown]
    return rows, (last["opened_at"], last["_id"]) if last else None


def colleagues(
    casework: Casework, actor: Actor, center_id: str | None, after: str, limit: int
) -> tuple[Sequence[Colleague], Position | None]:
    """Staff of the caller's own center, by login; of another center nobody is shown."""
    if actor.center_id is None or center_id not in (None, actor.center_id):
        return [], None
    members, last = first(casework.store.staff.of_center(actor.center_id, after, limit + 1), limit)
    held = casework.store.open_cases([member.id for member in members])
    rows = [Colleague(member=member, open_cases=held.get(member.id, 0)) for member in members]
    return rows, (last.id,) if last else None


def readings(
    casework: Casework, actor: Actor, id: str, after: Position | None, limit: int
) -> tuple[Saved[Case], Sequence[Mapping[str, Any]], Position | None]:
    """The case, and who has read its family's file in casework, newest first: for its holder, its head and auditors."""
    if actor.is_a("auditor"):
        saved = casework.store.cases.get(id)
    else:
        saved = readable(casework, actor, id)
        if not (actor.is_a("supervisor") or actor.sub == saved.state.holder):
            raise Forbidden
    rows = casework.store.access_log.find(saved.state.family_id, keyset_filter(BY_TIME, after), limit + 1)
    shown, last = first(rows, limit)
    return saved, shown, (last["at"], last["_id"]) if last else None


def _allowed(casework: Casework, actor: Actor, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    family_id = wanted.get("family_id")
    if family_id and may_read(actor, casework.store.files.file(family_id)):
        return {}
    return reading_filter(actor, casework.store.files.held_by(actor.sub))


def _filter(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    same = {name: wanted[name] for name in ("state", "holder", "center_id", "family_id") if name in wanted}
    if wanted.get("is_open"):
        same |= NOT_CLOSED
    if "appeal_id" in wanted:
        same["appeal_ids"] = wanted["appeal_id"]
    if "due_before" in wanted:
        same["open.due_at"] = {"$lt": wanted["due_before"]}
    return same
