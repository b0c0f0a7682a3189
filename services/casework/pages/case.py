"""One case: what it needs next, its plan, what was given; and the decisions of the head about a plan or a closing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request

from services.casework.doors import BY_PATH, HEAD, STAFF, service
from services.casework.pages.shown import case_href, shown
from services.casework.reading import actable, headed, readable
from shared import ui
from shared.http import actor, roles
from shared.refusals import NotFound
from shared.ui import Pages, forms

DECISIONS = ("plan/approve", "plan/return", "closure/approve", "closure/return")

blueprint = Pages("case_pages", __name__, url_prefix="/casework/cases/<uuid:case_id>")


@blueprint.get("")
@roles(*STAFF)
def case(case_id: UUID) -> Any:
    """A case."""
    saved = readable(service(), actor(), str(case_id))
    return shown("case.html", saved, start=forms.blank(version=saved.version))


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
    saved = readable(service(), actor(), str(case_id))
    return shown("case.html", saved, form, start=forms.blank(version=saved.version))


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
