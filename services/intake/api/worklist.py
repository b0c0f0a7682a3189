"""The worklist's route."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.queries import worklist
from services.intake.read_models.worklist import SORT
from services.intake.schemas.reading import WorklistArgs, WorklistRow
from shared.http import Blueprint, actor, decode_cursor, first, page, page_of, roles
from shared.http.conditions import now

blueprint = Blueprint("worklist", __name__, url_prefix="/intake/v1")

HREFS = {
    "appeal": "/intake/v1/appeals/{}",
    "family": "/intake/v1/families/{}",
    "case": "/casework/v1/cases/{}",
    "referral": "/referrals/v1/referrals/{}",
    "message": "/notifications/v1/messages/{}",
}


@blueprint.route("/worklist")
class Worklist(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(WorklistArgs, location="query")
    @blueprint.response(200, page_of(WorklistRow))
    def get(self, args: dict[str, Any]) -> Any:
        """What waits to be done, by due time"""
        at = now()
        position = decode_cursor(args["cursor"], (datetime, str))
        rows = intake().store.worklist.find(actor(), {**args, "now": at}, position, args["limit"] + 1)
        shown, last = first(rows, args["limit"])
        intake().store.access_log.write(
            actor(), at, what="worklist", family_ids=[row["family_id"] for row in shown]
        )
        items = [
            {**row, "href": HREFS[row["kind"]].format(row["subject"])}
            for row in worklist.joined(intake(), shown, at)
        ]
        return page(items, last and tuple(last[field] for field, _ in SORT))
