"""A person: correcting what is recorded, and what he has consented to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from flask import request

from services.intake.api.here import intake
from services.intake.domain.person import PROCESSING, Person, standing
from services.intake.pages import names
from services.intake.pages.changes import meanwhile
from services.intake.queries import people
from services.intake.schemas.commands import ConsentsIn, PersonPatch, WithdrawIn
from services.intake.schemas.said import LANGUAGES, NO_IIN_REASONS, SCOPES, SEXES
from services.intake.use_cases import persons, reading
from shared import reference, ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Schema
from shared.i18n import N_
from shared.refusals import Invalid, PossibleDuplicate
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("persons_pages", __name__, url_prefix="/intake")

STAYS = ("family_name", "given_name", "birth_date")
"""What is corrected, but not taken away once it is known."""
TYPED = (*STAYS, "patronymic", "iin", "no_iin_reason", "sex", "phone", "language")


# Correcting ---------------------------------------------------------------------------------------


@blueprint.get("/persons/<uuid:person_id>")
@roles("worker", "supervisor")
def person(person_id: UUID) -> Any:
    """What is recorded of a person, as a form"""
    saved = reading.person(intake(), actor(), str(person_id))
    return show_person(saved, forms.blank(initial(saved.state), saved.version))


@blueprint.post("/persons/<uuid:person_id>")
@roles("worker", "supervisor")
def correct(person_id: UUID) -> Any:
    """Correct what is recorded of a person"""
    id = str(person_id)
    form, before = forms.sent(PersonPatch, empty_is_null=True), reading.person(intake(), actor(), id)
    others: Sequence[Mapping[str, Any]] = ()
    if form.was_sent:
        form.errors |= emptied(form, before.state)
    if form.ready:
        changes = as_meant(form.data, before.state)
        try:
            saved = form.attempt(lambda: persons.correct(intake(), actor(), form.ask("correct"), id, changes))
        except PossibleDuplicate as refused:
            form.errors["iin"] = [N_("This IIN is recorded for somebody else. Look at the number again.")]
            others = refused.candidates
        else:
            if saved:
                return ui.done(saved, f"/intake/families/{saved.state.family_id}")
    return show_person(reading.person(intake(), actor(), id), form, others)


def initial(person: Person) -> dict[str, Any]:
    """What stands in the form at first."""
    contact = person.safe_contact
    hours = contact.hours if contact else None
    return {
        **{name: getattr(person, name) for name in TYPED},
        "address": vars(person.address) if person.address else None,
        "safe_contact": {
            "sms": contact.sms if contact else None,
            "code_word": contact.code_word if contact else None,
            "hours": {"from": hours.since, "to": hours.until} if hours else None,
        },
    }


def emptied(form: Form, person: Person) -> dict[str, list[str]]:
    """Errors for what is known and was emptied."""
    gone = [name for name in STAYS if getattr(person, name) and not form.value(name).strip()]
    return {name: [N_("What is known is not taken away: correct it.")] for name in gone}


def as_meant(data: Mapping[str, Any], person: Person) -> dict[str, Any]:
    """The patch without what the form only carries along: a reason for a missing IIN beside an IIN, and a safe contact that
    nobody has asked about (a person who was never asked stays so)."""
    changes = dict(data)
    if changes.get("iin"):
        changes.pop("no_iin_reason", None)
    if person.safe_contact is None and not any(changes.get("safe_contact", {}).values()):
        changes.pop("safe_contact", None)
    return changes


def show_person(saved: Saved[Person], form: Form, others: Sequence[Mapping[str, Any]] = ()) -> Any:
    return show(
        "intake/person.html",
        saved,
        form,
        others=[names_of_others(other["person_id"]) for other in others],
        sexes=SEXES,
        languages_spoken=LANGUAGES,
        reasons=NO_IIN_REASONS,
        places=places(saved.state),
    )


def names_of_others(id: str) -> dict[str, str]:
    """Who has the IIN, where the file may be read: `{name, family_id}`"""
    other = intake().store.persons.get(id).state
    return {"name": people.full_name(other), "family_id": other.family_id}


def places(person: Person) -> list[tuple[str, str]]:
    """(KATO, words) of the regions; with the place that is recorded, where it is more exact than a region."""
    known = [(region.kato, words.word("region", region.code)) for region in reference.regions()]
    kato = person.address.kato if person.address else None
    if kato is None or kato in dict(known):
        return known
    return [(kato, f"{words.word('region', kato[:2])}, {kato}"), *known]


# Consents -----------------------------------------------------------------------------------------


@blueprint.get("/persons/<uuid:person_id>/consents")
@roles("worker", "supervisor")
def consents(person_id: UUID) -> Any:
    """What a person has consented to, and the forms to record an answer"""
    saved = reading.person(intake(), actor(), str(person_id))
    return show_consents(saved, forms.blank(version=saved.version))


@blueprint.post("/persons/<uuid:person_id>/consents")
@roles("worker", "supervisor")
def change_consents(person_id: UUID) -> Any:
    """One of the page's forms; which one, it says in `_form`"""
    command, id = request.form.get("_form", ""), str(person_id)
    if command not in COMMANDS:
        raise Invalid({"_form": [N_("Choose one of these.")]})
    schema, do = COMMANDS[command]
    form = forms.sent(schema)
    if form.was_sent and not (form.values("scopes") or form.value("refused")):
        form.errors = {"scopes": [N_("Choose at least one.")]}
    if form.ready and (saved := form.attempt(lambda: do(form, id))):
        return ui.done(saved, f"/intake/persons/{id}/consents")
    return show_consents(reading.person(intake(), actor(), id), form)


def give(form: Form, id: str) -> Saved[Person]:
    if "refused" in form.data:
        return persons.refuse(intake(), actor(), form.ask("consents"), id)
    scopes, signed_at = form.data["scopes"], form.data.get("signed_at")
    return persons.consent(intake(), actor(), form.ask("consents"), id, scopes=scopes, signed_at=signed_at)


def withdraw(form: Form, id: str) -> Saved[Person]:
    return persons.withdraw(intake(), actor(), form.ask("withdraw"), id, scopes=form.data["scopes"])


COMMANDS: Mapping[str, tuple[type[Schema], Callable[[Form, str], Saved[Person]]]] = {
    "consents": (ConsentsIn, give),
    "withdraw": (WithdrawIn, withdraw),
}


def show_consents(saved: Saved[Person], form: Form) -> Any:
    held = standing(saved.state)
    return show(
        "intake/consents.html",
        saved,
        form,
        held=held,
        open_scopes=[scope for scope in SCOPES if scope not in held],
        ended=[consent for consent in saved.state.consents if consent.withdrawn_at],
        given={consent.scope: consent.given_at for consent in saved.state.consents},
        works=PROCESSING in held,
        own_form=lambda: forms.blank(version=saved.version),
    )


# Both ---------------------------------------------------------------------------------------------


def show(template: str, saved: Saved[Person], form: Form, **values: Any) -> Any:
    """A page of a person with a form; the reading is logged as the API logs it."""
    family_id = saved.state.family_id
    family = reading.family(intake(), actor(), family_id)
    intake().store.access_log.write(actor(), now(), what="person", family_ids=[family_id], subject=saved.id)
    return ui.form_page(
        template,
        form,
        active="cases",
        who=names.of_family(family),
        person=saved.state,
        person_id=saved.id,
        name=people.full_name(saved.state),
        changes=meanwhile(form, family_id, saved),
        **values,
    )
