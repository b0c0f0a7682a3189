"""A case is proposed for closing, closed or not, and perhaps reopened. Closing is the head's to approve."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.casework.domain.case import Case, Closure, Remark
from services.casework.domain.items import settle
from services.casework.domain.policy import Policy
from services.casework.domain.states import allowed, step
from services.casework.domain.telling import Decision, tell, tell_measure
from shared.events import CaseClosed, CaseReopened, ClosureProposed, ClosureReturned, MeasureCancelled
from shared.i18n import N_
from shared.refusals import WrongState

GOALS_MET = "goals-met"


def propose_closure(
    case: Case, reason: str, note: str, *, actor: str, now: datetime, policy: Policy
) -> Decision:
    """Proposes to close the case. What was open waits until the head has decided.

    `goals-met` only with no open measure and not at a level of crisis. Raises WrongState.
    """
    state = step(case, "closure")
    if reason == GOALS_MET:
        _check_goals(case, policy)
    closure = Closure(reason=reason, note=note, at=now, by=actor, state=case.state, open=case.open)
    case = settle(replace(case, state=state, closure=closure), now, policy)
    return case, [tell(ClosureProposed, case, actor, now, reason_code=reason)]


def approve_closure(case: Case, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """The case is closed; measures that are still open are cancelled, and a draft is history.

    Raises WrongState, also where goals are not met any more.
    """
    state = step(case, "closure/approve")
    if case.closure.reason == GOALS_MET:
        _check_goals(case, policy)
    measures = tuple(
        replace(measure, state="cancelled", asked=()) if measure.is_open else measure
        for measure in case.measures
    )
    cancelled = [measure.n for measure in case.open_measures]
    plan = replace(case.draft, dropped_at=now) if case.draft else case.plan
    closure = replace(case.closure, open=(), approved_at=now, approved_by=actor)
    case = replace(case, state=state, plan=plan, measures=measures, closure=closure, closed_at=now)
    case = settle(case, now, policy)
    events = [tell_measure(MeasureCancelled, case, case.measure(n), actor, now) for n in cancelled]
    return case, [*events, tell(CaseClosed, case, actor, now, reason_code=closure.reason)]


def return_closure(case: Case, reason: str, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """The case goes on where it was, and what was open then is open again, as late as it is by now. Raises WrongState."""
    state = step(case, "closure/return", to=case.closure.state if case.state == "closing" else None)
    waiting = case.closure.open
    case = replace(case, state=state, closure=replace(case.closure, open=(), returned_at=now))
    case = case.with_remark(Remark(command="closure/return", text=reason, at=now, by=actor))
    case = settle(case, now, policy, waiting=waiting)
    return case, [tell(ClosureReturned, case, actor, now)]


def reopen(case: Case, holder: str, reason: str, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """A closed case goes on with a new assessment; its plan and measures stay as history. Raises WrongState.

    `holder`: who held it, or whom the caller has chosen in his place because he is not active any more.
    """
    state = step(case, "reopen")
    case = replace(case, state=state, holder=holder, closed_at=None)
    case = case.with_remark(Remark(command="reopen", text=reason, at=now, by=actor))
    case = settle(case, now, policy)
    return case, [tell(CaseReopened, case, actor, now)]


def _check_goals(case: Case, policy: Policy) -> None:
    if case.open_measures:
        raise WrongState(allowed(case), N_("Measures are still open: the goals are not met yet."))
    if case.level in policy.levels.crisis:
        raise WrongState(allowed(case), N_("The family is still in crisis: the goals are not met yet."))
