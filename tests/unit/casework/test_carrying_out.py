"""Measures, help, visits, reviews."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.casework.domain import carrying_out, opening
from services.casework.domain.states import MOST, allowed
from shared.events import HelpGiven, MeasureCancelled, MeasureDelivered, MeasureStarted, VisitRecorded
from shared.refusals import Invalid, NotFound, WrongState
from tests.unit.casework.tools import (
    BY_SUPERVISOR,
    BY_WORKER,
    NOW,
    POLICY,
    TODAY,
    assessed,
    delivered,
    item,
    items,
    later,
    line,
    opened,
    running,
    signed,
)


def test_a_measure_is_started_and_delivered():
    case, (event,) = carrying_out.start_measure(running(), 1, **BY_WORKER)
    assert isinstance(event, MeasureStarted)
    assert (event.n, event.kind) == (1, "medical")
    case, (event,) = carrying_out.deliver_measure(
        case, 1, given_on=TODAY, condition="day-centre", quantity=2, note="n", **BY_WORKER
    )
    assert isinstance(event, MeasureDelivered)
    assert (event.given_on, event.condition, event.quantity) == (TODAY, "day-centre", 2)
    measure = case.measure(1)
    assert (measure.state, measure.given_on, measure.condition, measure.quantity, measure.note) == (
        "delivered",
        TODAY,
        "day-centre",
        2,
        "n",
    )
    assert items(case) == {"review": "review"}, "with nothing to carry out the review is still to come"


def test_a_measure_that_has_ended_is_not_touched_again():
    case, (event,) = carrying_out.cancel_measure(running(line(), line()), 1, "why", **BY_WORKER)
    assert isinstance(event, MeasureCancelled)
    assert case.measure(1).note == "why"
    for command in (
        carrying_out.start_measure,
        lambda c, n, **by: carrying_out.cancel_measure(c, n, "w", **by),
    ):
        with pytest.raises(WrongState) as refused:
            command(case, 1, **BY_WORKER)
        assert refused.value.allowed == [
            "measures/2/start",
            "measures/2/deliver",
            "measures/2/cancel",
            "review",
            "visits",
            "help",
            "assign",
            "closure",
        ]
    with pytest.raises(NotFound):
        carrying_out.start_measure(case, 3, **BY_WORKER)


def test_measures_are_touched_only_while_the_plan_is_carried_out():
    with pytest.raises(WrongState) as refused:
        carrying_out.deliver_measure(signed(), 1, given_on=TODAY, condition="home", **BY_WORKER)
    assert refused.value.allowed[:2] == ["plan/approve", "plan/return"]


@pytest.mark.parametrize("days", [1, -1])
def test_help_was_given_neither_in_the_future_nor_before_the_case(days):
    given_on = TODAY + timedelta(days=days)
    with pytest.raises(Invalid) as refused:
        carrying_out.give_help(opened(), kind="legal", given_on=given_on, condition="home", **BY_WORKER)
    assert list(refused.value.errors) == ["given_on"]
    with pytest.raises(Invalid):
        carrying_out.deliver_measure(running(), 1, given_on=given_on, condition="home", **BY_WORKER)


def test_today_is_the_day_in_almaty():
    at = NOW.replace(hour=20)  # 01:00 of the next day there
    by = {**BY_WORKER, "now": at}
    carrying_out.give_help(opened(), kind="legal", given_on=TODAY + timedelta(days=1), condition="home", **by)


def test_help_of_another_kind_is_told_in_words():
    with pytest.raises(Invalid) as refused:
        carrying_out.give_help(opened(), kind="other", given_on=TODAY, condition="home", **BY_WORKER)
    assert list(refused.value.errors) == ["note"]
    case, (event,) = carrying_out.give_help(
        opened(), kind="other", given_on=TODAY, condition="home", note="coal", **BY_WORKER
    )
    assert isinstance(event, HelpGiven)
    assert (event.kind, event.condition) == ("other", "home")
    assert case.help[0].note == "coal"
    assert not hasattr(event, "note")


def visit(case, **times):
    usual = {"left_at": later(hours=-3), "arrived_at": later(hours=-2), "departed_at": later(hours=-1)}
    return carrying_out.record_visit(
        case,
        **{**usual, **times},
        members=["education", "health", "health"],
        findings="f",
        decision="d",
        **BY_WORKER,
    )


def test_a_visit_keeps_its_times():
    case, (event,) = visit(opened())
    assert isinstance(event, VisitRecorded)
    assert event.members == ("education", "health")
    assert case.visits[0].departed_at == later(hours=-1)
    visit(opened(), left_at=NOW, arrived_at=NOW, departed_at=NOW)


@pytest.mark.parametrize(
    ("times", "wrong"),
    [
        ({"arrived_at": later(hours=-4)}, {"arrived_at"}),
        ({"departed_at": later(hours=-2, minutes=-1)}, {"departed_at"}),
        ({"departed_at": later(seconds=1)}, {"departed_at"}),
        ({"left_at": later(days=-4)}, {"left_at"}),
        ({"left_at": NOW, "departed_at": later(hours=-5)}, {"arrived_at", "departed_at"}),
    ],
)
def test_the_times_of_a_visit_stand_in_their_order_and_not_in_the_future(times, wrong):
    with pytest.raises(Invalid) as refused:
        visit(opened(), **times)
    assert set(refused.value.errors) == wrong


def review(case, outcome, level, now=NOW):
    by = {**BY_WORKER, "now": now}
    return carrying_out.record_review(case, outcome=outcome, level=level, note="n", **by)[0]


def test_a_review_that_keeps_the_plan_begins_a_new_month():
    case = running()
    first = item(case, "review").due_at
    case = review(case, "keep", "C", later(days=10))
    assert (case.state, case.level) == ("implementation", "C")
    assert item(case, "review").due_at == POLICY.deadlines.due("review", later(days=10)) > first


@pytest.mark.parametrize(("outcome", "level"), [("change", "A"), ("keep", "D"), ("keep", "E")])
def test_a_review_that_changes_the_plan_or_finds_a_crisis_starts_planning_again(outcome, level):
    case = review(running(), outcome, level)
    assert (case.state, case.level) == ("planning", level)
    assert item(case, "plan").rule == ("plan-urgent" if level in "DE" else "plan")
    assert item(case, "measure-1").next_action == "deliver"


def test_lists_have_an_end():
    case = opened()
    for _ in range(MOST["help"][1]):
        assert "help" in allowed(case)
        case = carrying_out.give_help(case, kind="legal", given_on=TODAY, condition="home", **BY_WORKER)[0]
    with pytest.raises(WrongState) as refused:
        carrying_out.give_help(case, kind="legal", given_on=TODAY, condition="home", **BY_WORKER)
    assert refused.value.allowed == ["assessment", "visits", "assign", "closure"]


def test_a_case_changes_hands_and_keeps_its_deadlines():
    case = running(line("agency"))
    after, (event,) = opening.assign(case, "worker2.astana", "ill", **{**BY_SUPERVISOR, "now": later(days=2)})
    assert (event.holder, event.previous_holder) == ("worker2.astana", "worker.astana")
    assert {each.owner.id for each in after.open} == {"worker2.astana"}
    assert [each.due_at for each in after.open] == [each.due_at for each in case.open]
    assert [remark.text for remark in after.remarks] == ["ill"]
    with pytest.raises(Invalid):
        opening.assign(after, "worker2.astana", "again", **BY_SUPERVISOR)


def test_a_measure_waits_for_a_partner_no_longer_than_its_own_day():
    soon, late = line("agency", due_on=TODAY + timedelta(days=1)), line("agency")
    case = running(soon, late)
    assert item(case, "measure-1").due_at == POLICY.deadlines.calendar.end_of_working_day(soon.due_on)
    assert item(case, "measure-2").due_at == POLICY.deadlines.due("measure-refer", NOW)
    assert item(case, "carry-out").due_at == POLICY.deadlines.calendar.end_of_working_day(late.due_on)
    assert items(delivered(case, 2))["carry-out"] == "carry-out"


def test_assessment_comes_again_while_the_plan_is_written():
    assert "assessment" in allowed(assessed())
    assert "assessment" not in allowed(signed())
