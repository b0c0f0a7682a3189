"""Appeals: registering, reading, and their commands. Whatever shows one writes its line in the access log first."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.domain.appeal import Appeal
from services.intake.domain.items import Notice
from services.intake.queries import files
from services.intake.schemas.commands import AppealArgs, AppealIn, AssignIn, NoticeIn, ScreeningIn
from services.intake.schemas.shown import AppealOut
from services.intake.use_cases import appeals, reading
from services.intake.use_cases.registration import Told, register
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
from shared.keyset import Position

blueprint = Blueprint("appeals", __name__, url_prefix="/intake/v1")

FILTERS = ("state", "center_id", "holder", "family_id")


def log_reading(saved: Saved[Appeal]) -> None:
    """The line in the access log, before the appeal is shown."""
    intake().store.access_log.write(
        actor(), now(), what="appeal", family_ids=[saved.state.family_id], subject=saved.id
    )


def listed(
    filters: dict[str, Any], cursor: str | None, limit: int
) -> tuple[list[Saved[Appeal]], Position | None]:
    """Appeals, newest first, with the line in the access log; and the position to go on from."""
    position = decode_cursor(cursor, (datetime, str))
    shown, following = files.appeals(intake(), actor(), filters, position, limit)
    families = [saved.state.family_id for saved in shown]
    intake().store.access_log.write(actor(), now(), what="appeals", family_ids=families)
    return shown, following


def answer(saved: Saved[Appeal], status: int = 200) -> Any:
    log_reading(saved)
    return respond(files.shown_appeal(saved), saved.version, status)


@blueprint.route("/appeals")
class Appeals(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(AppealArgs, location="query")
    @blueprint.response(200, page_of(AppealOut))
    def get(self, args: dict[str, Any]) -> Any:
        """Appeals, newest first"""
        filters = {name: args[name] for name in FILTERS if name in args}
        if filters.get("holder") == "me":
            filters["holder"] = actor().sub
        shown, following = listed(filters, args["cursor"], args["limit"])
        return page([files.shown_appeal(saved) for saved in shown], following)

    @roles("worker", "supervisor")
    @blueprint.arguments(AppealIn)
    @blueprint.response(201, AppealOut)
    def post(self, told: Told) -> Any:
        """Register an appeal"""
        return answer(register(intake(), actor(), create_request(), told, now()), 201)


@blueprint.route("/appeals/<uuid:appeal_id>")
class OneAppeal(MethodView):
    @roles("worker", "supervisor")
    @blueprint.response(200, AppealOut)
    def get(self, appeal_id: UUID) -> Any:
        """An appeal"""
        return answer(reading.appeal(intake(), actor(), str(appeal_id)))


@blueprint.route("/appeals/<uuid:appeal_id>/screening")
class Screening(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(ScreeningIn)
    @blueprint.response(200, AppealOut)
    def post(self, body: dict[str, Any], appeal_id: UUID) -> Any:
        """Record the first assessment of need"""
        return answer(appeals.screen(intake(), actor(), command_request("screening"), str(appeal_id), **body))


@blueprint.route("/appeals/<uuid:appeal_id>/notices")
class Notices(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(NoticeIn)
    @blueprint.response(200, AppealOut)
    def post(self, body: dict[str, Any], appeal_id: UUID) -> Any:
        """Record that a body has been told of the danger"""
        given = Notice(**body, actor=actor().sub)
        return answer(appeals.tell(intake(), actor(), command_request("notices"), str(appeal_id), given))


@blueprint.route("/appeals/<uuid:appeal_id>/assign")
class Assign(MethodView):
    @roles("supervisor")
    @blueprint.arguments(AssignIn)
    @blueprint.response(200, AppealOut)
    def post(self, body: dict[str, Any], appeal_id: UUID) -> Any:
        """Give the appeal to another member of the center's staff"""
        return answer(appeals.assign(intake(), actor(), command_request("assign"), str(appeal_id), **body))
