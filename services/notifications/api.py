"""The routes of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app
from flask.views import MethodView

from services.notifications import queries, use_cases
from services.notifications.schemas import (
    AcknowledgeIn,
    MessageFilters,
    MessageOut,
    TemplateOut,
    message_out,
    template_out,
)
from services.notifications.service import Notifications
from services.notifications.store import SERVICE
from shared.http import (
    Blueprint,
    ListArgs,
    actor,
    command_request,
    decode_cursor,
    page,
    page_of,
    respond,
    roles,
)
from shared.http.conditions import now

blueprint = Blueprint("messages", __name__, url_prefix="/notifications/v1")


def service() -> Notifications:
    return current_app.extensions[SERVICE]


@blueprint.route("/messages")
class Messages(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(MessageFilters, location="query")
    @blueprint.response(200, page_of(MessageOut))
    def get(self, filters: dict[str, Any]) -> Any:
        """The messages that you may read, the newest first."""
        after = decode_cursor(filters.pop("cursor"), (datetime, str))
        shown, last = queries.messages(service(), actor(), now(), after=after, **filters)
        return page([message_out(saved) for saved in shown], last)


@blueprint.route("/messages/<uuid:message_id>")
class Message(MethodView):
    @roles("worker", "supervisor")
    @blueprint.response(200, MessageOut)
    def get(self, message_id: UUID) -> Any:
        """A message: what it tells of, and how far it got."""
        saved = queries.message(service(), actor(), str(message_id), now())
        return respond(message_out(saved), saved.version)


@blueprint.route("/messages/<uuid:message_id>/acknowledge")
class Acknowledge(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(AcknowledgeIn)
    @blueprint.response(200, MessageOut)
    def post(self, body: dict[str, Any], message_id: UUID) -> Any:
        """You have told the citizen another way: ends what the message asks for."""
        ask = command_request("acknowledge")
        saved = use_cases.acknowledge(service(), actor(), ask, str(message_id), body["note"])
        queries.note_reading(service(), actor(), ask.now, "message", [saved])
        return respond(message_out(saved), saved.version)


@blueprint.route("/templates")
class Templates(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(ListArgs, location="query")
    @blueprint.response(200, page_of(TemplateOut))
    def get(self, filters: dict[str, Any]) -> Any:
        """What is told by SMS, in all languages."""
        after = decode_cursor(filters["cursor"], (str,))
        shown, last = queries.templates(service(), after, filters["limit"])
        return page([template_out(template) for template in shown], last)
