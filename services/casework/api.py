"""The routes of casework, under `/casework/v1`. Thin: read, call, show.

Every answer that shows a case writes its line in the access log first; without the line there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app, request
from flask.views import MethodView

from services.casework import queries, use_cases
from services.casework.domain.case import Case
from services.casework.reading import readable
from services.casework.schemas import (
    AssessmentIn,
    AssignIn,
    CaseArgs,
    CaseOut,
    ClosureIn,
    DeliverIn,
    HelpIn,
    PlanIn,
    ReadingOut,
    ReasonIn,
    ReviewIn,
    SignIn,
    StaffArgs,
    StaffOut,
    VisitIn,
)
from services.casework.service import Casework
from services.casework.store import SERVICE
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
from shared.http.conditions import now
from shared.http.fields import Empty, Schema

STAFF = ("worker", "supervisor")
HEAD = ("supervisor",)
BY_TIME = (datetime, str)

blueprint = Blueprint("casework", __name__, url_prefix="/casework/v1")


def service() -> Casework:
    return current_app.extensions[SERVICE]


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


Command = Callable[..., Saved[Case]]

COMMANDS: tuple[tuple[str, tuple[str, ...], type[Schema], Command, str], ...] = (
    ("assessment", STAFF, AssessmentIn, use_cases.record_assessment, "Record an assessment of need"),
    ("plan", STAFF, PlanIn, use_cases.draft_plan, "Write the plan, or a new version of it"),
    ("plan/sign", STAFF, SignIn, use_cases.sign_plan, "Record a signature under the plan"),
    ("plan/approve", HEAD, Empty, use_cases.approve_plan, "Approve the plan"),
    ("plan/return", HEAD, ReasonIn, use_cases.return_plan, "Send the plan back"),
    ("measures/<int:n>/start", STAFF, Empty, use_cases.start_measure, "Begin a measure"),
    ("measures/<int:n>/deliver", STAFF, DeliverIn, use_cases.deliver_measure, "A measure was given"),
    ("measures/<int:n>/cancel", STAFF, ReasonIn, use_cases.cancel_measure, "A measure will not be given"),
    ("help", STAFF, HelpIn, use_cases.give_help, "Help was given without a plan"),
    ("visits", STAFF, VisitIn, use_cases.record_visit, "Record a visit of a mobile group"),
    ("review", STAFF, ReviewIn, use_cases.record_review, "Review the plan"),
    ("closure", STAFF, ClosureIn, use_cases.propose_closure, "Propose to close the case"),
    ("closure/approve", HEAD, Empty, use_cases.approve_closure, "Close the case"),
    ("closure/return", HEAD, ReasonIn, use_cases.return_closure, "Do not close the case"),
    ("reopen", HEAD, ReasonIn, use_cases.reopen, "Open a closed case again"),
    ("assign", HEAD, AssignIn, use_cases.assign, "Give the case to somebody else"),
)
"""Every command: `POST …/cases/{id}/<path>`, who may give it, its body, what it does."""


def command_route(
    path: str, who: tuple[str, ...], body_schema: type[Schema], command: Command, title: str
) -> None:
    class CommandView(MethodView):
        @roles(*who)
        @blueprint.arguments(body_schema)
        @blueprint.response(200, CaseOut)
        def post(self, body: dict[str, Any], case_id: UUID, **numbers: int) -> Any:
            name = request.path.partition(f"/{case_id}/")[2]
            ask = command_request(name)
            saved = command(service(), actor(), ask, str(case_id), **numbers, **body)
            return answer(saved, why=name)

        post.__doc__ = title

    endpoint = path.replace("<int:n>/", "").replace("/", "-")
    blueprint.route(f"/cases/<uuid:case_id>/{path}", endpoint=endpoint)(CommandView)


for each in COMMANDS:
    command_route(*each)


def answer(saved: Saved[Case], why: str | None = None) -> Any:
    """A case with its version, once the access log says who sees it."""
    log_reading([saved], "case", why)
    return respond(case_view(saved), saved.version)


def log_reading(rows: Sequence[Saved[Case]], what: str, why: str | None = None) -> None:
    subject = rows[0].id if len(rows) == 1 else None
    families = [row.state.family_id for row in rows]
    service().store.access_log.write(actor(), now(), what=what, family_ids=families, subject=subject, why=why)
