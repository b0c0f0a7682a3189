"""Events of casework: one kind of aggregate, the case of a family."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.events.base import Event, Moment, event


@dataclass(frozen=True, kw_only=True)
class CaseEvent(Event):
    """Every event of a case says in which state it is now and whether its file is restricted."""

    number: str
    state: str
    restricted: bool
    level: str | None = None


@event("casework", "case-opened", subject="case")
class CaseOpened(CaseEvent):
    """A case was opened for an appeal that was screened to *open-case*."""

    appeal_id: str


@event("casework", "appeal-attached", subject="case")
class AppealAttached(CaseEvent):
    """The family has a case already; a further appeal was attached to it."""

    appeal_id: str


@event("casework", "case-assigned", subject="case")
class CaseAssigned(CaseEvent):
    """Another member of staff answers for the case now (`holder`)."""

    previous_holder: str


@event("casework", "assessment-recorded", subject="case")
class AssessmentRecorded(CaseEvent):
    """Need was assessed by domain (`level` A … E and `score` follow from the policy), or a higher danger raised the level."""

    score: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedMeasure:
    """A line of the plan, without its text."""

    n: int
    kind: str
    responsible: str
    due_on: date
    agency_id: str | None = None


@event("casework", "plan-drafted", subject="case")
class PlanDrafted(CaseEvent):
    """A plan, or a new version of it, was written; earlier signatures are void."""

    plan_version: int
    measures: tuple[PlannedMeasure, ...]


@event("casework", "plan-signed", subject="case")
class PlanSigned(CaseEvent):
    """The worker or the family signed the plan. `by`: worker or family; `method`: paper or code."""

    plan_version: int
    by: str
    method: str


@event("casework", "plan-approved", subject="case")
class PlanApproved(CaseEvent):
    """The head approved the plan; its measures run."""

    plan_version: int


@event("casework", "plan-returned", subject="case")
class PlanReturned(CaseEvent):
    """The head sent the plan back; signatures are void."""

    plan_version: int


@dataclass(frozen=True, kw_only=True)
class MeasureEvent(CaseEvent):
    """Every event of a measure says which one it is."""

    n: int
    kind: str
    referral_id: str | None = None


@event("casework", "measure-referred", subject="case")
class MeasureReferred(MeasureEvent):
    """A partner agency was asked to give a measure; the holder waits for its answer."""


@event("casework", "measure-started", subject="case")
class MeasureStarted(MeasureEvent):
    """Work on a measure has begun."""


@event("casework", "measure-delivered", subject="case")
class MeasureDelivered(MeasureEvent):
    """A measure was given. `condition`: residence, day-centre, home or temporary-stay, where it is known."""

    given_on: date
    condition: str | None = None
    quantity: int | None = None


@event("casework", "measure-cancelled", subject="case")
class MeasureCancelled(MeasureEvent):
    """A measure will not be given; its open referrals end."""


@event("casework", "measure-reset", subject="case")
class MeasureReset(MeasureEvent):
    """The partner will not do it: the measure is planned again, and somebody else must be found."""


@event("casework", "help-given", subject="case")
class HelpGiven(CaseEvent):
    """Help was given without a plan."""

    kind: str
    given_on: date
    condition: str


@event("casework", "visit-recorded", subject="case")
class VisitRecorded(CaseEvent):
    """A mobile group was with the family. `members`: education, health, internal-affairs."""

    members: tuple[str, ...]
    left_at: Moment
    arrived_at: Moment
    departed_at: Moment


@event("casework", "review-recorded", subject="case")
class ReviewRecorded(CaseEvent):
    """The plan was reviewed. `outcome`: keep or change."""

    outcome: str


@event("casework", "closure-proposed", subject="case")
class ClosureProposed(CaseEvent):
    """The worker proposes to close the case."""

    reason_code: str


@event("casework", "closure-returned", subject="case")
class ClosureReturned(CaseEvent):
    """The head does not agree to close the case; it goes on where it was."""


@event("casework", "case-closed", subject="case")
class CaseClosed(CaseEvent):
    """The case is closed; its open measures were cancelled, its open referrals end."""

    reason_code: str


@event("casework", "case-reopened", subject="case")
class CaseReopened(CaseEvent):
    """A closed case goes on; its plan and measures stay as history."""


@event("casework", "case-overdue", subject="case")
class CaseOverdue(CaseEvent):
    """Items of the case passed their due time and were raised one level. `items`: their codes."""

    items: tuple[str, ...]
