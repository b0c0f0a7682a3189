"""What comes in and goes out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from services.notifications.domain.message import TRANSITIONS, Message
from services.notifications.domain.templates import Template
from shared.aggregate import Saved
from shared.http import ListArgs
from shared.http.fields import Code, Count, Id, Moment, ReadableId, Schema, Text

STATES = tuple(TRANSITIONS)
CLASSES = ("answer", "notice")


def _text(example: str, description: str = "", **options: Any) -> ma.fields.String:
    metadata = {"example": example, **({"description": description} if description else {})}
    return ma.fields.String(metadata=metadata, **options)


class OwnerOut(Schema):
    kind = Code(("staff", "center", "agency"), required=True)
    id = ReadableId(required=True)


class OpenItemOut(Schema):
    item = _text("tell-another-way", required=True)
    owner = ma.fields.Nested(OwnerOut, required=True)
    next_action = _text("tell", required=True)
    due_at = Moment(required=True)
    rule = _text("tell-another-way", required=True)
    raised = Count(required=True)


class MessageOut(Schema):
    """A message to a citizen. It has neither the text nor the phone."""

    id = Id(required=True)
    template = _text("appeal-registered", required=True)
    message_class = Code(CLASSES, data_key="class", required=True)
    language = _text("kk", "In which language it was sent; null before.", required=True, allow_none=True)
    person_id = Id(required=True)
    family_id = Id(required=True)
    about = Id(required=True, metadata={"description": "The appeal, referral or case that it tells of."})
    state = Code(STATES, required=True)
    reason = _text("no-consent", "Why it is held, suppressed, undeliverable, expired or failed.")
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    held_until = Moment(metadata={"description": "When it is tried again; while it is held."})
    sent_at = Moment()
    delivered_at = Moment()
    acknowledged_at = Moment()
    acknowledged_by = ReadableId()
    holder = ReadableId(required=True)
    owner = ma.fields.Nested(OwnerOut, required=True, allow_none=True)
    next_action = _text("tell", required=True, allow_none=True)
    due_at = Moment(required=True, allow_none=True)
    open = ma.fields.List(ma.fields.Nested(OpenItemOut), required=True)
    version = Count(1, required=True)


class MessageFilters(ListArgs):
    person_id = Id()
    family_id = Id()
    state = Code(STATES)


class AcknowledgeIn(Schema):
    note = Text(2000, required=True, multiline=True, metadata={"description": "How the citizen was told."})


class TextsOut(Schema):
    kk = _text("Өтінішіңіз қабылданды.", required=True)
    ru = _text("Ваше обращение принято.", required=True)
    en = _text("Your request has been received.", required=True)


class TemplateOut(Schema):
    """What is told by SMS, word for word."""

    id = _text("appeal-registered", required=True)
    message_class = Code(CLASSES, data_key="class", required=True)
    texts = ma.fields.Nested(TextsOut, required=True)
    parts = Count(1, required=True, metadata={"description": "SMS that the longest of the texts needs."})
    expires_after_hours = Count(1, required=True)
    source = _text("…", required=True)


def message_out(saved: Saved[Message]) -> dict[str, Any]:
    """A message as the contract shows it. What is not known is left out; `language` is null."""
    message = saved.state
    earliest = min(message.open, key=lambda item: item.due_at, default=None)
    optional = {
        "reason": message.reason,
        "held_until": message.try_at if message.state == "held" else None,
        "sent_at": message.sent_at,
        "delivered_at": message.delivered_at,
        "acknowledged_at": message.acknowledged_at,
        "acknowledged_by": message.acknowledged_by,
    }
    always = ("template", "message_class", "language", "person_id", "family_id", "about", "state")
    return {
        "id": saved.id,
        **{name: getattr(message, name) for name in (*always, "created_at", "expires_at", "holder", "open")},
        **{name: value for name, value in optional.items() if value is not None},
        "owner": earliest and earliest.owner,
        "next_action": earliest and earliest.next_action,
        "due_at": earliest and earliest.due_at,
        "version": saved.version,
    }


def template_out(template: Template) -> dict[str, Any]:
    """A template as it is shown."""
    return {
        "id": template.name,
        "message_class": template.message_class,
        "texts": template.texts,
        "parts": template.parts,
        "expires_after_hours": int(template.expires_after.total_seconds() // 3600),
        "source": template.source,
    }
