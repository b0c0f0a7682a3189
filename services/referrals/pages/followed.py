"""One referral, as the center follows it: state, history, what was disclosed, and what can be done about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import redirect, request

from services.referrals.domain.referral import ACCEPTED, BY_AGENCY, Referral
from services.referrals.doors import STAFF, service, shown
from services.referrals.pages import lines
from services.referrals.pages.acting import REASONS, Doing, attempted, command_of
from services.referrals.reading import is_for, readable
from shared import ui
from shared.access import may_act
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.ui import Pages, forms
from shared.ui.forms import Form

blueprint = Pages("followed", __name__, url_prefix="/referrals")


def href(id: str) -> str:
    return f"/referrals/referrals/{id}"


@blueprint.get("/referrals/<uuid:referral_id>")
@roles(*STAFF)
def show(referral_id: UUID) -> Any:
    """A referral"""
    saved = readable(service(), actor(), str(referral_id))
    if is_for(actor(), saved.state):
        return redirect(f"/referrals/inbox/{saved.id}", 303)
    return _page(saved, forms.blank(version=saved.version), ui.query(Doing).get("do"))


@blueprint.post("/referrals/<uuid:referral_id>")
@roles(*STAFF)
def act(referral_id: UUID) -> Any:
    """Take it back, or take note that it came to nothing"""
    id = str(referral_id)
    command = command_of(STAFF)
    form, saved = attempted(command, id)
    if saved is not None:
        return ui.done(saved, href(id))
    return _page(readable(service(), actor(), id), form, command.name)


@blueprint.get("/referrals/<uuid:referral_id>/another")
@roles(*STAFF)
def another(referral_id: UUID) -> Any:
    """Choose another service instead of one that came to nothing"""
    saved = readable(service(), actor(), str(referral_id))
    asked = {"case_id": saved.state.case_id, "measure": saved.state.measure, "replaces": saved.id}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return redirect(f"/referrals/new?{query}", 303)


def _page(saved: Saved[Referral], form: Form, do: str | None) -> Any:
    (referral,) = shown([saved], "referral")
    mine = may_act(actor(), saved.state.holder, saved.state.center_id)
    allowed = [each for each in referral["allowed"] if mine and each not in BY_AGENCY]
    if form.stale:
        form.renew(saved.version)
    at = now()
    return ui.form_page(
        "referrals/followed.html",
        form,
        active="referrals",
        referral=lines.row(referral, at),
        waits=lines.items(referral, at),
        history=lines.history(referral),
        changes=lines.changes_since(referral, form.loaded_at) if form.notice else [],
        reasons=REASONS,
        allowed=allowed,
        do=do if do in allowed or request.method == "POST" else None,
        is_open=saved.state.state in ACCEPTED,
    )
