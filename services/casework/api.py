"""The routes of casework, under `/casework/v1`. Thin: read, call, show.

Every answer that shows a case writes its line in the access log first; without the line there is no answer.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask.views import MethodView

from services.casework import queries
from services.casework.domain.case import Case
from services.casework.doors import BY_TIME, COMMANDS, STAFF, Command, log_reading, service
from services.casework.reading import readable
from services.casework.schemas import CaseArgs, CaseOut, ReadingOut, StaffArgs, StaffOut
from services.casework.views import case_view, colleague_view
from shared.aggregate import Saved
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

blueprint = Blueprint("casework", __name__, url_prefix="/casework/v1")


@blueprint.route("/cases")
class Cases(MethodView):
    @roles(*STAFF)
    @blueprint.arguments(CaseArgs, location="query")
    @blueprint.response(200, page_of(CaseOut))
    def get(self, args: dict[str, Any]) -> Any:
        """Cases, newest first"""
        limit, after = args.pop("limit"), decode_cursor(args.pop("cursor"), BY_TIME)
        if args.get("holder") == "me":
            args["holder"] = actor().sub
        rows, following = queries.listed(service(), actor(), args, after, limit)
        log_reading(rows, "cases")
        return page([case_view(row) for row in rows], following)


@blueprint.route("/cases/<uuid:case_id>")
class CaseItem(MethodView):
    @roles(*STAFF)
    @blueprint.response(200, CaseOut)
    def get(self, case_id: UUID) -> Any:
        """A case"""
        return answer(readable(service(), actor(), str(case_id)))


@blueprint.route("/cases/<uuid:case_id>/access-log")
class CaseReadings(MethodView):
    @roles(*STAFF, "auditor")
    @blueprint.arguments(ListArgs, location="query")
    @blueprint.response(200, page_of(ReadingOut))
    def get(self, args: dict[str, Any], case_id: UUID) -> Any:
        """Who has read the family's file in casework, newest first; for its holder, its supervisors and auditors"""
        after = decode_cursor(args["cursor"], BY_TIME)
        saved, rows, following = queries.readings(service(), actor(), str(case_id), after, args["limit"])
        log_reading([saved], "access-log")
        return page(rows, following)


@blueprint.route("/staff")
class StaffMembers(MethodView):
    @roles(*STAFF)
    @blueprint.arguments(StaffArgs, location="query")
    @blueprint.response(200, page_of(StaffOut))
    def get(self, args: dict[str, Any]) -> Any:
        """Staff of the caller's center, by login"""
        (after,) = decode_cursor(args["cursor"], (str,)) or ("",)
        rows, following = queries.colleagues(service(), actor(), args.get("center_id"), after, args["limit"])
        return page([colleague_view(row) for row in rows], following)


def command_route(command: Command) -> None:
    class CommandView(MethodView):
        @roles(*command.who)
        @blueprint.arguments(command.schema)
        @blueprint.response(200, CaseOut)
        def post(self, body: dict[str, Any], case_id: UUID, **numbers: int) -> Any:
            name = request.path.partition(f"/{case_id}/")[2]
            ask = command_request(name)
            saved = command.do(service(), actor(), ask, str(case_id), **numbers, **body)
            return answer(saved, why=name)

        post.__doc__ = command.title

    endpoint = command.path.replace("<int:n>/", "").replace("/", "-")
    blueprint.route(f"/cases/<uuid:case_id>/{command.path}", endpoint=endpoint)(CommandView)


for each in COMMANDS:
    command_route(each)


def answer(saved: Saved[Case], why: str | None = None) -> Any:
    """A case with its version, once the access log says who sees it."""
    log_reading([saved], "case", why)
    return respond(case_view(saved), saved.version)
