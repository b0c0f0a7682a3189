"""From the assessment of need to an approved plan (rules of family support centers, п.12-17).

The plan is signed by the worker and the family and approved by the head, who is not the one who signed it as the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.casework.domain.case import (
    OTHER,
    SIGNERS,
    Assessment,
    Case,
    Measure,
    Plan,
    Remark,
    Responsible,
    Signature,
)
from services.casework.domain.items import settle
from services.casework.domain.policy import Policy
from services.casework.domain.states import step
from services.casework.domain.telling import Decision, tell, tell_measure
from shared.events import (
    AssessmentRecorded,
    MeasureCancelled,
    PlanApproved,
    PlanDrafted,
    PlannedMeasure,
    PlanReturned,
    PlanSigned,
)
from shared.i18n import N_
from shared.refusals import Forbidden, Invalid


@dataclass(frozen=True, kw_only=True)
class Line:
    """A measure as it stands in a plan that is being written."""

    kind: str
    responsible: Responsible
    due_on: date
    text: str | None = None


def record_assessment(
    case: Case, domains: Mapping[str, int], note: str | None, *, actor: str, now: datetime, policy: Policy
) -> Decision:
    """Need was assessed: each of the ten domains 0 … 4. Level and score follow from the policy. Raises WrongState."""
    state = step(case, "assessment")
    score, level = policy.levels.assessed(domains, case.danger)
    case = replace(
        case,
        state=state,
        assessment=Assessment(domains=dict(domains), note=note, at=now, by=actor),
        score=score,
        level=level,
    )
    case = settle(case, now, policy)
    return case, [tell(AssessmentRecorded, case, actor, now, score=score)]


def draft_plan(
    case: Case,
    goals: Sequence[str],
    lines: Sequence[Line],
    reason: str | None,
    *,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """A plan, or a new version of it, was written: earlier signatures are void.

    Measures that nobody has begun fall away with the version that brought them; started, delivered and cancelled ones stay. Numbers
    go on. Raises WrongState, Invalid.
    """
    state = step(case, "plan")
    _check_lines(lines, now, policy)
    dropped = [replace(measure, state="cancelled") for measure in case.measures if measure.state == "planned"]
    kept = tuple(measure for measure in case.measures if measure.state != "planned")
    version = case.plan.version + 1 if case.plan else 1
    measures = tuple(
        Measure(
            n=n,
            plan=version,
            kind=line.kind,
            text=line.text,
            responsible=line.responsible,
            due_on=line.due_on,
        )
        for n, line in enumerate(lines, start=case.last_measure + 1)
    )
    case = replace(
        case,
        state=state,
        plan=Plan(version=version, goals=tuple(goals), reason=reason, drafted_by=actor, drafted_at=now),
        measures=(*kept, *measures),
        last_measure=measures[-1].n,
    )
    case = settle(case, now, policy, done={"plan", "sign"})
    events = [tell_measure(MeasureCancelled, case, measure, actor, now) for measure in dropped]
    drafted = tell(
        PlanDrafted,
        case,
        actor,
        now,
        plan_version=version,
        measures=tuple(_planned(each) for each in measures),
    )
    return case, [*events, drafted]


def sign_plan(
    case: Case,
    by: str,
    person_id: str | None,
    method: str,
    *,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """The worker or the family has signed the draft; when both have, the head's approval is waited for.

    `person_id`: who of the family; casework knows that of the case alone. Raises WrongState (also without a draft), Invalid.
    """
    step(case, "plan/sign", to="planning")
    draft = case.draft
    if draft.signed_by(by):
        raise Invalid({"by": [N_("Has signed this version already.")]})
    if by != "family" and person_id is not None:
        raise Invalid({"person_id": [N_("Only a member of the family is named.")]})
    if person_id not in (None, case.person_id):
        raise Invalid({"person_id": [N_("Name the person of the case, or nobody.")]})
    signature = Signature(by=by, actor=actor, person_id=person_id, method=method, at=now)
    signed = replace(draft, signatures=(*draft.signatures, signature))
    is_complete = all(signed.signed_by(signer) for signer in SIGNERS)
    state = step(case, "plan/sign", to="approval" if is_complete else "planning")
    case = settle(replace(case, state=state, plan=signed), now, policy)
    return case, [tell(PlanSigned, case, actor, now, plan_version=signed.version, by=by, method=method)]


def approve_plan(case: Case, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """The head approves: the measures run. Raises WrongState; Forbidden for the one who signed the plan as the worker."""
    state = step(case, "plan/approve")
    if case.plan.signed_by("worker").actor == actor:
        raise Forbidden(N_("Who signed the plan as the worker cannot approve it."))
    plan = replace(case.plan, approved_at=now, approved_by=actor)
    case = settle(replace(case, state=state, plan=plan), now, policy)
    return case, [tell(PlanApproved, case, actor, now, plan_version=plan.version)]


def return_plan(case: Case, reason: str, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """The head sends the plan back: the signatures are void; it is written anew, or signed again as it is. Raises WrongState."""
    state = step(case, "plan/return")
    plan = replace(case.plan, signatures=(), returned_at=now)
    case = replace(case, state=state, plan=plan)
    case = case.with_remark(Remark(command="plan/return", text=reason, at=now, by=actor))
    case = settle(case, now, policy)
    return case, [tell(PlanReturned, case, actor, now, plan_version=plan.version)]


def _check_lines(lines: Sequence[Line], now: datetime, policy: Policy) -> None:
    errors: dict[str, list[str]] = {}
    today = policy.deadlines.calendar.today(now)
    days = policy.deadlines.amount("longest_measure_days")
    for index, line in enumerate(lines):
        at = f"measures.{index}"
        if line.kind == OTHER and not line.text:
            errors[f"{at}.text"] = [N_("Say in words what the measure is.")]
        if line.due_on < today:
            errors[f"{at}.due_on"] = [N_("May not lie in the past.")]
        elif line.due_on > today + timedelta(days=days):
            errors[f"{at}.due_on"] = [N_("May lie at most {days} days ahead.", days=days)]
        if line.responsible.agency_id and line.responsible.type != "agency":
            errors[f"{at}.responsible.agency_id"] = [N_("Only for an agency.")]
    if errors:
        raise Invalid(errors)


def _planned(measure: Measure) -> PlannedMeasure:
    return PlannedMeasure(
        n=measure.n,
        kind=measure.kind,
        responsible=measure.responsible.type,
        due_on=measure.due_on,
        agency_id=measure.responsible.agency_id,
    )
