"""One case: what it needs next, its plan, what was given; and the decisions of the head about a plan or a closing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from services.casework.domain.case import Case, Closure, Help, Measure, Remark, Review, Visit
from services.casework.doors import BY_PATH, HEAD, STAFF, service
from services.casework.pages.shown import case_href, may, measure_href, shown
from services.casework.reading import actable, headed, readable
from shared import ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.refusals import NotFound
from shared.ui import Pages, forms

DECISIONS = ("plan/approve", "plan/return", "closure/approve", "closure/return")
MORE = ("help", "visits", "closure", "assign")
"""What may be done beside the next step."""

blueprint = Pages("case_pages", __name__, url_prefix="/casework/cases/<uuid:case_id>")


@blueprint.get("")
@roles(*STAFF)
def case(case_id: UUID) -> Any:
    """A case."""
    return whole(readable(service(), actor(), str(case_id)))


@blueprint.post("/measures/<int:n>/start")
@roles(*STAFF)
def start(case_id: UUID, n: int) -> Any:
    """A measure is begun: a button in the plan."""
    command = BY_PATH["measures/<int:n>/start"]
    actable(service(), actor(), str(case_id))
    form = forms.sent(command.schema)
    if form.ready:
        ask = form.ask(command.name(n))
        saved = form.attempt(lambda: command.do(service(), actor(), ask, str(case_id), n=n))
        if saved:
            return ui.done(saved, case_href(case_id) + "#plan")
    return whole(readable(service(), actor(), str(case_id)), form)


def whole(saved: Saved[Case], form: forms.Form | None = None) -> Any:
    """Everything about a case."""
    allowed = may(saved.state)
    return shown(
        "case.html",
        saved,
        form,
        start=forms.blank(version=saved.version),
        measures=[{"measure": each, "actions": actions(saved, each)} for each in saved.state.measures],
        rated=list(saved.state.assessment.domains.items()) if saved.state.assessment else [],
        given=given(saved.state),
        history=history(saved.state),
        more=[command for command in MORE if command in allowed],
    )


def actions(saved: Saved[Case], measure: Measure) -> list[tuple[str, str]]:
    """(command, address) of what the caller may do with a measure now."""
    allowed, at = may(saved.state), case_href(saved.id, f"measures/{measure.n}")
    found = [
        (name, f"{at}/{name}")
        for name in ("start", "deliver", "cancel")
        if f"measures/{measure.n}/{name}" in allowed
    ]
    for_a_partner = measure.responsible.type == "agency" or measure.was_referred
    if found and for_a_partner and not measure.asked:
        found.insert(0, ("refer", measure_href(saved.id, measure, "refer")))
    return found


def given(case: Case) -> list[tuple[str, Help | Visit]]:
    """Help without a plan and visits, the newest first, each with what it is."""
    both = [*(("help", each) for each in case.help), *(("visit", each) for each in case.visits)]
    return sorted(both, key=lambda entry: entry[1].at, reverse=True)


def history(case: Case) -> list[tuple[str, Review | Closure | Remark]]:
    """Reviews, the proposal to close, and the reasons that came with other commands, the newest first."""
    entries = [
        *(("review", each) for each in case.reviews),
        *([("closure", case.closure)] if case.closure else []),
        *(("remark", each) for each in case.remarks),
    ]
    return sorted(entries, key=lambda entry: entry[1].at, reverse=True)


@blueprint.get("/decision")
@roles(*HEAD)
def decision(case_id: UUID) -> Any:
    """What the head decides on: a plan that was signed, a case that is to be closed."""
    saved = headed(service(), actor(), str(case_id))
    return shown("decision.html", saved, given=None, fresh=forms.blank(version=saved.version))


@blueprint.post("/decision")
@roles(*HEAD)
def decide(case_id: UUID) -> Any:
    """Yes, or back with a reason."""
    given = request.form.get("_decision", "")
    if given not in DECISIONS:
        raise NotFound
    headed(service(), actor(), str(case_id))
    command = BY_PATH[given]
    form = forms.sent(command.schema)
    if form.ready:
        ask = form.ask(command.name())
        saved = form.attempt(lambda: command.do(service(), actor(), ask, str(case_id), **form.data))
        if saved:
            return ui.done(saved, case_href(case_id))
    saved = readable(service(), actor(), str(case_id))
    return shown(
        "decision.html", saved, form, why=given, given=given, fresh=forms.blank(version=saved.version)
    )
