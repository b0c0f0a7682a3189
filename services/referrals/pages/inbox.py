"""What an agency was asked for: the list, one referral, and the client's fields, which are read only when they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, request

from services.referrals import queries
from services.referrals.domain.referral import ACCEPTED, STATES, Referral
from services.referrals.doors import AGENCY, log_reading, service, shown
from services.referrals.pages import lines, lists
from services.referrals.pages.acting import REASONS, Doing, attempted, command_of
from services.referrals.reading import is_for, readable
from services.referrals.schemas import CONDITIONS
from shared import ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.problems import PROBLEMS
from shared.refusals import AcceptFirst, NoConsent, NotFound, Refusal, Unavailable, WrongState
from shared.ui import Pages, forms, words
from shared.ui.forms import RESTORE_FIELD, Form

blueprint = Pages("inbox", __name__, url_prefix="/referrals")

INBOX = "/referrals/inbox"
WAITING = ("answer", "carry-out")


def href(id: str) -> str:
    return f"{INBOX}/{id}"


@blueprint.get("/inbox")
@roles(*AGENCY)
def inbox() -> Any:
    """What the reader's agency was asked for"""
    chosen = ui.query(lists.Filters)
    at = now()
    seen = queries.for_agency(actor(), {})
    found, after = lists.found(seen, WAITING, chosen, at)
    return ui.page(
        "referrals/inbox.html",
        active="inbox",
        chosen=chosen,
        rows=[lines.row(each, at, own=True) for each in shown(found, "inbox")],
        counters=lists.counters(INBOX, chosen, seen, WAITING, "inbox_list", at, "agency_id"),
        states=STATES,
        ended_href=lists.address(INBOX, {}, show="ended"),
        waiting_href=INBOX,
        next_href=lists.next_page(INBOX, chosen, after),
    )


@blueprint.get("/inbox/<uuid:referral_id>")
@roles(*AGENCY)
def show(referral_id: UUID) -> Any:
    """A referral, as the agency sees it"""
    saved = _ours(str(referral_id))
    return _page(saved, forms.blank(version=saved.version), ui.query(Doing).get("do"))


@blueprint.post("/inbox/<uuid:referral_id>")
@roles(*AGENCY)
def act(referral_id: UUID) -> Any:
    """Answer it, or say how the work goes"""
    id = str(referral_id)
    command = command_of(AGENCY)
    form, saved = attempted(command, id)
    if saved is not None:
        return ui.done(saved, href(id))
    return _page(_ours(id), form, command.name)


@blueprint.get("/inbox/<uuid:referral_id>/client")
@roles(*AGENCY)
def closed_client(referral_id: UUID) -> Any:
    """The address of the client's fields, without the wish to read them: the referral"""
    return redirect(href(str(referral_id)), 303)


@blueprint.post("/inbox/<uuid:referral_id>/client")
@roles(*AGENCY)
def client(referral_id: UUID) -> Any:
    """The referral with the client's fields. A form, so that nothing that fetches ahead reads them"""
    saved = _ours(str(referral_id))
    form = forms.blank(version=saved.version)
    if request.form.get(RESTORE_FIELD):  # given back after a new log-in: whoever sits there now has not asked
        return _page(saved, form, None)
    try:
        saved, fields = queries.client_fields(service(), actor(), saved.id)
    except (AcceptFirst, WrongState, NoConsent, Unavailable) as refused:
        return _page(saved, form, None, refused=refused)
    log_reading([saved], "client")
    return _page(saved, form, None, fields=fields)


def _ours(id: str) -> Saved[Referral]:
    """The referral, if it was sent to the reader's agency. Raises NotFound."""
    saved = readable(service(), actor(), id)
    if not is_for(actor(), saved.state):
        raise NotFound
    return saved


def _page(
    saved: Saved[Referral],
    form: Form,
    do: str | None,
    *,
    fields: Mapping[str, Any] | None = None,
    refused: Refusal | None = None,
) -> Any:
    (referral,) = shown([saved], "referral")
    if form.stale:
        form.renew(saved.version)
    answer = ui.form_page(
        "referrals/received.html",
        form,
        active="inbox",
        referral=lines.row(referral, now(), own=True),
        history=lines.history(referral),
        changes=lines.changes_since(referral, form.loaded_at) if form.notice else [],
        reasons=REASONS,
        allowed=referral["allowed"],
        do=do if do in referral["allowed"] or request.method == "POST" else None,
        is_open=saved.state.state in ACCEPTED,
        client=fields,
        shut=refused.slug if refused else None,
        conditions=CONDITIONS,
        day_today=words.today(),
    )
    if refused is not None:
        answer.status_code = PROBLEMS[refused.slug].status
    if isinstance(refused, Unavailable):
        answer.headers["Retry-After"] = str(refused.retry_after)
    return answer
