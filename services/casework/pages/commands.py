"""A form for every command of a case that needs to be told something.

`FORMS` says for each which template shows it, what stands in its fields at first, and what the page shows beside. The rest is
alike: the schema and the use case are those of the API (`doors.COMMANDS`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import redirect, request
from werkzeug.datastructures import MultiDict

from services.casework import queries
from services.casework.domain.case import (
    CLOSING_REASONS,
    CONDITIONS,
    GROUPS,
    METHODS,
    OUTCOMES,
    RESPONSIBLE,
    Case,
)
from services.casework.domain.levels import DOMAINS, LETTERS, WORST
from services.casework.domain.states import allowed
from services.casework.doors import BY_PATH, HEAD, STAFF, Command, service
from services.casework.pages.shown import PLACES, case_href, shown
from services.casework.reading import actable, headed
from services.casework.schemas import KINDS, AssessmentIn
from shared import reference, ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

RATINGS = tuple(range(WORST + 1))
MOST_COLLEAGUES = 200

blueprint = Pages("case_commands", __name__, url_prefix="/casework/cases/<uuid:case_id>")

First = Callable[[Saved[Case]], Mapping[str, Any]]
Beside = Callable[[Saved[Case], Form], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class FormPage:
    """The page of a command. `first`: what stands in the fields at first; `beside`: what else the template shows."""

    command: str
    template: str
    first: First = lambda saved: {}
    beside: Beside = lambda saved, form: {}


# ------------------------------------------------------------------ what stands in the fields, and beside them


def last_assessment(saved: Saved[Case]) -> Mapping[str, Any]:
    """Who assesses anew sees the last ratings; at the first time nothing is chosen."""
    last = saved.state.assessment
    return {"domains": last.domains} if last else {}


def scale(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    return {
        "domains": DOMAINS,
        "ratings": RATINGS,
        "running": running_level(saved.state, form),
        "labels": {f"domains.{domain}": words.word("domain", domain) for domain in DOMAINS},
    }


def running_level(case: Case, form: Form) -> dict[str, Any]:
    """Score and level of what is chosen so far, counted as the assessment will be."""
    chosen = {domain: form.value(f"domains.{domain}") for domain in DOMAINS}
    rated = {domain: int(value) for domain, value in chosen.items() if value in map(str, RATINGS)}
    score, level = service().policy.levels.assessed(rated, case.danger)
    return {"rated": len(rated), "of": len(DOMAINS), "score": score, "level": level}


def last_plan(saved: Saved[Case]) -> Mapping[str, Any]:
    """A new version begins with the goals there are and the measures that nobody has begun: they fall away with the old one."""
    case = saved.state
    if case.plan is None:
        return {}
    measures = [
        {
            "kind": measure.kind,
            "responsible": {"type": measure.responsible.type, "agency_id": measure.responsible.agency_id},
            "due_on": measure.due_on,
            "text": measure.text,
        }
        for measure in case.measures
        if measure.state == "planned"
    ]
    return {"goals": case.plan.goals, "measures": measures}


def plan_rows(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    """The rows that are filled in, and an empty one where one was asked for or there is none yet."""
    goals = [goal for goal in form.values("goals") if goal.strip()]
    measures = form.rows("measures")
    wanted = request.form.get("_add")
    region = reference.center(saved.state.center_id).region
    agencies = [agency for agency in reference.agencies() if agency.region == region]
    chosen = {form.value(f"measures.{n}.responsible.agency_id") for n in measures}
    elsewhere = [each for each in reference.agencies() if each.id in chosen and each.region != region]
    return {
        "goals": [*goals, ""] if wanted == "goals" or not goals else goals,
        "measure_rows": [*measures, len(measures)] if wanted == "measures" or not measures else measures,
        "added": wanted,
        "kinds": words.choices("measure_kind", KINDS),
        "responsible_choices": words.choices("responsible", RESPONSIBLE),
        "agencies": words.choices("agency", [each.id for each in (*agencies, *elsewhere)]),
        "example_day": words.today() + timedelta(days=30),
        "kept": [measure for measure in saved.state.measures if measure.state == "started"],
    }


def signers(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    draft = saved.state.draft
    missing = [by for by in ("worker", "family") if not (draft and draft.signed_by(by))]
    return {"missing": words.choices("signer", missing), "methods": words.choices("method", METHODS)}


def first_signer(saved: Saved[Case]) -> Mapping[str, Any]:
    """The one who is left to sign; of two, nobody is chosen beforehand."""
    draft = saved.state.draft
    missing = [by for by in ("worker", "family") if not (draft and draft.signed_by(by))]
    return {"by": missing[0]} if len(missing) == 1 else {}


def today(saved: Saved[Case]) -> Mapping[str, Any]:
    return {"given_on": words.today()}


def conditions(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    return {
        "conditions": words.choices("condition", CONDITIONS),
        "kinds": words.choices("measure_kind", KINDS),
    }


def groups(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    return {"groups": words.choices("mobile_group", GROUPS)}


def outcomes(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    return {
        "outcomes": words.choices("outcome", OUTCOMES),
        "letter_choices": [
            (letter, f"{letter} – {name}") for letter, name in words.choices("level", LETTERS)
        ],
        "crisis": sorted(service().policy.levels.crisis),
    }


def reasons(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    return {"reasons": words.choices("closing_reason", CLOSING_REASONS)}


def colleagues(saved: Saved[Case], form: Form) -> Mapping[str, Any]:
    """Who may hold the case instead, those with the fewest cases first."""
    rows, _ = queries.colleagues(service(), actor(), saved.state.center_id, "", MOST_COLLEAGUES)
    others = [row for row in rows if row.member.active and row.member.id != saved.state.holder]
    others.sort(key=lambda row: (row.open_cases, row.member.name))
    return {
        "colleagues": [
            (row.member.id, row.member.name, words.count("open_case", row.open_cases)) for row in others
        ]
    }


FORMS = (
    FormPage(command="assessment", template="assessment.html", first=last_assessment, beside=scale),
    FormPage(command="plan", template="plan.html", first=last_plan, beside=plan_rows),
    FormPage(command="plan/sign", template="sign.html", first=first_signer, beside=signers),
    FormPage(command="measures/<int:n>/deliver", template="deliver.html", first=today, beside=conditions),
    FormPage(command="measures/<int:n>/cancel", template="cancel.html"),
    FormPage(command="help", template="help.html", first=today, beside=conditions),
    FormPage(command="visits", template="visit.html", beside=groups),
    FormPage(command="review", template="review.html", beside=outcomes),
    FormPage(command="closure", template="closure.html", beside=reasons),
    FormPage(command="reopen", template="reopen.html"),
    FormPage(command="assign", template="assign.html", beside=colleagues),
)


# ------------------------------------------------------------------ showing and sending them


def form_route(page: FormPage) -> None:
    command = BY_PATH[page.command]
    place = PLACES.get(command.path, command.path)
    endpoint = place.replace("<int:n>/", "").replace("/", "-")

    @roles(*command.who)
    def show(case_id: UUID, **numbers: int) -> Any:
        saved = for_command(command, case_id, **numbers)
        if command.name(**numbers) not in allowed(saved.state):
            return redirect(case_href(saved.id), 303)  # the case says where it stands, and what comes next
        form = forms.blank(page.first(saved), saved.version)
        return with_form(page, saved, form, **numbers)

    @roles(*command.who)
    def send(case_id: UUID, **numbers: int) -> Any:
        saved = for_command(command, case_id, **numbers)
        form = rearranged(forms.sent(command.schema))
        if form.ready:
            ask = form.ask(command.name(**numbers))
            done = form.attempt(lambda: command.do(service(), actor(), ask, saved.id, **numbers, **form.data))
            if done:
                return ui.done(done, case_href(done.id))
            saved = for_command(command, case_id, **numbers)
        return with_form(page, saved, form, **numbers)

    show.__doc__ = send.__doc__ = command.title
    blueprint.add_url_rule(f"/{place}", f"{endpoint}_form", show, methods=["GET"])
    blueprint.add_url_rule(f"/{place}", endpoint, send, methods=["POST"])


def for_command(command: Command, case_id: UUID, n: int | None = None) -> Saved[Case]:
    """The case, for somebody who may give the command. Raises NotFound (also for a measure that there is not), Forbidden."""
    find = headed if command.who == HEAD else actable
    saved = find(service(), actor(), str(case_id))
    if n is not None:
        saved.state.measure(n)
    return saved


def with_form(page: FormPage, saved: Saved[Case], form: Form, n: int | None = None) -> Any:
    beside = page.beside(saved, form)
    measure = saved.state.measure(n) if n is not None else None
    return shown(page.template, saved, form, why=BY_PATH[page.command].name(n), measure=measure, **beside)


def rearranged(form: Form) -> Form:
    """Where a row is to be added or taken out, the form as it was typed, not carried out yet."""
    gone = request.form.get("_remove", "")
    if not gone and "_add" not in request.form:
        return form
    name, _, index = gone.rpartition(".")
    raw: MultiDict[str, str] = MultiDict()
    for key, values in request.form.lists():
        for n, value in enumerate(values):
            if not (key.startswith(f"{gone}.") or (key == name and str(n) == index)):
                raw.add(key, value)
    form.raw, form.was_sent, form.errors = forms.compact(raw), False, {}
    return form


@blueprint.post("/assessment/level")
@roles(*STAFF)
def level(case_id: UUID) -> Any:
    """The level of what is chosen so far. It is no reading: the page around it has shown the case already."""
    saved = for_command(BY_PATH["assessment"], case_id)
    return ui.page("casework/level.html", running=running_level(saved.state, forms.sent(AssessmentIn)))


for each in FORMS:
    form_route(each)
