"""The read side of referrals: what staff and agencies see, the directory, and the client's fields through intake's door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.referrals.domain import referral as domain
from services.referrals.domain.directory import Service
from services.referrals.domain.referral import Referral
from services.referrals.reading import file_of, is_for, readable
from services.referrals.service import Referrals
from services.referrals.store import NEWEST_FIRST
from shared.access import Actor, may_read, reading_filter
from shared.aggregate import Saved
from shared.keyset import Position, first, keyset_filter
from shared.refusals import AcceptFirst, NoConsent, NotFound, Unavailable, WrongState

NOTHING: dict[str, Any] = {"_id": {"$in": []}}
KNOWN_SOON = 1
"""Seconds after which intake has heard of an acceptance."""
Rows = tuple[Sequence[Saved[Referral]], Position | None]
"""The rows of a page, and the position after which the next one begins (None: there is none)."""


def listed(
    referrals: Referrals, actor: Actor, wanted: Mapping[str, Any], after: Position | None, limit: int
) -> Rows:
    """Referrals for staff, newest first. `wanted`: the fields `case_id, family_id, state, center_id` that are asked for.

    Of a file that the caller may read all is shown, whatever its center; without one, what the reading rule lets through.
    """
    if "family_id" in wanted or "case_id" in wanted:
        allowed = {} if _may_read_file(referrals, actor, wanted) else NOTHING
    else:
        allowed = reading_filter(actor, referrals.store.files.held_by(actor.sub))
    return _page(referrals, [allowed, dict(wanted)], after, limit)


def inbox(referrals: Referrals, actor: Actor, state: str | None, after: Position | None, limit: int) -> Rows:
    """What was sent to the caller's agency, newest first."""
    if actor.agency_id is None:
        return [], None
    wanted = {"agency_id": actor.agency_id} | ({"state": state} if state else {})
    return _page(referrals, [wanted], after, limit)


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


def _page(referrals: Referrals, conditions: list[dict[str, Any]], after: Position | None, limit: int) -> Rows:
    query = {"$and": [*conditions, keyset_filter(NEWEST_FIRST, after)]}
    found = referrals.store.referrals.collection.find(query, {"outbox": 0})
    shown, last = first(list(found.sort(list(NEWEST_FIRST)).limit(limit + 1)), limit)
    rows = [referrals.store.referrals.saved(row) for row in shown]
    return rows, (last["requested_at"], last["_id"]) if last else None
