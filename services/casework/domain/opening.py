"""A case begins, takes in a further appeal, changes hands, and hears of its family's danger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.casework.domain.case import Case, Remark
from services.casework.domain.items import settle
from services.casework.domain.policy import Policy
from services.casework.domain.states import step
from services.casework.domain.telling import Decision, tell
from shared.events import AppealAttached, AssessmentRecorded, CaseAssigned, CaseOpened, Danger
from shared.i18n import N_
from shared.refusals import Invalid


@dataclass(frozen=True, kw_only=True)
class File:
    """What intake says of a family's file, as of `version`: of two, the one with the higher version is right."""

    danger: Danger
    restricted: bool
    version: int


def open_case(
    *,
    number: str,
    appeal_id: str,
    family_id: str,
    person_id: str | None,
    center_id: str,
    file: File,
    holder: str,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """An appeal was screened to *open-case*: its family gets a case. Who is known to be in danger has a level from the start."""
    case = Case(
        number=number,
        center_id=center_id,
        family_id=family_id,
        person_id=person_id,
        appeal_ids=(appeal_id,),
        holder=holder,
        opened_at=now,
        danger=file.danger,
        restricted=file.restricted,
        file_version=file.version,
        level=policy.levels.raised(None, file.danger),
    )
    case = settle(case, now, policy)
    return case, [tell(CaseOpened, case, actor, now, appeal_id=appeal_id)]


def attach(
    case: Case, appeal_id: str, file: File, *, actor: str, now: datetime, policy: Policy
) -> Decision | None:
    """A further appeal of the family joins its open case. None where the case is closed, or has the appeal already."""
    if case.state == "closed" or appeal_id in case.appeal_ids:
        return None
    case = replace(case, appeal_ids=(*case.appeal_ids, appeal_id))
    case, raised = hear_of_danger(case, file, actor=actor, now=now, policy=policy) or (case, [])
    return case, [tell(AppealAttached, case, actor, now, appeal_id=appeal_id), *raised]


def hear_of_danger(case: Case, file: File, *, actor: str, now: datetime, policy: Policy) -> Decision | None:
    """Intake says what the family is in danger of and whether its file is restricted. None: not news, an older word.

    A danger that is new raises the level of an open case and shortens its deadlines; one that has passed lowers nothing by itself,
    for that is the next assessment's or review's to say. Without a consequence there is no event: everybody hears it from intake.
    """
    if file.version <= case.file_version:
        return None
    after = replace(case, danger=file.danger, restricted=file.restricted, file_version=file.version)
    if case.state == "closed":
        return after, []
    after = replace(after, level=policy.levels.raised(case.level, _added(case.danger, file.danger)))
    after = settle(after, now, policy)
    if (after.level, after.open) == (case.level, case.open):
        return after, []
    return after, [tell(AssessmentRecorded, after, actor, now, score=after.score)]


def assign(case: Case, holder: str, reason: str, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """Somebody else answers for the case from now on. Deadlines stay as they are.

    That `holder` is an active member of the center's staff is the caller's to check. Raises WrongState, Invalid.
    """
    step(case, "assign")
    if holder == case.holder:
        raise Invalid({"holder": [N_("Holds the case already.")]})
    previous = case.holder
    case = replace(case, holder=holder)
    case = case.with_remark(Remark(command="assign", text=reason, at=now, by=actor))
    case = settle(case, now, policy)
    return case, [tell(CaseAssigned, case, actor, now, previous_holder=previous)]


def _added(before: Danger, now: Danger) -> Danger:
    """The danger that there was not before: what was known when the level was given does not raise it again."""
    return Danger(
        life=now.life and not before.life,
        child=now.child and not before.child,
        domestic_violence=now.domestic_violence and not before.domestic_violence,
    )
