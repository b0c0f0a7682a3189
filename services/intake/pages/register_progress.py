"""How far the form of the register page is: how each section stands, what is missing, and what is wrong, in words."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.domain import danger as dangers
from services.intake.domain.person import Description
from services.intake.pages.register_form import (
    APPLICANT,
    HOUSEHOLD,
    SAID,
    SCHEMA,
    is_consented,
    said_danger,
    say,
)
from shared.http.problems import flat
from shared.i18n import N_
from shared.ui import forms, words
from shared.ui.forms import Form


@dataclass(frozen=True)
class State:
    """How a section stands, in words; tone: done, soon, contact, plain."""

    words: str
    tone: str


def states(form: Form, said: Description) -> dict[str, State]:
    """Section → how it stands."""
    return {
        "danger": _danger_state(form),
        "applicant": _applicant_state(form, said),
        "contact": _contact_state(form),
        "household": _household_state(form),
        "story": _story_state(form),
        "consent": _consent_state(form),
    }


def _danger_state(form: Form) -> State:
    danger = said_danger(form)
    n = sum(getattr(danger, kind) is None for kind in dangers.KINDS)
    if not n:
        return State(say(N_("answered")), "done")
    return State(say(N_("not asked: {questions}"), questions=words.count("question", n)), "soon")


def _applicant_state(form: Form, said: Description) -> State:
    if not (said.family_name and said.given_name):
        return State(say(N_("no name")), "soon")
    if not (said.iin or said.no_iin_reason):
        return State(say(N_("no IIN")), "soon")
    if not form.value("applicant.address.line").strip():
        return State(say(N_("no address")), "soon")
    return State(say(N_("filled in")), "done")


def _contact_state(form: Form) -> State:
    if form.value("safe_contact.sms") == "yes" and not said_danger(form).domestic_violence:
        return State(say(N_("SMS may be sent")), "done")
    return State(say(N_("we send no SMS")), "contact")


def _household_state(form: Form) -> State:
    rows = len(form.rows("household"))
    return State(words.count("person", rows) if rows else say(N_("nobody named")), "plain")


def _story_state(form: Form) -> State:
    if not form.value("need").strip():
        return State(say(N_("not told yet")), "soon")
    chosen = len(form.values("grounds"))
    return State(words.count("ground", chosen), "done") if chosen else State(say(N_("no grounds")), "soon")


def _consent_state(form: Form) -> State:
    if form.value("consent.given") == "false":
        return State(say(N_("refused")), "soon")
    if is_consented(form):
        return State(say(N_("given")), "done")
    return State(say(N_("not given yet")), "soon")


def missing(form: Form) -> list[tuple[str, str]]:
    """(address on the page, words) of what still has to be filled in or asked, in the order of the form."""
    found = flat(SCHEMA.validate(forms.nested(SCHEMA, form.raw)))
    named = {group_of(path): f"#{path}" for path in reversed(found)}
    if not dangers.all_asked(said_danger(form)):
        named.setdefault("danger", "#danger")
    if not form.value("applicant.address.line").strip():
        named.setdefault("address", "#applicant.address.line")
    if form.value("consent.given") not in SAID:
        named.setdefault("consent", "#consent.given")
    return [(named[code], words.word("field", code)) for code in ORDER if code in named]


PLACES = {"match": "#who"}
"""Where on the page something is said for which there is no field."""
ORDER = (
    "danger",
    "channel",
    "received_on",
    "source",
    "iin",
    "no_iin_reason",
    "birth_date",
    "birth_year",
    "sex",
    "family_name",
    "given_name",
    "patronymic",
    "phone",
    "language",
    "address",
    "safe_contact",
    "household",
    "need",
    "grounds",
    "match",
    "consent",
)
"""The fields as the page names them, from its top to its foot."""


def group_of(path: str) -> str:
    """`applicant.address.line` → address; `household.0.iin` → household"""
    return path.removeprefix(APPLICANT).partition(".")[0]


def mistakes(form: Form) -> list[dict[str, str]]:
    """The form's errors, each with the name of its field and a link to it."""
    return [
        {"text": f"{_label(path)}: {forms.said(texts[0])}", "href": PLACES.get(group_of(path), f"#{path}")}
        for path, texts in form.errors.items()
    ]


def _label(path: str) -> str:
    """The name of a field at the beginning of a sentence; of somebody of the household also who."""
    name = words.word("field", group_of(path))
    if path.startswith(HOUSEHOLD):
        _, n, *inner = path.split(".")
        name = f"{name} № {int(n) + 1}"
        name += f", {words.word('field', inner[0])}" if inner and inner[0] in ORDER_OF_LINE else ""
    return name[:1].upper() + name[1:]


ORDER_OF_LINE = frozenset(ORDER) | {"relation", "alleged_abuser"}
