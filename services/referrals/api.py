"""The routes of referrals, under `/referrals/v1`. Thin: read, call, show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, jsonify
from flask.views import MethodView

from services.referrals import queries, use_cases
from services.referrals.domain.referral import Referral
from services.referrals.doors import AGENCY, BY_TIME, COMMANDS, STAFF, Command, log_reading, service, shown
from services.referrals.reading import readable
from services.referrals.schemas import (
    CLIENT_OUT,
    InboxArgs,
    ReferralArgs,
    ReferralIn,
    ReferralOut,
    ServiceArgs,
    ServiceOut,
)
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

blueprint = Blueprint("referrals", __name__, url_prefix="/referrals/v1")


@blueprint.route("/referrals")
class ReferralList(MethodView):
    @roles(*STAFF)
    @blueprint.arguments(ReferralArgs, location="query")
    @blueprint.response(200, page_of(ReferralOut))
    def get(self, args: dict[str, Any]) -> Any:
        """Referrals, newest first"""
        limit, after = args.pop("limit"), decode_cursor(args.pop("cursor"), BY_TIME)
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
        after = decode_cursor(args["cursor"], BY_TIME)
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
    @blueprint.alt_response(409)
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


def command_route(command: Command) -> None:
    class CommandView(MethodView):
        @roles(*command.who)
        @blueprint.arguments(command.body)
        @blueprint.response(200, ReferralOut)
        def post(self, body: dict[str, Any], referral_id: UUID) -> Any:
            ask = command_request(command.name)
            return answer(command.carry_out(service(), actor(), ask, str(referral_id), **body))

        post.__doc__ = command.title

    blueprint.route(f"/referrals/<uuid:referral_id>/{command.name}", endpoint=command.name)(CommandView)


for each in COMMANDS:
    command_route(each)


def answer(saved: Saved[Referral], status: int = 200) -> Any:
    """A referral, as the caller may see it, with its version."""
    (resource,) = shown([saved], "referral")
    return respond(resource, saved.version, status)
