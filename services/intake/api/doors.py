"""The two doors through which personal data leave intake, for two services and nobody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.schemas.reading import ContactIn, ContactOut, DisclosureIn, DisclosureOut
from services.intake.use_cases import doors
from shared.http import Blueprint, actor, roles, unconditional
from shared.http.conditions import now

blueprint = Blueprint("doors", __name__, url_prefix="/intake/v1")


@blueprint.route("/persons/<uuid:person_id>/disclosure")
class Disclosure(MethodView):
    @roles("service")
    @blueprint.arguments(DisclosureIn)
    @blueprint.response(200, DisclosureOut)
    @unconditional
    def post(self, body: dict[str, Any], person_id: UUID) -> Any:
        """The fields that an accepted referral names, for referrals on behalf of the agency"""
        return doors.disclose(intake(), actor(), str(person_id), **body, now=now())


@blueprint.route("/persons/<uuid:person_id>/contact")
class Contact(MethodView):
    @roles("service")
    @blueprint.arguments(ContactIn)
    @blueprint.response(200, ContactOut)
    @unconditional
    def post(self, body: dict[str, Any], person_id: UUID) -> Any:
        """Whether an SMS may leave now, and where to, for notifications"""
        asked = {"message_id": body["message_id"], "template": body["template"]}
        return doors.contact(intake(), actor(), str(person_id), **asked, now=now())
