"""An appeal that was just registered: what comes next, and the slip that the family takes along."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.intake.api.appeals import log_reading
from services.intake.api.here import intake
from services.intake.domain.appeal import SCREENING, Appeal
from services.intake.pages import appeals
from services.intake.pages.register_form import say
from services.intake.schemas.said import LANGUAGES
from services.intake.use_cases import reading
from shared import reference, ui
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, Schema
from shared.i18n import languages, request_language, text
from shared.ui import Pages, words

blueprint = Pages("registered_pages", __name__, url_prefix="/intake/appeals")


class SlipArgs(Schema):
    """`language`: the family's, where nothing is said."""

    language = Code(languages)


@blueprint.get("/<uuid:appeal_id>/registered")
@roles("worker", "supervisor")
def registered(appeal_id: UUID) -> Any:
    """What has come of it: the number, who answers for it, and what is to be done"""
    saved = reading.appeal(intake(), actor(), str(appeal_id))
    log_reading(saved)
    return ui.page(
        "intake/registered.html",
        active="register",
        id=saved.id,
        appeal=saved.state,
        items=appeals.to_do(saved, now()),
        differs=appeals.differs(saved.state),
        due_on=screened_by(saved.state, request_language()),
    )


def screened_by(appeal: Appeal, language: str) -> str | None:
    """The day by which it is said what help there will be; None once that is done."""
    screening = next((item for item in appeal.open if item.item == SCREENING), None)
    return words.long_day(words.local(screening.due_at).date(), language) if screening else None


@blueprint.get("/<uuid:appeal_id>/slip")
@roles("worker", "supervisor")
def slip(appeal_id: UUID) -> Any:
    """A sheet for the family to take along, in its own language. It says nothing that could endanger whoever carries it"""
    saved = reading.appeal(intake(), actor(), str(appeal_id))
    log_reading(saved)
    person = intake().store.persons.get(saved.state.person_id).state
    language = ui.query(SlipArgs).get("language") or person.language or request_language()
    return ui.page(
        "intake/slip.html",
        id=saved.id,
        appeal=saved.state,
        language_of_slip=language,
        spoken=words.choices("spoken", LANGUAGES),
        center=reference.center(saved.state.center_id),
        registered_on=words.long_day(words.local(saved.state.registered_at).date(), language),
        due_on=screened_by(saved.state, language),
        _=lambda sentence, **values: text(sentence, language, **values),
        gettext=say,
    )
