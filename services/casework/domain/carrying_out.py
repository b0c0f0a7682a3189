"""While a plan is carried out, and beside it: measures, help without a plan, visits of a mobile group, reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from services.casework.domain.case import OTHER, Case, Help, Review, Visit
from services.casework.domain.items import settle
from services.casework.domain.policy import Policy
from services.casework.domain.states import step, step_measure
from services.casework.domain.telling import Decision, tell, tell_measure
from shared.calendar import Calendar
from shared.events import (
    HelpGiven,
    MeasureCancelled,
    MeasureDelivered,
    MeasureStarted,
    ReviewRecorded,
    VisitRecorded,
)
from shared.i18n import N_
from shared.refusals import Invalid


def start_measure(case: Case, n: int, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """Work on a measure has begun. Raises NotFound, WrongState."""
    case = _measure_after(case, n, "start", now, policy)
    return case, [tell_measure(MeasureStarted, case, case.measure(n), actor, now)]


def deliver_measure(
    case: Case,
    n: int,
    *,
    given_on: date,
    condition: str,
    quantity: int | None = None,
    note: str | None = None,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """A measure was given. Raises NotFound, WrongState, Invalid."""
    facts = {"given_on": given_on, "condition": condition, "quantity": quantity}
    changed = _measure_after(case, n, "deliver", now, policy, asked=(), note=note, **facts)
    _check_given_on(case, given_on, now, policy.deadlines.calendar)
    return changed, [tell_measure(MeasureDelivered, changed, changed.measure(n), actor, now, **facts)]


def cancel_measure(case: Case, n: int, reason: str, *, actor: str, now: datetime, policy: Policy) -> Decision:
    """A measure will not be given; referrals that ask for it end. Raises NotFound, WrongState."""
    case = _measure_after(case, n, "cancel", now, policy, asked=(), note=reason)
    return case, [tell_measure(MeasureCancelled, case, case.measure(n), actor, now)]


def give_help(
    case: Case,
    *,
    kind: str,
    given_on: date,
    condition: str,
    note: str | None = None,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """Help was given without a plan. Raises WrongState, Invalid."""
    step(case, "help")
    if kind == OTHER and not note:
        raise Invalid({"note": [N_("Say in words what the help was.")]})
    _check_given_on(case, given_on, now, policy.deadlines.calendar)
    given = Help(kind=kind, given_on=given_on, condition=condition, note=note, at=now, by=actor)
    case = replace(case, help=(*case.help, given))
    return case, [tell(HelpGiven, case, actor, now, kind=kind, given_on=given_on, condition=condition)]


def record_visit(
    case: Case,
    *,
    members: Sequence[str],
    left_at: datetime,
    arrived_at: datetime,
    departed_at: datetime,
    findings: str,
    decision: str,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """A mobile group was with the family: `left_at` its base, arrived, departed, in this order and not in the future.

    Raises WrongState, Invalid.
    """
    step(case, "visits")
    _check_times(left_at, arrived_at, departed_at, now, policy)
    times = {"left_at": left_at, "arrived_at": arrived_at, "departed_at": departed_at}
    group = tuple(dict.fromkeys(members))
    visit = Visit(members=group, **times, findings=findings, decision=decision, at=now, by=actor)
    case = replace(case, visits=(*case.visits, visit))
    return case, [tell(VisitRecorded, case, actor, now, members=group, **times)]


def record_review(
    case: Case, *, outcome: str, level: str, note: str, actor: str, now: datetime, policy: Policy
) -> Decision:
    """The plan was looked back at. `change`, or a family still in crisis: it is planned anew, while running measures go on.

    The level is the judgement of who has seen the family, and stands as given. Raises WrongState.
    """
    starts_again = outcome == "change" or level in policy.levels.crisis
    state = step(case, "review", to="planning" if starts_again else "implementation")
    review = Review(outcome=outcome, level=level, note=note, at=now, by=actor)
    case = replace(case, state=state, level=level, reviews=(*case.reviews, review))
    case = settle(case, now, policy, done={"review"})
    return case, [tell(ReviewRecorded, case, actor, now, outcome=outcome)]


def _measure_after(case: Case, n: int, command: str, now: datetime, policy: Policy, **changes: Any) -> Case:
    measure = case.measure(n)
    state = step_measure(case, measure, command)
    return settle(case.with_measure(replace(measure, state=state, **changes)), now, policy)


def _check_times(
    left_at: datetime, arrived_at: datetime, departed_at: datetime, now: datetime, policy: Policy
) -> None:
    errors = {}
    hours = policy.deadlines.amount("longest_visit_hours")
    if departed_at - left_at > timedelta(hours=hours):
        errors["left_at"] = [N_("May be at most {hours} hours before the departure.", hours=hours)]
    if arrived_at < left_at:
        errors["arrived_at"] = [N_("May not be before the group left.")]
    if departed_at < arrived_at:
        errors["departed_at"] = [N_("May not be before the group arrived.")]
    elif departed_at > now:
        errors["departed_at"] = [N_("May not lie in the future.")]
    if errors:
        raise Invalid(errors)


def _check_given_on(case: Case, given_on: date, now: datetime, calendar: Calendar) -> None:
    if given_on > calendar.today(now):
        raise Invalid({"given_on": [N_("May not lie in the future.")]})
    if given_on < calendar.today(case.opened_at):
        raise Invalid({"given_on": [N_("May not be before the case was opened.")]})
