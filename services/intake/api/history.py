"""What happened to a family, and who has read its file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from services.intake import texts
from services.intake.api.here import intake
from services.intake.queries import history
from services.intake.schemas.reading import AccessLogRow, TimelineRow
from services.intake.use_cases import reading
from shared.http import Blueprint, ListArgs, actor, decode_cursor, page, page_of, roles
from shared.http.conditions import now
from shared.i18n import request_language

blueprint = Blueprint("history", __name__, url_prefix="/intake/v1")


@blueprint.route("/families/<uuid:family_id>/timeline")
class Timeline(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(ListArgs, location="query")
    @blueprint.response(200, page_of(TimelineRow))
    def get(self, args: dict[str, Any], family_id: UUID) -> Any:
        """What has happened to a family in all services, newest first"""
        family = reading.family(intake(), actor(), str(family_id))
        position = decode_cursor(args["cursor"], history.HAPPENED)
        shown, following = history.timeline(intake(), family.id, position, args["limit"])
        intake().store.access_log.write(actor(), now(), what="timeline", family_ids=[family.id])
        language = request_language()
        items = [
            {**row, "id": row["_id"], "text": texts.sentence(row["name"], row["said"], language)}
            for row in shown
        ]
        return page(items, following)


@blueprint.route("/families/<uuid:family_id>/access-log")
class AccessLog(MethodView):
    @roles("worker", "supervisor", "auditor")
    @blueprint.arguments(ListArgs, location="query")
    @blueprint.response(200, page_of(AccessLogRow))
    def get(self, args: dict[str, Any], family_id: UUID) -> Any:
        """Who has read a family's file, newest first; for its holder, the supervisors of its centers and auditors"""
        family = reading.readers(intake(), actor(), str(family_id))
        position = decode_cursor(args["cursor"], history.READ)
        shown, following = history.readings(intake(), family.id, position, args["limit"])
        intake().store.access_log.write(actor(), now(), what="access-log", family_ids=[family.id])
        return page(shown, following)
