"""The worklist's route."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.queries import people
from services.intake.read_models.worklist import SORT
from services.intake.schemas.reading import WorklistArgs, WorklistRow
from services.intake.service import Intake
from shared.access import Known
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
        return page(joined(intake(), shown, at), last and tuple(last[field] for field, _ in SORT))


def joined(intake: Intake, rows: Any, at: datetime) -> list[dict[str, Any]]:
    """Rows with names and badges, read at this moment."""
    persons = people.persons(intake.store, {row["person_id"] for row in rows if row["person_id"]})
    files = intake.store.files.known_of({row["family_id"] for row in rows})
    return [
        {
            **row,
            "overdue": row["due_at"] < at,
            "person": shown_person(persons.get(row["person_id"])),
            "badges": badges(files.get(row["family_id"]), persons.get(row["person_id"])),
            "href": HREFS[row["kind"]].format(row["subject"]),
        }
        for row in rows
    ]


def shown_person(person: Any) -> dict[str, Any] | None:
    if person is None:
        return None
    return {"id": person.id, "name": people.full_name(person.state), "birth_date": person.state.birth_date}


def badges(file: Known | None, person: Any) -> list[str]:
    """Who is in danger, and how a person may not be reached."""
    danger = (file.danger if file else None) or {}
    found = [kind.replace("_", "-") for kind in ("life", "child", "domestic_violence") if danger.get(kind)]
    if person is None:
        return found
    sms = person.state.safe_contact.sms if person.state.safe_contact else "unknown"
    return found + {"no": ["no-sms"], "unknown": ["sms-unknown"]}.get(sms, [])
