"""The two doors: what another service may be told of a person at this moment. See `domain/doors.py` for the rule.

Each reading has its line in the access log before the answer leaves; for a disclosure the reader is the partner on whose behalf
referrals asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.intake.domain import doors
from services.intake.domain.family import Family
from services.intake.domain.person import Person, standing
from services.intake.queries.people import full_name, newest_need
from services.intake.service import Intake
from shared.access import Actor
from shared.aggregate import Saved
from shared.refusals import Forbidden

REFERRALS, NOTIFICATIONS = "service-referrals", "service-notifications"


def disclose(
    intake: Intake,
    actor: Actor,
    person_id: str,
    *,
    referral_id: str,
    on_behalf_of: dict[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The fields of a person that a referral names. Raises NotFound, and what `domain.doors.disclosed_fields` raises."""
    _only_for(actor, REFERRALS)
    person = intake.store.persons.get(person_id)
    names = doors.disclosed_fields(
        intake.store.known_referrals.find(referral_id),
        person_id=person_id,
        agency_id=on_behalf_of["agency_id"],
        consents=standing(person.state),
    )
    partner = Actor(
        sub=on_behalf_of["sub"], roles=frozenset({"partner"}), agency_id=on_behalf_of["agency_id"]
    )
    intake.store.access_log.write(
        partner, now, what="client", family_ids=[person.state.family_id], subject=person_id, why=referral_id
    )
    family = intake.store.families.get(person.state.family_id)
    return {name: FIELDS[name](intake, person, family.state) for name in names}


def contact(
    intake: Intake, actor: Actor, person_id: str, *, message_id: str, template: str, now: datetime
) -> dict[str, Any]:
    """Whether an SMS may be sent to a person now, and then where to, in which language and between which hours."""
    _only_for(actor, NOTIFICATIONS)
    person = intake.store.persons.get(person_id)
    family = intake.store.families.get(person.state.family_id)
    safe = person.state.safe_contact
    reason = doors.why_not_by_sms(
        phone=person.state.phone,
        sms=safe.sms if safe else "unknown",
        danger=family.state.danger,
        consents=standing(person.state),
    )
    if reason is not None:
        return {"allowed": False, "reason": reason}
    intake.store.access_log.write(
        actor,
        now,
        what=f"sms:{template}",
        family_ids=[person.state.family_id],
        subject=person_id,
        why=message_id,
    )
    told = {"allowed": True, "phone": person.state.phone, "language": person.state.language}
    return {**told, "hours": safe.hours} if safe and safe.hours else told


def _only_for(actor: Actor, client_id: str) -> None:
    if actor.client_id != client_id:
        raise Forbidden


FIELDS: dict[str, Callable[[Intake, Saved[Person], Family], Any]] = {
    "name": lambda intake, person, family: full_name(person.state),
    "birth_date": lambda intake, person, family: person.state.birth_date,
    "iin": lambda intake, person, family: person.state.iin,
    "phone": lambda intake, person, family: person.state.phone,
    "address": lambda intake, person, family: person.state.address,
    "language": lambda intake, person, family: person.state.language,
    "need": lambda intake, person, family: newest_need(intake.store, person.id),
    "danger": lambda intake, person, family: family.danger,
}
"""Field that a referral may name → how it is told. A field that is not known here is a bug of referrals: KeyError."""
