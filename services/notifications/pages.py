"""What a person sees of messages: the list, one message, and the panel in a family's file. The phone is never here.

Names come from intake: pages carry the family's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from services.notifications import queries, use_cases
from services.notifications.api import service
from services.notifications.domain.message import Message, allowed
from services.notifications.schemas import STATES, AcknowledgeIn, MessageFilters
from shared import ui
from shared.access import may_act
from shared.aggregate import Saved
from shared.http import actor, decode_cursor, roles
from shared.http.conditions import now
from shared.http.fields import QueryFlag
from shared.http.paging import encode_cursor
from shared.i18n import request_language
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("message_pages", __name__, url_prefix="/notifications")

IN_PANEL = 5
"""How many messages the panel of a family shows."""
RECENTLY = timedelta(days=30)

TONES = {
    "delivered": "done",
    "suppressed": "contact",
    "undeliverable": "late",
    "expired": "late",
    "failed": "late",
}
"""How a state looks; the others are plain."""
ABOUT = {
    "appeal-registered": "/intake/appeals/{}",
    "referral-accepted": "/referrals/referrals/{}",
    "help-given": "/casework/cases/{}",
}
"""Template → the page of what the message tells of."""


# Lists --------------------------------------------------------------------------------------------


class Filters(MessageFilters):
    """What stands in the address of the list: codes and ids only."""

    waiting = QueryFlag()


@blueprint.get("/messages")
@roles("worker", "supervisor")
def page() -> Any:
    """Messages, newest first"""
    chosen = ui.query(Filters)
    after = decode_cursor(chosen.pop("cursor"), (datetime, str))
    shown, following = queries.messages(service(), actor(), now(), after=after, **chosen)
    kept = {name: chosen[name] for name in ("state", "waiting", "family_id") if chosen.get(name)}
    return ui.page(
        "notifications/messages.html",
        active="messages",
        rows=rows(shown),
        chosen=chosen,
        states=words.choices("message_state", STATES),
        all_of_them=address(kept, waiting=None),
        waiting=address(kept, waiting=True, state=None),
        first=address(kept) if after else None,
        following=address(kept, cursor=encode_cursor(following)) if following else None,
    )


def address(kept: dict[str, Any], **changes: Any) -> str:
    """The list with these filters; None takes one away."""
    query = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    said = {name: "true" if value is True else value for name, value in query.items()}
    return f"/notifications/messages?{urlencode(said)}" if said else "/notifications/messages"


def rows(shown: Sequence[Saved[Message]]) -> list[dict[str, Any]]:
    """Messages as rows of a list: `{id, message, tone, reason, clock}`"""
    return [{"id": saved.id, "message": saved.state, **in_words(saved.state)} for saved in shown]


def in_words(message: Message) -> dict[str, Any]:
    """How it stands: `tone`, the `reason` in words (None for none), and the `clock` of what it asks for (None for nothing)."""
    due = min((item.due_at for item in message.open), default=None)
    return {
        "tone": TONES.get(message.state, "plain"),
        "reason": words.word("message_reason", message.reason) if message.reason else None,
        "clock": words.clock(due, now()) if due else None,
    }


@blueprint.get("/families/<uuid:family_id>/panel")
@roles("worker", "supervisor")
def panel(family_id: UUID) -> Any:
    """The newest messages of a family that the caller may read: a panel of its file, or a page by itself"""
    id, at = str(family_id), now()
    shown, following = queries.messages(service(), actor(), at, after=None, limit=IN_PANEL, family_id=id)
    return ui.page(
        "notifications/panel.html" if ui.is_htmx() else "notifications/family.html",
        active="messages",
        family_id=id,
        rows=rows(shown),
        sent_recently=queries.sent_since(service(), id, at - RECENTLY) if shown else 0,
        more=address({"family_id": id}) if following else None,
    )


# One message --------------------------------------------------------------------------------------


@blueprint.get("/messages/<uuid:message_id>")
@roles("worker", "supervisor")
def message(message_id: UUID) -> Any:
    """A message: what it tells of, how far it got, and whether the citizen has to be told another way"""
    saved = queries.message(service(), actor(), str(message_id), now())
    return show(saved, forms.blank(version=saved.version))


@blueprint.post("/messages/<uuid:message_id>")
@roles("worker", "supervisor")
def tell_another_way(message_id: UUID) -> Any:
    """You have told the citizen another way"""
    id, form = str(message_id), forms.sent(AcknowledgeIn)

    def acknowledge() -> Saved[Message]:
        return use_cases.acknowledge(service(), actor(), form.ask("acknowledge"), id, form.data["note"])

    if form.ready and (saved := form.attempt(acknowledge)):
        return ui.done(saved, f"/notifications/messages/{id}")
    saved = queries.message(service(), actor(), id, now())
    if form.stale:
        form.renew(saved.version)
    return show(saved, form)


def show(saved: Saved[Message], form: Form) -> Any:
    shown = saved.state
    mine = may_act(actor(), shown.holder, shown.center_id)
    return ui.form_page(
        "notifications/message.html",
        form,
        active="messages",
        id=saved.id,
        message=shown,
        **in_words(shown),
        text=text_of(shown),
        about=ABOUT[shown.template].format(shown.about) if shown.template in ABOUT else None,
        mine=mine,
        may_tell=mine and bool(allowed(shown)),
        history=history(shown),
    )


def text_of(message: Message) -> tuple[str, str] | None:
    """What is told, the same to everybody: language and text. None for a template that is not used any more."""
    template = service().policy.templates.get(message.template)
    return template.text(message.language or request_language()) if template else None


def history(message: Message) -> list[tuple[datetime, str, str | None]]:
    """What happened when, oldest first: time, what (a code), and who did it where a person did."""
    steps = [
        (message.created_at, "created", None),
        (message.sent_at, "sent", None),
        (message.delivered_at, "delivered", None),
        (message.acknowledged_at, "told", message.acknowledged_by),
    ]
    return [(at, what, who) for at, what, who in steps if at is not None]
