"""The register page: an appeal is typed in while somebody sits at the window, and what follows from it stands beside the form.

Everything works by the buttons of one form. A button that does not register says what it does in `_do`; with script the same
buttons and fields ask for parts of the page instead (`look`, `next`, `household`, `draft`). What is typed about a person is only
ever sent in the body of a request, never in an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect, request
from werkzeug.datastructures import MultiDict

from services.intake.api.here import intake
from services.intake.domain.appeal import CHANNELS
from services.intake.domain.family import RELATIONS
from services.intake.drafts import Draft
from services.intake.pages import register_form as typed
from services.intake.pages import register_progress as progress
from services.intake.pages.register_who import answered, take_over, who_is_it
from services.intake.schemas.commands import GROUNDS
from services.intake.schemas.said import LANGUAGES, NO_IIN_REASONS, SEXES
from services.intake.use_cases.registration import register
from shared import reference, ui
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Id, Schema
from shared.i18n import request_language
from shared.refusals import NotFound, PossibleDuplicate
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("register_pages", __name__, url_prefix="/intake")

DO = "_do"
OWN_SCOPES = ("processing", "sms", "statistics")
SHARED_SCOPES = tuple(f"share:{kind}" for kind in reference.SERVICE_KINDS)
ROWS_AT_MOST = 30


class RegisterArgs(Schema):
    """`draft`: the id of a draft of the caller's own."""

    draft = Id()


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
    """What a button of the form does besides registering: `later`, `row`, `drop:<n>`, `fill:<person>`, or an answer to *who is
    it?*"""
    form.errors.clear()
    if button == "later":
        return redirect("/intake/register", 303)
    answered(form, button)
    take_over(form, button, now())
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
