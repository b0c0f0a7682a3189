"""Finding a person. A search is a POST: what is looked for is personal, and an address is logged by everybody on the way."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.policy import PHONES
from services.intake.queries.people import full_name
from services.intake.queries.search import Found as FoundPerson
from services.intake.queries.search import find_persons
from services.intake.schemas.reading import Found, SearchIn
from shared.http import Blueprint, actor, roles, unconditional
from shared.http.conditions import now

blueprint = Blueprint("search", __name__, url_prefix="/intake/v1")


def found(q: str, limit: int) -> list[FoundPerson]:
    """Whom the caller may be looking for, with the line in the access log."""
    persons = find_persons(intake(), PHONES, actor(), q, limit)
    families = {family.id for _, family in persons}
    intake().store.access_log.write(actor(), now(), what="search", family_ids=families)
    return persons


@blueprint.route("/persons/search")
class Search(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(SearchIn)
    @blueprint.response(200, Found)
    @unconditional
    def post(self, body: dict[str, Any]) -> Any:
        """Persons by IIN, phone, appeal number or the beginning of a family name, of files that the caller may read"""
        return {
            "items": [
                {
                    "person_id": person.id,
                    "family_id": family.id,
                    "name": full_name(person.state),
                    "birth_date": person.state.birth_date,
                    "center_ids": family.state.center_ids,
                }
                for person, family in found(body["q"], body["limit"])
            ]
        }
