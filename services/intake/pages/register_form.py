"""The form of the register page: how it is read, and what the page says of it while it is being filled in.

The schema is the API's, with what a person at a window does not say: the center is the caller's own, what nobody was asked is null,
and an IIN says a date of birth and a sex where none was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import marshmallow as ma
from babel.lists import format_list

from services.intake.api.here import intake
from services.intake.domain import danger as dangers
from services.intake.domain import iin as iins
from services.intake.domain.appeal import first_items
from services.intake.domain.person import FACTS, PROCESSING, Address, Description
from services.intake.schemas.commands import AppealIn
from services.intake.schemas.said import ApplicantIn, Iin, today
from services.intake.use_cases.registration import Told
from shared import reference
from shared.events import Danger, OpenItem
from shared.http import actor
from shared.i18n import N_, request_language, text
from shared.refusals import Forbidden
from shared.ui import forms, words
from shared.ui.forms import Form

APPLICANT, HOUSEHOLD = "applicant.", "household."
NOT = "_not"
"""Field: the id of somebody known who is said not to be the one described. Any number of times."""
CLOCK = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?")
SAID = {"true": True, "false": False}
FOR_WORKERS = {
    "Only a given consent has scopes.": N_(
        "These purposes count only with a consent: say below that it is given, or untick them."
    ),
    "Give the IIN, or in no_iin_reason why there is none.": N_(
        "Give the IIN, or say below why there is none."
    ),
}
"""What a schema says to a program, said to who sits at the window."""


class AppealForm(AppealIn):
    """An appeal as it is typed. → Told"""

    class Meta(AppealIn.Meta):
        exclude = ("center_id",)

    @ma.pre_load
    def as_meant(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {
            **data,
            "danger": {**dict.fromkeys(dangers.KINDS), **data.get("danger", {})},
            "consent": {"given": None, **data.get("consent", {})},
            "applicant": without_bare_region(by_iin(data.get("applicant", {}))),
            "household": [by_iin(line) for line in data.get("household", [])],
            "safe_contact": with_clock(data.get("safe_contact", {})),
        }

    @ma.post_load
    def made(self, data: dict[str, Any], **options: Any) -> Told:
        return super().made({**data, "center_id": own_center().id}, **options)


SCHEMA = AppealForm()
APPLICANT_SCHEMA = ApplicantIn()


def own_center() -> reference.Center:
    """The caller's center. Raises Forbidden where he has none."""
    center = reference.center(actor().center_id or "")
    if center is None:
        raise Forbidden
    return center


def own_region() -> str:
    """KATO code of the region of the caller's center."""
    region = reference.region_of(own_center().kato)
    return region.kato if region else ""


def initial() -> dict[str, Any]:
    """What stands in the form at first: nobody's danger is answered beforehand, and no SMS is sent before it was asked."""
    return {"applicant": {"address": {"kato": own_region()}}, "safe_contact": {"sms": "unknown"}}


def sent() -> Form:
    """The form of the current request."""
    form = forms.sent(SCHEMA)
    form.errors = {
        path: [FOR_WORKERS.get(str(each), each) for each in texts] for path, texts in form.errors.items()
    }
    return form


def number_of(typed: str) -> iins.Iin:
    """The IIN in a text as it is typed, with spaces perhaps. Raises BadIin."""
    return iins.parse(re.sub(r"\s", "", typed), synthetic=intake().settings.synthetic_iins)


def by_iin(described: Mapping[str, Any]) -> dict[str, Any]:
    """Somebody described, with what a right IIN says of him and nobody has typed."""
    try:
        iin = number_of(str(described.get("iin", "")))
    except iins.BadIin:
        return dict(described)
    born = iins.likely_birth_date(iin, today())
    says = {"birth_date": born.isoformat() if born else None, "sex": iin.sex}
    known = {name: value for name, value in says.items() if value and "birth_year" not in described}
    return {**known, **described, "iin": iin.number}


def without_bare_region(described: Mapping[str, Any]) -> dict[str, Any]:
    """The region stands in the form from the start: alone it is no address."""
    address = described.get("address") or {}
    is_bare = "line" not in address and address.get("kato") == own_region()
    return {name: value for name, value in described.items() if name != "address" or not is_bare}


def with_clock(safe_contact: Mapping[str, Any]) -> dict[str, Any]:
    """Hours as people write them (9, 9:30, 9.30) as the schema wants them: 09:00."""
    hours = safe_contact.get("hours")
    if not hours:
        return dict(safe_contact)
    return {**safe_contact, "hours": {end: clock(at) for end, at in hours.items()}}


def clock(typed: str) -> str:
    match = CLOCK.fullmatch(typed.strip())
    return f"{int(match[1]):02}:{match[2] or '00'}" if match else typed


# What the form says so far --------------------------------------------------------------------------


def described(form: Form) -> Description:
    """The applicant, as far as what was typed is right. A name that was not said yet is empty."""
    body = by_iin(forms.nested(APPLICANT_SCHEMA, form.raw, APPLICANT))
    try:
        return APPLICANT_SCHEMA.load(body)
    except ma.ValidationError as error:
        valid = {name: value for name, value in (error.valid_data or {}).items() if name in FACTS}
    if not isinstance(valid.get("address"), Address):
        valid.pop("address", None)
    return Description(**{"family_name": "", "given_name": "", **valid})


def said_danger(form: Form) -> Danger:
    return Danger(**{kind: SAID.get(form.value(f"danger.{kind}")) for kind in dangers.KINDS})


def is_consented(form: Form) -> bool:
    return form.value("consent.given") == "true" and PROCESSING in form.values("consent.scopes")


def received_on(form: Form) -> date:
    """The day from which the screening counts."""
    field = SCHEMA.load_fields["received_on"]
    body = forms.nested(SCHEMA, form.raw).get("received_on")
    try:
        return min(field.deserialize(body), today()) if body else today()
    except ma.ValidationError:
        return today()


def next_items(form: Form, at: datetime) -> list[OpenItem]:
    """What waits to be done as soon as the appeal is registered, by due time."""
    items = first_items(
        said_danger(form),
        consented=is_consented(form),
        received_on=received_on(form),
        actor=actor().sub,
        now=at,
        policy=intake().policy,
    )
    return sorted(items, key=lambda item: item.due_at)


@dataclass(frozen=True)
class Shorter:
    """What a danger that was said changes at once: who has to be told (words), and by when; whether the file is restricted."""

    bodies: str
    due_at: datetime | None
    is_restricted: bool


def shorter(form: Form, at: datetime) -> Shorter | None:
    """None where no danger was said."""
    danger, policy = said_danger(form), intake().policy
    kinds = dangers.present(danger)
    if not kinds:
        return None
    bodies = [words.word("agency_kind", body) for body in policy.bodies(kinds)]
    return Shorter(
        bodies=format_list(bodies, locale=request_language()) if bodies else "",
        due_at=policy.deadlines.due("notice", at) if bodies else None,
        is_restricted=dangers.is_restricted(danger),
    )


# The IIN as it is typed -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """What is said of the IIN: `tone` done (right), late (wrong) or plain (not typed to the end)."""

    tone: str
    words: str
    birth_date: date | None = None
    sex: str | None = None


DIGITS = 12


def number(form: Form) -> Number | None:
    """None where nothing is typed."""
    typed = re.sub(r"\s", "", form.value("applicant.iin"))
    if not typed:
        return None
    if typed.isdigit() and len(typed) < DIGITS:
        return Number("plain", say(N_("{n} of 12 digits"), n=len(typed)))
    try:
        iin = number_of(typed)
    except iins.BadIin as error:
        return Number("late", say(Iin.default_error_messages[error.reason]))
    born = iins.likely_birth_date(iin, today())
    return Number("done", say(N_("the number is right")), born, iin.sex)


def fill_in(form: Form) -> None:
    """Let the date of birth and the sex stand in the form that the IIN says, where nobody has typed any."""
    found = number(form)
    if found is None or form.value("applicant.birth_year"):
        return
    if found.birth_date and not form.value("applicant.birth_date").strip():
        form.raw["applicant.birth_date"] = forms.typed(found.birth_date)
        form.errors.pop("applicant.birth_date", None)
    if found.sex and not form.value("applicant.sex"):
        form.raw["applicant.sex"] = found.sex
        form.errors.pop("applicant.sex", None)


def born_note(form: Form, said: Description) -> str:
    """What stands under the date of birth: where it comes from, and the age; or that it is another one than in the IIN."""
    found = number(form)
    if said.birth_date is None:
        return ""
    years = words.count("year", words.age(said.birth_date) or 0)
    if found is None or found.birth_date is None:
        return years
    if number_of(form.value("applicant.iin")).born_on(said.birth_date):
        return say(N_("as in the IIN, {years}"), years=years)
    return say(N_("not the one in the IIN, {years}"), years=years)


# Drafts ---------------------------------------------------------------------------------------------


def to_keep(form: Form) -> list[tuple[str, str]]:
    """The fields of a draft; none where nothing was typed."""
    typed = [
        (name, value)
        for name, value in form.raw.items(multi=True)
        if value and (name == NOT or not name.startswith("_"))
    ]
    at_first = set(forms.blank(initial()).raw.items(multi=True))
    return typed if set(typed) - at_first else []


def say(sentence: str, **values: Any) -> str:
    """A sentence in the reader's language, its `{placeholders}` filled."""
    return text(sentence, request_language(), **values)
