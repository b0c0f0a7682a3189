"""Persons: reading, correcting, consents. Whatever shows one writes its line in the access log first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.domain.person import Person
from services.intake.queries import files
from services.intake.schemas.commands import ConsentsIn, PersonPatch, WithdrawIn
from services.intake.schemas.shown import PersonOut
from services.intake.use_cases import persons, reading
from shared.aggregate import Saved
from shared.http import Blueprint, actor, command_request, respond, roles
from shared.http.conditions import now

blueprint = Blueprint("persons", __name__, url_prefix="/intake/v1")


def answer(saved: Saved[Person]) -> Any:
    intake().store.access_log.write(
        actor(), now(), what="person", family_ids=[saved.state.family_id], subject=saved.id
    )
    return respond(files.shown_person(saved), saved.version)


@blueprint.route("/persons/<uuid:person_id>")
class OnePerson(MethodView):
    @roles("worker", "supervisor")
    @blueprint.response(200, PersonOut)
    def get(self, person_id: UUID) -> Any:
        """A person"""
        return answer(reading.person(intake(), actor(), str(person_id)))

    @roles("worker", "supervisor")
    @blueprint.arguments(PersonPatch)
    @blueprint.response(200, PersonOut)
    def patch(self, changes: dict[str, Any], person_id: UUID) -> Any:
        """Correct what is recorded of a person (merge patch)"""
        return answer(persons.correct(intake(), actor(), command_request("correct"), str(person_id), changes))


@blueprint.route("/persons/<uuid:person_id>/consents")
class Consents(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(ConsentsIn)
    @blueprint.response(200, PersonOut)
    def post(self, body: dict[str, Any], person_id: UUID) -> Any:
        """Record the person's answer: consents, or a refusal"""
        ask, id = command_request("consents"), str(person_id)
        if "refused" in body:
            return answer(persons.refuse(intake(), actor(), ask, id))
        return answer(
            persons.consent(
                intake(), actor(), ask, id, scopes=body["scopes"], signed_at=body.get("signed_at")
            )
        )


@blueprint.route("/persons/<uuid:person_id>/consents/withdraw")
class Withdraw(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(WithdrawIn)
    @blueprint.response(200, PersonOut)
    def post(self, body: dict[str, Any], person_id: UUID) -> Any:
        """The person takes consents back"""
        ask = command_request("withdraw")
        return answer(persons.withdraw(intake(), actor(), ask, str(person_id), scopes=body["scopes"]))
