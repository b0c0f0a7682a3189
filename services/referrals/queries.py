"""The read side of referrals: what staff and agencies see, the directory, and the client's fields through intake's door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from services.referrals.domain import referral as domain
from services.referrals.domain.case import KnownCase
from services.referrals.domain.directory import Service
from services.referrals.domain.referral import Referral
from services.referrals.reading import file_of, is_for, readable
from services.referrals.service import Referrals
from services.referrals.store import EARLIEST_DUE_FIRST, NEWEST_FIRST, waiting_by
from shared.access import SOMETHING_OPEN, Actor, may_act, may_read, reading_filter
from shared.aggregate import Saved
from shared.keyset import Position, first, keyset_filter
from shared.refusals import AcceptFirst, Forbidden, NoConsent, NotFound, Unavailable, WrongState

Filter = dict[str, Any]
NOTHING: Filter = {"_id": {"$in": []}}
KNOWN_SOON = 1
"""Seconds after which intake has heard of an acceptance."""
ARRIVES_SECONDS, LOOK_SECONDS = 2.0, 0.05
"""How long a case that was just opened is waited for, and how often it is looked for."""
STATES_OF: Mapping[str, Sequence[str]] = {
    "answer": ("requested",),
    "carry-out": sorted(domain.ACCEPTED),
    "choose-another": sorted(domain.UNSUCCESSFUL),
}
"""What waits first in a referral → the states in which it does."""
Rows = tuple[Sequence[Saved[Referral]], Position | None]
"""The rows of a page, and the position after which the next one begins (None: there is none)."""


def listed(
    referrals: Referrals, actor: Actor, wanted: Mapping[str, Any], after: Position | None, limit: int
) -> Rows:
    """Referrals for staff, newest first. `wanted`: the fields `case_id, family_id, state, center_id` that are asked for.

    Of a file that the caller may read all is shown, whatever its center; without one, what the reading rule lets through.
    """
    return newest(referrals, for_staff(referrals, actor, wanted), after, limit)


def inbox(referrals: Referrals, actor: Actor, state: str | None, after: Position | None, limit: int) -> Rows:
    """What was sent to the caller's agency, newest first."""
    return newest(referrals, for_agency(actor, {"state": state} if state else {}), after, limit)


def for_staff(referrals: Referrals, actor: Actor, wanted: Mapping[str, Any]) -> Filter:
    """The referrals that staff may see, of those with these fields (see `listed`)."""
    if "family_id" in wanted or "case_id" in wanted:
        allowed = {} if _may_read_file(referrals, actor, wanted) else NOTHING
    else:
        allowed = reading_filter(actor, referrals.store.files.held_by(actor.sub))
    return {"$and": [allowed, dict(wanted)]}


def for_agency(actor: Actor, wanted: Mapping[str, Any]) -> Filter:
    """The referrals to the caller's agency, of those with these fields."""
    return {"$and": [NOTHING if actor.agency_id is None else {"agency_id": actor.agency_id}, dict(wanted)]}


def newest(referrals: Referrals, seen: Filter, after: Position | None, limit: int) -> Rows:
    """Referrals, newest first. `seen`: which of them the caller sees."""
    rows, last = _page(referrals, [seen], NEWEST_FIRST, after, limit)
    return rows, (last["requested_at"], last["_id"]) if last else None


def waiting(
    referrals: Referrals,
    seen: Filter,
    items: Sequence[str],
    after: Position | None,
    limit: int,
    late_at: datetime | None = None,
) -> Rows:
    """Referrals in which one of `items` (keys of STATES_OF) waits, earliest due first; with `late_at`, what was due before then."""
    late = {"open.0.due_at": {"$lt": late_at}} if late_at else {}
    rows, last = _page(referrals, [seen, _waits(items), late], EARLIEST_DUE_FIRST, after, limit)
    return rows, (last["open"][0]["due_at"], last["_id"]) if last else None


def ended(
    referrals: Referrals, seen: Filter, items: Sequence[str], after: Position | None, limit: int
) -> Rows:
    """Referrals in which none of `items` waits, newest first."""
    return newest(referrals, {"$and": [seen, {"$nor": [_waits(items)]}]}, after, limit)


def counted(
    referrals: Referrals, seen: Filter, items: Sequence[str], now: datetime, by: str | None
) -> Counter[str]:
    """In how many of these referrals each of `items` waits, and how many of them are `late`. `by`: the field by which `seen` finds
    them, `agency_id` or `center_id`; None where they are those of one family."""
    due_at = {"$arrayElemAt": ["$open.due_at", 0]}
    # Else those that have ended are looked at too: what waits is the newest anyhow, and so all indexes seem as good.
    hint = {"hint": waiting_by(by)} if by else {}
    found = referrals.store.referrals.collection.aggregate(
        [
            {"$match": {"$and": [seen, _waits(items)]}},
            {"$group": {"_id": {"state": "$state", "late": {"$lt": [due_at, now]}}, "n": {"$sum": 1}}},
        ],
        **hint,
    )
    numbers: Counter[str] = Counter()
    for group in found:
        state, late = group["_id"]["state"], group["_id"]["late"]
        numbers[next(item for item in items if state in STATES_OF[item])] += group["n"]
        numbers["late"] += group["n"] if late else 0
    return numbers


def case_to_refer(referrals: Referrals, actor: Actor, case_id: str, measure: int | None) -> KnownCase:
    """The case from which the caller wants to refer; one that was just opened, or just planned, is waited for.

    Raises NotFound (it does not exist, has not arrived, or may not be read) and Forbidden (may be read, not acted on).
    """
    case = _arrived(referrals, case_id, measure)
    if case is None or not may_read(actor, file_of(referrals, case)):
        raise NotFound
    if not may_act(actor, case.holder, case.center_id):
        raise Forbidden
    return case


def _arrived(referrals: Referrals, case_id: str, measure: int | None) -> KnownCase | None:
    end = monotonic() + ARRIVES_SECONDS
    while True:
        case = referrals.store.cases.find(case_id)
        whole = case is not None and (measure is None or case.measure(measure) is not None)
        if whole or monotonic() > end:
            return case
        sleep(LOOK_SECONDS)


def directory(
    referrals: Referrals, kind: str | None, kato: str | None, places: int, after: Position | None, limit: int
) -> tuple[Sequence[Service], Position | None]:
    """Services by kind, by the region that `kato` lies in, and with at least so many free places (0: whatever they have)."""
    query: dict[str, Any] = {}
    if kind is not None:
        query["kind"] = kind
    if kato is not None:
        query["region"] = kato[:2]
    if places:
        query["capacity.free"] = {"$gte": places}
    if after is not None:
        query["_id"] = {"$gt": after[0]}
    shown, last = first(referrals.store.directory.find(query, limit + 1), limit)
    return shown, (last.id,) if last else None


def client_fields(referrals: Referrals, actor: Actor, id: str) -> tuple[Saved[Referral], dict[str, Any]]:
    """The referral, and the client's fields that it names, asked of intake at this moment and kept nowhere.

    For the agency that has accepted and is not done: AcceptFirst before, WrongState after. Raises NoConsent where the client has
    not consented (or no longer does), and Unavailable while intake is away, busy, or has not heard of the acceptance yet.
    """
    saved = readable(referrals, actor, id)
    referral = saved.state
    if not is_for(actor, referral) or referral.person_id is None:
        raise NotFound
    if referral.state == "requested":
        raise AcceptFirst
    if referral.state not in domain.ACCEPTED:
        raise WrongState(allowed=domain.commands(referral))
    status, body = referrals.intake.post(
        f"/intake/v1/persons/{referral.person_id}/disclosure",
        {"referral_id": id, "on_behalf_of": {"agency_id": referral.agency_id, "sub": actor.sub}},
    )
    if status == 200:
        return saved, body
    if status == 403 and body.get("type") == "/problems/no-consent":
        raise NoConsent(body.get("scopes") or [])
    raise Unavailable(KNOWN_SOON)


def _may_read_file(referrals: Referrals, actor: Actor, wanted: Mapping[str, Any]) -> bool:
    if "family_id" in wanted:
        file = referrals.store.files.file(wanted["family_id"])
    else:
        case = referrals.store.cases.find(wanted["case_id"])
        file = file_of(referrals, case) if case else None
    return may_read(actor, file)


def _waits(items: Sequence[str]) -> Filter:
    return {"state": {"$in": [state for item in items for state in STATES_OF[item]]}, **SOMETHING_OPEN}


def _page(
    referrals: Referrals,
    conditions: Sequence[Filter],
    order: Sequence[tuple[str, int]],
    after: Position | None,
    limit: int,
) -> tuple[Sequence[Saved[Referral]], Mapping[str, Any] | None]:
    """The rows, and the document of the last of them if there are more."""
    query = {"$and": [*conditions, keyset_filter(order, after)]}
    found = referrals.store.referrals.collection.find(query, {"outbox": 0})
    shown, last = first(list(found.sort(list(order)).limit(limit + 1)), limit)
    return [referrals.store.referrals.saved(row) for row in shown], last
