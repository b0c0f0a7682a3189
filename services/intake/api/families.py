"""Families: their file, danger, members. Whatever shows one writes its line in the access log first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from services.intake.api.here import intake
from services.intake.domain.family import Family
from services.intake.domain.items import Notice
from services.intake.queries import files
from services.intake.schemas.commands import FamilyDangerIn, MembersIn, NoteIn, NoticeIn
from services.intake.schemas.shown import FamilyOut
from services.intake.use_cases import families, reading
from shared.aggregate import Saved
from shared.http import Blueprint, actor, command_request, respond, roles
from shared.http.conditions import now

blueprint = Blueprint("families", __name__, url_prefix="/intake/v1")


def answer(saved: Saved[Family]) -> Any:
    intake().store.access_log.write(actor(), now(), what="family", family_ids=[saved.id], subject=saved.id)
    return respond(files.shown_family(intake(), saved), saved.version)


@blueprint.route("/families/<uuid:family_id>")
class OneFamily(MethodView):
    @roles("worker", "supervisor")
    @blueprint.response(200, FamilyOut)
    def get(self, family_id: UUID) -> Any:
        """A family's file"""
        return answer(reading.family(intake(), actor(), str(family_id)))


@blueprint.route("/families/<uuid:family_id>/danger")
class DangerOfFamily(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(FamilyDangerIn)
    @blueprint.response(200, FamilyOut)
    def post(self, body: dict[str, Any], family_id: UUID) -> Any:
        """Record in what danger the family is; only a supervisor lowers it"""
        return answer(
            families.say_danger(intake(), actor(), command_request("danger"), str(family_id), **body)
        )


@blueprint.route("/families/<uuid:family_id>/members")
class Members(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(MembersIn)
    @blueprint.response(200, FamilyOut)
    def post(self, body: dict[str, Any], family_id: UUID) -> Any:
        """Add, change or remove a member"""
        ask, id, reason = command_request("members"), str(family_id), body["reason"]
        if "add" in body:
            return answer(families.add_member(intake(), actor(), ask, id, line=body["add"], reason=reason))
        if "change" in body:
            changes = body["change"]
            n = changes.pop("n")
            return answer(
                families.change_member(intake(), actor(), ask, id, n=n, changes=changes, reason=reason)
            )
        return answer(
            families.remove_member(intake(), actor(), ask, id, n=body["remove"]["n"], reason=reason)
        )


@blueprint.route("/families/<uuid:family_id>/notices")
class FamilyNotices(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(NoticeIn)
    @blueprint.response(200, FamilyOut)
    def post(self, body: dict[str, Any], family_id: UUID) -> Any:
        """Record that a body has been told of a danger that was raised while no appeal was open"""
        given = Notice(**body, actor=actor().sub)
        return answer(families.tell(intake(), actor(), command_request("notices"), str(family_id), given))


@blueprint.route("/families/<uuid:family_id>/same-person")
class SamePerson(MethodView):
    @roles("worker", "supervisor")
    @blueprint.arguments(NoteIn)
    @blueprint.response(200, FamilyOut)
    def post(self, body: dict[str, Any], family_id: UUID) -> Any:
        """Acknowledge that somebody with the identity of a member came elsewhere"""
        ask = command_request("same-person")
        return answer(families.look_at_same_person(intake(), actor(), ask, str(family_id), **body))
