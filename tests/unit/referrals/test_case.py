"""What is known of a case, from casework's events."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.referrals.domain.case import KnownCase, heard
from shared.events import (
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseReopened,
    Event,
    MeasureCancelled,
    MeasureDelivered,
    MeasureReferred,
    MeasureReset,
    MeasureStarted,
    PlanDrafted,
    type_of,
)
from shared.events.casework import PlannedMeasure
from shared.events.cloudevents import Envelope, data_of

NOW = datetime(2026, 3, 16, 5, 0, tzinfo=UTC)


def said(
    at: int, event_type: type[Event], /, state: str = "implementation", holder: str = "worker", **facts
) -> Envelope:
    event = event_type(
        family_id="family",
        person_id="person",
        center_id="center-71-1",
        actor="worker",
        occurred_at=NOW,
        holder=holder,
        open=(),
        number="71-1-2026-000001",
        state=state,
        restricted=False,
        **facts,
    )
    return Envelope(
        id=f"event-{at}",
        type=type_of(event_type),
        source="/casework",
        subject="case",
        time=NOW,
        sequence=f"0001-{at:012d}",
        partitionkey="case",
        data=data_of(event),
    )


def plan(at: int, version: int, *numbers: int) -> Envelope:
    lines = tuple(
        PlannedMeasure(n=each, kind="legal", responsible="agency", due_on=date(2026, 4, 1))
        for each in numbers
    )
    return said(at, PlanDrafted, state="planning", plan_version=version, measures=lines)


def known(*envelopes: Envelope) -> KnownCase:
    case = None
    for envelope in envelopes:
        case = heard(case, envelope)
    return case


OPENED = said(1, CaseOpened, state="assessment", appeal_id="appeal")


def states(case: KnownCase) -> dict[int, str]:
    return {measure.n: measure.state for measure in case.measures}


def test_a_plan_brings_its_measures():
    case = known(OPENED, plan(2, 1, 1, 2))
    assert states(case) == {1: "planned", 2: "planned"}
    assert case.has_open(1)
    assert not case.has_open(3)


def test_measures_follow_their_events():
    case = known(
        OPENED,
        plan(2, 1, 1, 2, 3, 4),
        said(3, MeasureReferred, n=1, kind="legal", referral_id="r"),
        said(4, MeasureStarted, n=2, kind="legal"),
        said(5, MeasureDelivered, n=3, kind="legal", given_on=date(2026, 3, 16)),
        said(6, MeasureCancelled, n=4, kind="legal"),
    )
    assert states(case) == {1: "planned", 2: "started", 3: "delivered", 4: "cancelled"}
    assert states(heard(case, said(7, MeasureReset, n=2, kind="legal")))[2] == "planned"


def test_a_new_plan_keeps_what_was_begun_and_drops_what_was_not():
    case = known(OPENED, plan(2, 1, 1, 2), said(3, MeasureStarted, n=1, kind="legal"), plan(4, 2, 3))
    assert states(case) == {1: "started", 3: "planned"}


def test_a_new_plan_that_names_what_was_begun_does_not_begin_it_anew():
    case = known(OPENED, plan(2, 1, 1, 2), said(3, MeasureStarted, n=1, kind="legal"), plan(4, 2, 1, 2, 3))
    assert states(case) == {1: "started", 2: "planned", 3: "planned"}


def test_the_end_of_a_case_ends_its_measures_and_opening_it_again_does_not_bring_them_back():
    closed = known(OPENED, plan(2, 1, 1), said(3, CaseClosed, state="closed", reason_code="moved"))
    assert closed.is_closed
    assert states(closed) == {1: "cancelled"}
    again = heard(closed, said(4, CaseReopened, state="assessment"))
    assert not again.is_closed
    assert not again.has_open(1)


def test_an_event_of_a_type_that_is_not_known_yet_still_tells_who_holds_it():
    late = said(9, CaseAssigned, holder="worker2", previous_holder="worker")
    new = Envelope(**{**vars(late), "type": "kz.birtereze.casework.case-transferred.v1"})
    assert known(OPENED, plan(2, 1, 1), new) == KnownCase(
        sequence="0001-000000000009",
        family_id="family",
        person_id="person",
        center_id="center-71-1",
        holder="worker2",
        state="implementation",
        measures=known(OPENED, plan(2, 1, 1)).measures,
    )


STORY = [
    OPENED,
    plan(2, 1, 1, 2),
    said(3, MeasureStarted, n=1, kind="legal"),
    said(4, CaseAssigned, holder="worker2", previous_holder="worker"),
    said(5, CaseClosed, state="closed", reason_code="moved"),
    said(6, CaseReopened, state="assessment"),
]


@given(st.data())
def test_hearing_again_what_was_heard_changes_nothing(data: st.DataObject):
    """In order, but with any number of older events told again on the way."""
    case = None
    for index, envelope in enumerate(STORY):
        case = heard(case, envelope)
        for again in data.draw(st.lists(st.sampled_from(STORY[: index + 1]), max_size=4)):
            assert heard(case, again) == case
    assert case == known(*STORY)
