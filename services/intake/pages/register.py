"""The register page: an appeal is typed in while somebody sits at the window, and what follows from it stands beside the form.

Everything works by the buttons of one form. A button that does not register says what it does in `_do`; with script the same
buttons and fields ask for parts of the page instead (`look`, `next`, `household`, `draft`). What is typed about a person is only
ever sent in the body of a request, never in an address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request
from werkzeug.datastructures import MultiDict

from services.intake.api.appeals import log_reading
from services.intake.api.here import intake
from services.intake.domain.appeal import CHANNELS, SCREENING, Appeal
from services.intake.domain.family import RELATIONS
from services.intake.domain.person import Address
from services.intake.drafts import Draft
from services.intake.pages import appeals
from services.intake.pages import register_form as typed
from services.intake.pages import register_progress as progress
from services.intake.pages.register_form import say
from services.intake.queries.people import full_name
from services.intake.schemas.commands import GROUNDS
from services.intake.schemas.said import LANGUAGES, NO_IIN_REASONS, SEXES
from services.intake.use_cases import reading
from services.intake.use_cases.looking import Answer, Like, who_may_it_be
from services.intake.use_cases.registration import register
from shared import reference, ui
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, Id, Schema
from shared.i18n import N_, languages, request_language, text
from shared.refusals import NotFound, PossibleDuplicate
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("register_pages", __name__, url_prefix="/intake")

PERSON, NEW, DO = "match.person_id", "match.new", "_do"
OWN_SCOPES = ("processing", "sms", "statistics")
SHARED_SCOPES = tuple(f"share:{kind}" for kind in reference.SERVICE_KINDS)
ROWS_AT_MOST = 30


class RegisterArgs(Schema):
    """`draft`: the id of a draft of the caller's own."""

    draft = Id()


class SlipArgs(Schema):
    """`language`: the family's, where nothing is said."""

    language = Code(languages)


# The page -------------------------------------------------------------------------------------------


@blueprint.get("/register")
@roles("worker", "supervisor")
def new() -> Any:
    """A new appeal, or one that was begun before"""
    draft = ui.query(RegisterArgs).get("draft")
    return show(begun(draft) if draft else forms.blank(typed.initial()))


def begun(draft_id: str) -> Form:
    """The form as it was left, with its key: however often it is sent, one appeal comes of it. Raises NotFound."""
    draft = intake().store.drafts.find(actor().sub, draft_id, now())
    if draft is None:
        raise NotFound
    return Form(MultiDict(draft.fields), draft.key, loaded_at=draft.saved_at)


@blueprint.post("/register")
@roles("worker", "supervisor")
def send() -> Any:
    """Register the appeal, or do what the button says"""
    form = typed.sent()
    keep(form)
    if button := request.form.get(DO):
        return press(form, button)
    if form.ready:
        try:
            saved = form.attempt(lambda: register(intake(), actor(), form.once(), form.data, now()))
        except PossibleDuplicate:
            return show(form, 409, is_alike=True)
        if saved:
            intake().store.drafts.end(actor().sub, form.key, now())
            return ui.done(saved, f"/intake/appeals/{saved.id}/registered", "registered")
    typed.fill_in(form)
    return show(form, 422 if form.errors else 409 if form.notice else 200)


def press(form: Form, button: str) -> Any:
    """What a button of the form does besides registering: `later`, `row`, `drop:<n>`, or an answer to *who is it?*"""
    form.errors.clear()
    if button == "later":
        return redirect("/intake/register", 303)
    answered(form, button)
    typed.fill_in(form)
    return show(form, rows=rows_after(form, button))


def show(form: Form, status: int = 200, *, rows: Sequence[int] | None = None, is_alike: bool = False) -> Any:
    """The page. `rows`: those of the household, where they are not simply those of the form; `is_alike`: the appeal was held back
    because somebody known is close to the person described."""
    at = now()
    said = typed.described(form)
    own = intake().store.drafts.own(actor().sub, at)
    others = [draft for draft in own if draft.key != form.key] if request.method == "GET" else []
    return ui.page(
        "intake/register.html",
        status,
        active="register",
        form=form,
        notice=ui.problem_of(form.notice) if form.notice else None,
        mistakes=progress.mistakes(form),
        is_alike=is_alike,
        at=at,
        drafts=[draft_row(draft) for draft in others],
        saved_at=next((draft.saved_at for draft in own if draft.key == form.key), None),
        states=progress.states(form, said),
        missing=progress.missing(form),
        rows=form.rows("household") if rows is None else rows,
        **who_is_it(form, at),
        **what_is_next(form, at),
        **lists(),
    )


def draft_row(draft: Draft) -> dict[str, Any]:
    """A draft in the list: `{id, name, saved_at}`; the name may be empty."""
    fields = MultiDict(draft.fields)
    names = [fields.get(f"applicant.{name}", "") for name in ("family_name", "given_name")]
    return {"id": draft.id, "name": " ".join(filter(None, names)), "saved_at": draft.saved_at}


def lists() -> dict[str, Any]:
    """What can be chosen: (code, words)."""
    region, language = typed.own_region()[:2], request_language()
    return {
        "channels": _capital(words.choices("channel", CHANNELS)),
        "sexes": _capital(words.choices("sex", SEXES)),
        "spoken": words.choices("spoken", LANGUAGES),
        "regions": [(each.kato, each.name[language]) for each in reference.regions()],
        "no_iin_reasons": words.choices("no_iin_reason", NO_IIN_REASONS),
        "relations": words.choices("relation", RELATIONS),
        "grounds": words.choices("ground_plain", GROUNDS),
        "agencies": [
            (each.id, each.name[language]) for each in reference.agencies() if each.region == region
        ],
        "own_scopes": OWN_SCOPES,
        "shared_scopes": [
            (scope, words.word("service_kind", kind), words.word("agency_kind", kind))
            for scope, kind in zip(SHARED_SCOPES, reference.SERVICE_KINDS, strict=True)
        ],
    }


def _capital(options: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(code, said[:1].upper() + said[1:]) for code, said in options]


# Who is it? -----------------------------------------------------------------------------------------


@blueprint.post("/register/look")
@roles("worker", "supervisor")
def look() -> Any:
    """Part of the page: who of the people known this may be, and what the IIN says"""
    form = typed.sent()
    form.errors.clear()
    is_answer = answered(form, request.form.get(DO, ""))
    before = {name: form.value(f"applicant.{name}") for name in ("birth_date", "sex")}
    typed.fill_in(form)
    filled = [name for name, value in before.items() if form.value(f"applicant.{name}") != value]
    return ui.page(
        "intake/register_look.html",
        form=form,
        filled=filled,
        is_answer=is_answer,
        **who_is_it(form, now()),
        **lists(),
    )


def answered(form: Form, button: str) -> bool:
    """Put the answer that a button gives into the form: `is:<person>`, `not:<person>`, or `anew`. Whether it gives one."""
    what, _, person_id = button.partition(":")
    if what not in ("is", "not", "anew"):
        return False
    form.raw.poplist(PERSON)
    if what == "anew":
        form.raw.poplist(typed.NOT)
    elif what == "is":
        form.raw[PERSON] = person_id
    else:
        form.raw.add(typed.NOT, person_id)
    return True


def who_is_it(form: Form, at: datetime) -> dict[str, Any]:
    """What the page says of the people known: `who` (`known`, `chosen`, `candidates`, `none`: which text stands there), `iin`,
    `born_note`. The hidden fields `match.*` follow from it: an answer given about somebody else does not stay."""
    said = typed.described(form)
    answer = who_may_it_be(intake(), actor(), said, at)
    denied = [like.person_id for like in answer.candidates if like.person_id in set(form.values(typed.NOT))]
    chosen = next((one for one in answer.candidates if one.person_id == form.value(PERSON)), None)
    rest = [one for one in answer.candidates if one.person_id not in denied]
    is_new = bool(denied) and not rest and chosen is None
    hidden = [(typed.NOT, id) for id in denied]
    hidden += [(PERSON, chosen.person_id)] if chosen else [(NEW, "true")] if is_new else []
    return {
        "who": _which(answer, chosen, is_new, said),
        "known": _shown(answer.known) if answer.known else None,
        "chosen": _shown(chosen) if chosen else None,
        "candidates": [_shown(like) for like in rest],
        "hidden_match": hidden,
        "iin": typed.number(form),
        "born_note": typed.born_note(form, said),
    }


def _which(answer: Answer, chosen: Like | None, is_new: bool, said: Any) -> str:
    if answer.known:
        return "known"
    if chosen:
        return "chosen"
    if is_new:
        return "new"
    if answer.candidates:
        return "candidates"
    is_described = said.iin or (said.family_name and said.given_name and (said.birth_date or said.birth_year))
    return "nobody" if is_described else "too-little"


def _shown(like: Like) -> dict[str, Any]:
    person = like.person
    came = like.last_came_at
    facts = [
        words.day(person.birth_date) if person.birth_date else person.birth_year,
        say(N_("last came on {day}"), day=words.day(words.local(came).date())) if came else None,
        say(N_("IIN …{digits}"), digits=person.iin[-4:]) if person.iin else say(N_("no IIN in the file")),
    ]
    return {
        "id": like.person_id,
        "name": full_name(person),
        "score": round(like.score * 100),
        "second": " · ".join(str(fact) for fact in facts if fact),
        "href": f"/intake/families/{person.family_id}",
        "is_it": words.word("that_is", person.sex or "unknown"),
        "reasons": [(True, words.word("match_reason", each)) for each in like.reasons]
        + [(False, _differing(each, getattr(person, each))) for each in like.differs],
    }


HOW_SHOWN: dict[str, Callable[[Any], str]] = {
    "phone": lambda phone: f"…{phone[-4:]}",
    "iin": lambda iin: f"…{iin[-4:]}",
    "birth_date": words.day,
    "sex": lambda sex: words.word("sex", sex),
    "language": lambda language: words.word("spoken", language),
    "no_iin_reason": lambda reason: words.word("no_iin_reason", reason),
    "address": lambda address: _place(address),
}


def _differing(name: str, known: Any) -> str:
    shown = HOW_SHOWN.get(name, str)(known) if known else words.DASH
    return say(N_("in the file {field}: {known}"), field=words.word("differs", name), known=shown)


def _place(address: Address) -> str:
    region = reference.region_of(address.kato)
    return address.line or (region.name[request_language()] if region else words.DASH)


# What is next, the household, the draft ---------------------------------------------------------------


@blueprint.post("/register/next")
@roles("worker", "supervisor")
def next_steps() -> Any:
    """Part of the page: what will have to be done, and by when"""
    return ui.page("intake/register_next.html", **what_is_next(typed.sent(), now()))


def what_is_next(form: Form, at: datetime) -> dict[str, Any]:
    return {
        "shorter": typed.shorter(form, at),
        "steps": [
            {"what": words.item(item.item), "clock": words.clock(item.due_at, at)}
            for item in typed.next_items(form, at)
        ],
    }


@blueprint.post("/register/household")
@roles("worker", "supervisor")
def household() -> Any:
    """Part of the page: the rows of the household, with one more, or without one"""
    form = typed.sent()
    form.errors.clear()
    rows = rows_after(form, request.form.get(DO, ""))
    return ui.page("intake/register_rows.html", form=form, rows=rows, added=True, **lists())


def rows_after(form: Form, button: str) -> list[int]:
    """The rows of the household after a button: `row` adds an empty one, `drop:<n>` takes one away."""
    what, _, n = button.partition(":")
    rows = form.rows("household")
    if what == "drop":
        return [row for row in rows if str(row) != n]
    return [*rows, len(rows)] if what == "row" and len(rows) < ROWS_AT_MOST else rows


@blueprint.post("/register/draft")
@roles("worker", "supervisor")
def draft() -> Any:
    """Part of the page: that what is typed is kept, and what is still missing"""
    form = typed.sent()
    form.errors.clear()
    kept = keep(form)
    said = typed.described(form)
    return ui.page(
        "intake/register_draft.html",
        saved_at=now() if kept else None,
        states=progress.states(form, said),
        missing=progress.missing(form),
    )


def keep(form: Form) -> bool:
    """Keep what stands in the form as a draft; whether there was anything."""
    fields = typed.to_keep(form)
    if fields:
        intake().store.drafts.save(actor().sub, form.key, fields, now())
    return bool(fields)


@blueprint.post("/register/drafts/<uuid:draft_id>/drop")
@roles("worker", "supervisor")
def drop(draft_id: UUID) -> Any:
    """Throw a draft away"""
    found = intake().store.drafts.find(actor().sub, str(draft_id), now())
    if found:
        intake().store.drafts.end(actor().sub, found.key, now())
    return redirect("/intake/register", 303)


# Afterwards -----------------------------------------------------------------------------------------


@blueprint.get("/appeals/<uuid:appeal_id>/registered")
@roles("worker", "supervisor")
def registered(appeal_id: UUID) -> Any:
    """What has come of it: the number, who answers for it, and what is to be done"""
    saved = reading.appeal(intake(), actor(), str(appeal_id))
    log_reading(saved)
    return ui.page(
        "intake/registered.html",
        active="register",
        id=saved.id,
        appeal=saved.state,
        items=appeals.to_do(saved, now()),
        differs=appeals.differs(saved.state),
        due_on=screened_by(saved.state, request_language()),
    )


def screened_by(appeal: Appeal, language: str) -> str | None:
    """The day by which it is said what help there will be; None once that is done."""
    screening = next((item for item in appeal.open if item.item == SCREENING), None)
    return words.long_day(words.local(screening.due_at).date(), language) if screening else None


@blueprint.get("/appeals/<uuid:appeal_id>/slip")
@roles("worker", "supervisor")
def slip(appeal_id: UUID) -> Any:
    """A sheet for the family to take along, in its own language. It says nothing that could endanger whoever carries it"""
    saved = reading.appeal(intake(), actor(), str(appeal_id))
    log_reading(saved)
    person = intake().store.persons.get(saved.state.person_id).state
    language = ui.query(SlipArgs).get("language") or person.language or request_language()
    return ui.page(
        "intake/slip.html",
        id=saved.id,
        appeal=saved.state,
        language_of_slip=language,
        spoken=words.choices("spoken", LANGUAGES),
        center=reference.center(saved.state.center_id),
        registered_on=words.long_day(words.local(saved.state.registered_at).date(), language),
        due_on=screened_by(saved.state, language),
        _=lambda sentence, **values: text(sentence, language, **values),
        gettext=say,
    )
