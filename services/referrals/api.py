"""The routes of referrals, under `/referrals/v1`. Thin: read, call, show.

Every answer that shows a referral writes its line in the access log first; without the line there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, current_app, jsonify
from flask.views import MethodView

from services.referrals import queries, use_cases
from services.referrals.domain.referral import Referral
from services.referrals.reading import is_for, readable
from services.referrals.schemas import (
    CLIENT_OUT,
    CompleteIn,
    InboxArgs,
    NoteIn,
    ReasonIn,
    ReferralArgs,
    ReferralIn,
    ReferralOut,
    ServiceArgs,
    ServiceOut,
)
from services.referrals.service import Referrals
from services.referrals.store import SERVICE
from services.referrals.views import for_agency, whole
from shared.aggregate import Saved
from shared.http import (
    Blueprint,
    actor,
    command_request,
    create_request,
    decode_cursor,
    page,
    page_of,
    respond,
    roles,
)
from shared.http.conditions import now
from shared.http.fields import Empty, Schema

STAFF = ("worker", "supervisor")
AGENCY = ("partner",)
CURSOR = (datetime, str)

blueprint = Blueprint("referrals", __name__, url_prefix="/referrals/v1")


def service() -> Referrals:
    return current_app.extensions[SERVICE]


@blueprint.route("/referrals")
class ReferralList(MethodView):
    @roles(*STAFF)
    @blueprint.arguments(ReferralArgs, location="query")
    @blueprint.response(200, page_of(ReferralOut))
    def get(self, args: dict[str, Any]) -> Any:
        """Referrals, newest first"""
        limit, after = args.pop("limit"), decode_cursor(args.pop("cursor"), CURSOR)
        rows, following = queries.listed(service(), actor(), args, after, limit)
        return page(shown(rows, "referrals"), following)

    @roles(*STAFF)
    @blueprint.arguments(ReferralIn)
    @blueprint.response(201, ReferralOut)
    def post(self, body: dict[str, Any]) -> Any:
        """Ask an agency for help"""
        once = create_request()
        return answer(use_cases.request_referral(service(), actor(), once, now=now(), **body), 201)


@blueprint.route("/inbox")
class Inbox(MethodView):
    @roles(*AGENCY)
    @blueprint.arguments(InboxArgs, location="query")
    @blueprint.response(200, page_of(ReferralOut))
    def get(self, args: dict[str, Any]) -> Any:
        """What the caller's agency was asked for, newest first"""
        after = decode_cursor(args["cursor"], CURSOR)
        rows, following = queries.inbox(service(), actor(), args.get("state"), after, args["limit"])
        return page(shown(rows, "inbox"), following)


@blueprint.route("/referrals/<uuid:referral_id>")
class ReferralItem(MethodView):
    @roles(*STAFF, *AGENCY)
    @blueprint.response(200, ReferralOut)
    def get(self, referral_id: UUID) -> Any:
        """A referral"""
        return answer(readable(service(), actor(), str(referral_id)))


@blueprint.route("/referrals/<uuid:referral_id>/client")
class Client(MethodView):
    @roles(*AGENCY)
    @blueprint.response(200, CLIENT_OUT)
    def get(self, referral_id: UUID) -> Response:
        """The client's fields that the referral names, for the agency that has accepted it and is not done"""
        saved, client = queries.client_fields(service(), actor(), str(referral_id))
        log_reading([saved], "client")
        return jsonify(client)


@blueprint.route("/services")
class Directory(MethodView):
    @roles(*STAFF, *AGENCY)
    @blueprint.arguments(ServiceArgs, location="query")
    @blueprint.response(200, page_of(ServiceOut))
    def get(self, args: dict[str, Any]) -> Any:
        """The directory of services"""
        after = decode_cursor(args["cursor"], (str,))
        rows, following = queries.directory(
            service(), args.get("kind"), args.get("kato"), args["open_places"], after, args["limit"]
        )
        return page(rows, following)


Command = Callable[..., Saved[Referral]]

COMMANDS: tuple[tuple[str, tuple[str, ...], type[Schema], Command, str], ...] = (
    ("cancel", STAFF, ReasonIn, use_cases.cancel, "Take it back"),
    ("acknowledge", STAFF, NoteIn, use_cases.acknowledge, "Take note that it came to nothing"),
    ("accept", AGENCY, Empty, use_cases.accept, "The agency will do it"),
    ("reject", AGENCY, ReasonIn, use_cases.reject, "The agency will not do it"),
    ("start", AGENCY, Empty, use_cases.start, "The agency has begun"),
    ("hold", AGENCY, NoteIn, use_cases.hold, "The agency cannot go on for a while"),
    ("resume", AGENCY, Empty, use_cases.resume, "The agency goes on"),
    ("complete", AGENCY, CompleteIn, use_cases.complete, "The help was given"),
    ("fail", AGENCY, ReasonIn, use_cases.fail, "The agency could not do it after all"),
)
"""Every command: `POST …/referrals/{id}/<name>`, who may give it, its body, what it does."""


def command_route(
    name: str, who: tuple[str, ...], body_schema: type[Schema], command: Command, title: str
) -> None:
    class CommandView(MethodView):
        @roles(*who)
        @blueprint.arguments(body_schema)
        @blueprint.response(200, ReferralOut)
        def post(self, body: dict[str, Any], referral_id: UUID) -> Any:
            ask = command_request(name)
            return answer(command(service(), actor(), ask, str(referral_id), **body))

        post.__doc__ = title

    blueprint.route(f"/referrals/<uuid:referral_id>/{name}", endpoint=name)(CommandView)


for each in COMMANDS:
    command_route(*each)


def answer(saved: Saved[Referral], status: int = 200) -> Any:
    """A referral, as the caller may see it, with its version."""
    (resource,) = shown([saved], "referral")
    return respond(resource, saved.version, status)


def shown(rows: Sequence[Saved[Referral]], what: str) -> list[dict[str, Any]]:
    """Referrals as the caller may see them, once the access log says so."""
    log_reading(rows, what)
    return [for_agency(row) if is_for(actor(), row.state) else whole(row) for row in rows]


def log_reading(rows: Sequence[Saved[Referral]], what: str) -> None:
    subject = rows[0].id if len(rows) == 1 else None
    families = [row.state.family_id for row in rows]
    service().store.access_log.write(actor(), now(), what=what, family_ids=families, subject=subject)
