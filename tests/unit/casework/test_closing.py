"""Closing and reopening."""

from __future__ import annotations

import pytest

from services.casework.domain import closing, opening, planning
from services.casework.domain.items import raise_overdue
from services.casework.domain.opening import File
from services.casework.domain.states import allowed
from shared.events import CaseClosed, CaseReopened, ClosureProposed, ClosureReturned, Danger, MeasureCancelled
from shared.refusals import WrongState
from tests.unit.casework.tools import (
    BY_SUPERVISOR,
    BY_WORKER,
    POLICY,
    WORKER,
    assessed,
    delivered,
    drafted,
    item,
    items,
    later,
    line,
    opened,
    ratings,
    running,
    signed,
)


def proposed(case, reason="moved"):
    return closing.propose_closure(case, reason, "note", **BY_WORKER)[0]


def closed(case, reason="moved"):
    return closing.approve_closure(proposed(case, reason), **BY_SUPERVISOR)[0]


def test_closing_is_proposed_and_approved():
    case, (event,) = closing.propose_closure(running(line(), line()), "moved", "note", **BY_WORKER)
    assert isinstance(event, ClosureProposed)
    assert event.reason_code == "moved"
    (only,) = case.open
    assert (only.item, only.owner.kind, only.owner.id) == ("approve-closing", "center", "center-71-1")
    assert allowed(case) == ["closure/approve", "closure/return", "visits", "help", "assign"]
    case, events = closing.approve_closure(case, **BY_SUPERVISOR)
    assert (case.state, case.open, case.holder) == ("closed", (), WORKER)
    assert [type(event) for event in events] == [MeasureCancelled, MeasureCancelled, CaseClosed]
    assert {event.open for event in events} == {()}
    assert {measure.state for measure in case.measures} == {"cancelled"}
    assert allowed(case) == ["reopen"]


@pytest.mark.parametrize(
    "case",
    [running(), assessed(3), assessed(4), opened(Danger(child=True))],
    ids=["open measure", "level D", "level E", "child in danger"],
)
def test_goals_are_not_met_with_an_open_measure_or_in_crisis(case):
    with pytest.raises(WrongState) as refused:
        closing.propose_closure(case, "goals-met", "note", **BY_WORKER)
    assert refused.value.allowed == allowed(case)
    assert refused.value.detail
    assert proposed(case, "refused").state == "closing"


def test_goals_are_met_when_all_is_delivered():
    assert closed(delivered(running(), 1), "goals-met").state == "closed"


def test_goals_that_are_not_met_any_more_are_not_approved():
    case = proposed(delivered(running(), 1), "goals-met")
    danger = File(danger=Danger(life=True), restricted=False, version=9)
    case = opening.hear_of_danger(case, danger, **BY_WORKER)[0]
    with pytest.raises(WrongState):
        closing.approve_closure(case, **BY_SUPERVISOR)
    assert closing.return_closure(case, "why", **BY_SUPERVISOR)[0].state == "implementation"


def test_a_case_that_is_not_closed_goes_on_where_it_was_and_as_late_as_it_is():
    before, _ = raise_overdue(running(), later(days=60), POLICY)
    by = {**BY_SUPERVISOR, "now": later(days=61)}
    case, (event,) = closing.return_closure(proposed(before), "why", **by)
    assert isinstance(event, ClosureReturned)
    assert (case.state, case.open) == ("implementation", before.open)
    assert case.closure.returned_at == later(days=61)
    assert [remark.command for remark in case.remarks] == ["closure/return"]


@pytest.mark.parametrize("before", [opened(), assessed(), running()])
def test_closing_returns_to_the_state_before(before):
    case = closing.return_closure(proposed(before), "why", **BY_SUPERVISOR)[0]
    assert (case.state, case.open) == (before.state, before.open)


def test_who_takes_over_meanwhile_gets_what_comes_back():
    case = proposed(running())
    case = opening.assign(case, "worker2.astana", "why", **BY_SUPERVISOR)[0]
    case = closing.return_closure(case, "why", **BY_SUPERVISOR)[0]
    assert {each.owner.id for each in case.open} == {"worker2.astana"}


@pytest.mark.parametrize("draft", [drafted(), signed()], ids=["unsigned", "signed"])
def test_a_draft_that_was_closed_with_its_case_is_not_signed_afterwards(draft):
    case = closing.reopen(closed(draft), WORKER, "back", **BY_SUPERVISOR)[0]
    case = planning.record_assessment(case, ratings(1), None, **BY_WORKER)[0]
    assert items(case) == {"plan": "plan"}
    assert "plan/sign" not in allowed(case)
    case = planning.draft_plan(case, ["g"], [line()], None, **BY_WORKER)[0]
    assert (case.plan.version, case.plan.signatures, case.measures[-1].n) == (2, (), 2)


def test_a_reopened_case_keeps_its_history_and_its_numbers():
    case, (event,) = closing.reopen(closed(running(line(), line())), WORKER, "back", **BY_SUPERVISOR)
    assert isinstance(event, CaseReopened)
    assert (case.state, case.closed_at, case.holder) == ("assessment", None, WORKER)
    assert items(case) == {"assess": "assess"}
    assert (case.plan.version, len(case.measures), case.last_measure) == (1, 2, 2)
    assert item(case, "assess").due_at == POLICY.deadlines.due("assess", BY_SUPERVISOR["now"])
