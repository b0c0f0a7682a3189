"""Appeals: the list, and one of them with what is to be done about it: the screening, the notices, and who answers for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request

from services.intake.api.appeals import listed, log_reading
from services.intake.api.here import intake
from services.intake.domain import danger as dangers
from services.intake.domain.appeal import HOW_TOLD, OUTCOMES, STATES, TRANSITIONS, Appeal
from services.intake.domain.items import Notice, Remark
from services.intake.pages import names, rows
from services.intake.pages.changes import meanwhile
from services.intake.queries import people, worklist
from services.intake.schemas.commands import AssignIn, NoticeIn, ScreeningIn
from services.intake.use_cases import appeals as use_cases
from services.intake.use_cases import reading
from shared import reference, ui
from shared.access import Known, may_act
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, Schema
from shared.http.paging import ListArgs, encode_cursor
from shared.i18n import N_
from shared.refusals import Forbidden, Invalid
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("appeals_pages", __name__, url_prefix="/intake")

VIEWS = ("mine", "center")
NOTICE, DANGER = "notice-", "danger."

# The list -----------------------------------------------------------------------------------------


class Filters(ListArgs):
    """What stands in the address of the list."""

    view = Code(VIEWS)
    state = Code(STATES)


@blueprint.get("/appeals")
@roles("worker", "supervisor")
def page() -> Any:
    """Appeals, newest first"""
    chosen = ui.query(Filters)
    view = chosen.get("view") or ("center" if actor().is_a("supervisor") else "mine")
    whose = {"holder": actor().sub} if view == "mine" else {"center_id": actor().center_id}
    state = {"state": chosen["state"]} if "state" in chosen else {}
    shown, following = listed({**whose, **state}, chosen["cursor"], chosen["limit"])
    kept = {"view": view, **state}
    return ui.page(
        "intake/appeals.html",
        active="appeals",
        view=view,
        tabs=[(each, address(view=each, **state)) for each in VIEWS],
        states=[(each, address(view=view, state=each)) for each in STATES],
        every_state=address(view=view),
        state=chosen.get("state"),
        rows=list_rows(shown, now()),
        first=address(**kept) if chosen["cursor"] else None,
        following=address(**kept, cursor=encode_cursor(following)) if following else None,
    )


def address(**query: str) -> str:
    """The list with these filters: codes only, so that it can be sent to a colleague."""
    return f"/intake/appeals?{urlencode(query)}"


def list_rows(shown: list[Saved[Appeal]], at: datetime) -> list[dict[str, Any]]:
    """Appeals as rows of the list, each with whom it is for, and what is due first."""
    persons = people.persons(intake().store, {saved.state.person_id for saved in shown})
    return [list_row(saved, persons[saved.state.person_id], at) for saved in shown]


def list_row(saved: Saved[Appeal], person: Saved[Any], at: datetime) -> dict[str, Any]:
    return {
        "id": saved.id,
        "appeal": saved.state,
        "name": people.full_name(person.state),
        "age": words.age(person.state.birth_date),
        "badges": worklist.badges(Known(danger=vars(saved.state.danger)), person),
        "next": next(iter(to_do(saved, at)), None),
    }


def to_do(saved: Saved[Appeal], at: datetime) -> list[dict[str, Any]]:
    """What is open of an appeal, by due time, with what the macros of `intake/items.html` show of a row."""
    about = {
        "kind": "appeal",
        "subject": saved.id,
        "family_id": saved.state.family_id,
        "person_id": saved.state.person_id,
    }
    return [
        {
            "id": f"{saved.id}-{item.item}",
            "clock": words.clock(item.due_at, at),
            "what": words.item(item.item),
            "action": words.word("next_action", item.next_action),
            "href": rows.href_of({**about, "item": item.item, "next_action": item.next_action}),
            "late_action": item.due_at < at,
            "owner": item.owner,
        }
        for item in sorted(saved.state.open, key=lambda item: item.due_at)
    ]


# One appeal ---------------------------------------------------------------------------------------


@blueprint.get("/appeals/<uuid:appeal_id>")
@roles("worker", "supervisor")
def appeal(appeal_id: UUID) -> Any:
    """An appeal, and the forms for what can be done about it now"""
    return show(reading.appeal(intake(), actor(), str(appeal_id)))


@blueprint.post("/appeals/<uuid:appeal_id>")
@roles("worker", "supervisor")
def act(appeal_id: UUID) -> Any:
    """One of the page's forms; which one, it says in `_form`"""
    command = request.form.get("_form", "")
    if command not in COMMANDS:
        raise Invalid({"_form": [N_("Choose one of these.")]})
    schema, do = COMMANDS[command]
    form = forms.sent(schema)
    if form.ready and (saved := form.attempt(lambda: do(form, str(appeal_id)))):
        return ui.done(saved, f"/intake/appeals/{saved.id}")
    current = reading.appeal(intake(), actor(), str(appeal_id))
    return show(current, command, form, meanwhile(form, current.state.family_id, current))


def screen(form: Form, id: str) -> Saved[Appeal]:
    return use_cases.screen(intake(), actor(), form.ask("screening"), id, **form.data)


def tell(form: Form, id: str) -> Saved[Appeal]:
    given = Notice(**form.data, actor=actor().sub)
    return use_cases.tell(intake(), actor(), form.ask("notices"), id, given)


def assign(form: Form, id: str) -> Saved[Appeal]:
    if not actor().is_a("supervisor"):
        raise Forbidden
    return use_cases.assign(intake(), actor(), form.ask("assign"), id, **form.data)


COMMANDS: Mapping[str, tuple[type[Schema], Callable[[Form, str], Saved[Appeal]]]] = {
    "screening": (ScreeningIn, screen),
    "notices": (NoticeIn, tell),
    "assign": (AssignIn, assign),
}


def show(
    saved: Saved[Appeal],
    sent: str | None = None,
    form: Form | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> Any:
    """The page of an appeal. `sent`: which of its forms was sent, and is shown again as `form`; `changes`: what happened to the
    appeal since that form was first shown."""
    log_reading(saved)
    appeal, at = saved.state, now()
    family = reading.family(intake(), actor(), appeal.family_id)
    mine = may_act(actor(), appeal.holder, appeal.center_id)
    allowed = set(TRANSITIONS[appeal.state]) if mine else set()
    if not actor().is_a("supervisor"):
        allowed.discard("assign")
    bodies = [item.item.removeprefix(NOTICE) for item in appeal.open if item.item.startswith(NOTICE)]
    if not bodies:
        allowed.discard("notices")
    shown = {command: blank(command, saved.version, bodies, at) for command in COMMANDS}
    if sent and form:
        shown[sent] = form
    chosen = shown["notices"].value("body")
    if words.has("body", chosen) and chosen not in bodies:
        bodies.append(chosen)  # told meanwhile: the form shows what was chosen
    return ui.form_page(
        "intake/appeal.html",
        form or forms.blank(),
        active="appeals",
        id=saved.id,
        appeal=appeal,
        who=names.of_family(family),
        applicant=applicant(appeal.person_id),
        shown=shown,
        sent=sent,
        allowed=allowed,
        mine=mine,
        changes=changes,
        items=to_do(saved, at),
        journal=journal(appeal),
        dangers=[(kind, getattr(appeal.danger, kind)) for kind in dangers.KINDS],
        differs=differs(appeal),
        outcomes=[(each, words.word("outcome", each), words.word("outcome_hint", each)) for each in OUTCOMES],
        bodies=[(each, words.word("body", each)) for each in bodies],
        how_told=HOW_TOLD,
        colleagues=colleagues(appeal),
    )


def blank(command: str, version: int, bodies: list[str], at: datetime) -> Form:
    """A form of the page as it is at first. Mostly a notice is written down just after the call, and often one body waits."""
    told = {"told_at": at, "body": bodies[0] if len(bodies) == 1 else None}
    return forms.blank(told if command == "notices" else None, version)


def applicant(person_id: str) -> dict[str, Any]:
    """Who came: `{name, age}`"""
    person = intake().store.persons.get(person_id).state
    return {"name": people.full_name(person), "age": words.age(person.birth_date)}


def differs(appeal: Appeal) -> dict[str, list[str]]:
    """What was said differently from what the file holds, in words: of the `person`, and of the `danger`."""
    danger = [each for each in appeal.differs if each.startswith(DANGER)]
    person = [each for each in appeal.differs if each not in danger]
    return {"person": [field_name(each) for each in person], "danger": [field_name(each) for each in danger]}


def field_name(path: str) -> str:
    return words.word("differs" if "." in path else "field", path)


def colleagues(appeal: Appeal) -> list[tuple[str, str]]:
    """To whom the appeal can be given: (login, name)."""
    return [
        (each.id, each.name)
        for each in reference.staff()
        if each.center_id == appeal.center_id and each.active and each.id != appeal.holder
    ]


def journal(appeal: Appeal) -> list[dict[str, Any]]:
    """What was done and why, newest first, by day: remarks and notices, as the macro `timeline` shows them."""
    done = sorted([*appeal.remarks, *appeal.notices], key=moment_of, reverse=True)
    days = groupby(done, key=lambda each: words.local(moment_of(each)).date())
    return [
        {"heading": words.day_heading(day), "entries": [entry(each) for each in some]} for day, some in days
    ]


def moment_of(done: Remark | Notice) -> datetime:
    return done.told_at if isinstance(done, Notice) else done.at


def entry(done: Remark | Notice) -> dict[str, Any]:
    about = {"time": words.time_of(moment_of(done)), "service": "intake", "by": words.staff(done.actor)}
    if isinstance(done, Remark):
        return {**about, "title": words.word("appeal_remark", done.about), "text": done.text}
    how = ", ".join(filter(None, [words.word("how_told", done.how), done.reference]))
    return {**about, "title": words.word("told", done.body), "text": how}
