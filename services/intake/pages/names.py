"""Who a family is, for every page that knows only its id: the identity bar, and names put into lists. Fragments for htmx.

Pages of the other services carry ids; the names come from here, to whoever may read the family, and each reading is logged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import redirect

from services.intake.api.here import intake
from services.intake.domain import danger as dangers
from services.intake.domain.family import APPLICANT, Family
from services.intake.domain.person import Person, SafeContact
from services.intake.queries import people
from services.intake.use_cases import reading
from shared import ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import UUID as AN_ID
from shared.http.fields import Schema, Text
from shared.ui import Pages, words

blueprint = Pages("names_pages", __name__, url_prefix="/intake")

MOST = 50
"""How many names one request may ask for."""
CONTACT_BADGES = {"no": ["no-sms"], "unknown": ["sms-unknown"], "yes": []}


@dataclass(frozen=True)
class Identity:
    """What the identity bar says. `person`: by whom the family is known; None where it has nobody."""

    family_id: str
    person_id: str | None
    person: Person | None
    badges: list[str]
    case_id: str | None
    sees_readers: bool

    @property
    def name(self) -> str:
        return people.full_name(self.person) if self.person else words.DASH

    @property
    def age(self) -> int | None:
        return words.age(self.person.birth_date) if self.person else None

    @property
    def contact(self) -> SafeContact:
        return (self.person.safe_contact if self.person else None) or SafeContact()


class NamesArgs(Schema):
    """`ids`: ids of families, with commas between."""

    ids = Text(40 * MOST, required=True)


@blueprint.get("/families/<uuid:family_id>/identity")
@roles("worker", "supervisor")
def identity_bar(family_id: UUID) -> Any:
    """The identity bar of a family; asked for as a page it is the family's file"""
    if not ui.is_htmx():
        return redirect(f"/intake/families/{family_id}", 303)
    saved = reading.family(intake(), actor(), str(family_id))
    intake().store.access_log.write(actor(), now(), what="identity", family_ids=[saved.id], subject=saved.id)
    return ui.page("intake/identity.html", who=of_family(saved))


@blueprint.get("/families/names")
@roles("worker", "supervisor")
def names() -> Any:
    """The names of some families, those that may be read: each is put where the page has its id"""
    asked = ui.query(NamesArgs)["ids"].lower().split(",")
    ids = [id for id in dict.fromkeys(asked) if AN_ID.fullmatch(id)][:MOST]
    found = reading.readable(intake(), actor(), ids)
    intake().store.access_log.write(actor(), now(), what="names", family_ids=found)
    known = identities(found.values())
    return ui.page("intake/names.html", known=[known[id] for id in ids if id in known])


def of_family(saved: Saved[Family]) -> Identity:
    return identities([saved])[saved.id]


def identities(families: Iterable[Saved[Family]]) -> dict[str, Identity]:
    """Family → who it is. Whether they may be read, the caller has asked."""
    saved = {one.id: one.state for one in families}
    faces = {id: face_of(family) for id, family in saved.items()}
    persons = people.persons(intake().store, [id for id in faces.values() if id])
    return {id: _identity(id, saved[id], persons.get(face or "")) for id, face in faces.items()}


def face_of(family: Family) -> str | None:
    """The id of the person by whom a family is known: its first applicant, else whoever is named first."""
    persons = [member for member in family.members if member.person_id]
    applicants = [member for member in persons if member.relation == APPLICANT]
    return next((member.person_id for member in applicants + persons), None)


def _identity(id: str, family: Family, person: Saved[Person] | None) -> Identity:
    kinds = [kind.replace("_", "-") for kind in dangers.present(family.danger)]
    sms = person.state.safe_contact.sms if person and person.state.safe_contact else "unknown"
    return Identity(
        family_id=id,
        person_id=person.id if person else None,
        person=person.state if person else None,
        badges=kinds + CONTACT_BADGES[sms],
        case_id=family.case_id,
        sees_readers=reading.may_see_readers(actor(), family),
    )


@blueprint.app_template_filter("iin")
def spaced_iin(iin: str) -> str:
    """890407 912345"""
    return f"{iin[:6]}{words.NBSP}{iin[6:]}"


@blueprint.app_template_filter("phone")
def spaced_phone(phone: str) -> str:
    """+7 701 555 01 47"""
    parts = (phone[:2], phone[2:5], phone[5:8], phone[8:10], phone[10:])
    return words.NBSP.join(part for part in parts if part)
