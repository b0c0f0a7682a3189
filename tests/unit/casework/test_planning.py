"""Assessment, plan, signatures, approval."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.casework.domain import carrying_out, planning
from services.casework.domain.case import Responsible
from services.casework.domain.states import allowed
from shared.events import AssessmentRecorded, Danger, MeasureCancelled, PlanDrafted, PlanSigned
from shared.refusals import Forbidden, Invalid, WrongState
from tests.unit.casework.tools import (
    BY_SUPERVISOR,
    BY_WORKER,
    NOW,
    POLICY,
    SUPERVISOR,
    TODAY,
    WORKER,
    assessed,
    drafted,
    item,
    items,
    line,
    opened,
    ratings,
    running,
    signed,
)


def test_a_new_case_waits_for_the_assessment_of_its_holder():
    case = opened()
    assert (case.state, case.level, case.score) == ("assessment", None, None)
    (assess,) = case.open
    assert (assess.item, assess.owner.kind, assess.owner.id, assess.rule) == (
        "assess",
        "staff",
        WORKER,
        "assess",
    )
    assert assess.due_at == POLICY.deadlines.calendar.add_working_days(NOW, 3)


@pytest.mark.parametrize("kind", ["life", "child", "domestic_violence"])
def test_danger_leaves_one_working_day(kind):
    (assess,) = opened(Danger(**{kind: True})).open
    assert assess.rule == "assess-danger"
    assert assess.due_at == POLICY.deadlines.calendar.add_working_days(NOW, 1)


def test_an_assessment_gives_score_and_level():
    case, (event,) = planning.record_assessment(opened(), ratings(1), "note", **BY_WORKER)
    assert (case.state, case.score, case.level) == ("planning", 1250, "B")
    assert isinstance(event, AssessmentRecorded)
    assert (event.score, event.level, event.state) == (1250, "B", "planning")
    assert items(case) == {"plan": "plan"}


def test_danger_raises_the_assessed_level_and_shortens_the_plan():
    case = assessed(0, Danger(life=True))
    assert (case.level, case.score) == ("E", 2000)
    assert item(case, "plan").rule == "plan-urgent"
    assert item(assessed(3), "plan").rule == "plan-urgent"  # level D


def test_a_draft_numbers_its_measures_and_waits_for_signatures():
    case, (event,) = planning.draft_plan(
        assessed(), ["One", "Two"], [line(), line("agency", kind="other", text="x")], None, **BY_WORKER
    )
    assert [measure.n for measure in case.measures] == [1, 2]
    assert (case.plan.version, case.plan.goals, case.state) == (1, ("One", "Two"), "planning")
    assert items(case) == {"sign": "sign"}, "measures of a draft wait for its approval"
    assert isinstance(event, PlanDrafted)
    assert [(each.n, each.responsible, each.agency_id) for each in event.measures] == [
        (1, "center", None),
        (2, "agency", "agency-health-astana"),
    ]


def test_what_is_wrong_with_a_measure_is_said_field_by_field():
    lines = [
        line(kind="other"),
        line(due_on=TODAY - timedelta(days=1)),
        line(responsible=Responsible(type="family", agency_id="agency-health-astana")),
        line(due_on=TODAY + timedelta(days=5000)),
    ]
    with pytest.raises(Invalid) as refused:
        planning.draft_plan(assessed(), ["g"], lines, None, **BY_WORKER)
    assert set(refused.value.errors) == {
        "measures.0.text",
        "measures.1.due_on",
        "measures.2.responsible.agency_id",
        "measures.3.due_on",
    }


def test_a_new_draft_voids_signatures_and_numbers_go_on():
    case = drafted(line(), line())
    case = planning.sign_plan(case, "worker", None, "paper", **BY_WORKER)[0]
    case, events = planning.draft_plan(case, ["g"], [line()], "new need", **BY_WORKER)
    assert (case.plan.version, case.plan.signatures, case.plan.reason) == (2, (), "new need")
    assert [measure.n for measure in case.measures] == [3]
    assert [type(event) for event in events] == [MeasureCancelled, MeasureCancelled, PlanDrafted]
    assert [event.n for event in events[:2]] == [1, 2]


def test_both_signatures_lead_to_approval_by_the_center():
    case = drafted()
    with pytest.raises(Invalid) as refused:
        planning.sign_plan(case, "worker", "person-1", "paper", **BY_WORKER)
    assert list(refused.value.errors) == ["person_id"]
    case, (event,) = planning.sign_plan(case, "family", "person-1", "code", **BY_WORKER)
    assert isinstance(event, PlanSigned)
    assert (event.by, event.method, case.state) == ("family", "code", "planning")
    with pytest.raises(Invalid) as refused:
        planning.sign_plan(case, "family", None, "paper", **BY_WORKER)
    assert list(refused.value.errors) == ["by"]
    case, _ = planning.sign_plan(case, "worker", None, "paper", **BY_WORKER)
    assert case.state == "approval"
    (approve,) = case.open
    assert (approve.item, approve.owner.kind, approve.owner.id) == ("approve", "center", "center-71-1")


def test_for_the_family_signs_the_person_of_the_case_or_somebody_unnamed():
    """Of anybody else casework does not know whether he is of the family: he may be of one that the holder may not read."""
    case = drafted()
    for person_id in ("person-1", None):
        assert planning.sign_plan(case, "family", person_id, "paper", **BY_WORKER)[0].plan.signatures
    with pytest.raises(Invalid) as refused:
        planning.sign_plan(case, "family", "person-2", "paper", **BY_WORKER)
    assert refused.value.errors == {"person_id": ["Name the person of the case, or nobody."]}


def test_there_is_nothing_to_sign_without_a_draft():
    with pytest.raises(WrongState) as refused:
        planning.sign_plan(assessed(), "worker", None, "paper", **BY_WORKER)
    assert refused.value.allowed == ["assessment", "plan", "visits", "help", "assign", "closure"]


def test_who_signed_as_the_worker_does_not_approve():
    case = signed()
    with pytest.raises(Forbidden):
        planning.approve_plan(case, **BY_WORKER)
    case, (event,) = planning.approve_plan(case, **BY_SUPERVISOR)
    assert (case.state, case.plan.approved_by, event.plan_version) == ("implementation", SUPERVISOR, 1)
    assert items(case) == {"review": "review", "carry-out": "carry-out", "measure-1": "deliver"}


def test_a_plan_that_was_sent_back_is_written_anew_or_signed_again():
    case, _ = planning.return_plan(signed(), "why", **BY_SUPERVISOR)
    assert (case.state, case.plan.signatures) == ("planning", ())
    assert items(case) == {"plan": "plan"}
    assert [(remark.command, remark.text) for remark in case.remarks] == [("plan/return", "why")]
    again = planning.sign_plan(case, "worker", None, "paper", **BY_WORKER)[0]
    assert items(again) == {"sign": "sign"}
    anew = planning.draft_plan(case, ["g"], [line()], None, **BY_WORKER)[0]
    assert items(anew) == {"sign": "sign"}


def test_a_second_plan_keeps_what_was_begun_and_what_has_ended():
    case = running(line(), line(), line(), line("agency"))
    case = carrying_out.start_measure(case, 1, **BY_WORKER)[0]
    case = carrying_out.deliver_measure(case, 2, given_on=TODAY, condition="home", **BY_WORKER)[0]
    case = carrying_out.record_review(case, outcome="change", level="C", note="n", **BY_WORKER)[0]
    assert items(case) == {
        "plan": "plan",
        "measure-1": "deliver",
        "measure-3": "deliver",
        "measure-4": "refer",
    }, "running measures go on"
    assert "plan/sign" not in allowed(case), "the approved plan is not signed a second time"
    case, events = planning.draft_plan(case, ["g"], [line()], None, **BY_WORKER)
    assert [(m.n, m.plan, m.state) for m in case.measures] == [
        (1, 1, "started"),
        (2, 1, "delivered"),
        (5, 2, "planned"),
    ]
    assert [event.n for event in events[:-1]] == [3, 4]
    assert items(case) == {"sign": "sign", "measure-1": "deliver"}
