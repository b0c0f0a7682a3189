"""What partners say about measures."""

from __future__ import annotations

import pytest

from services.casework.domain import carrying_out, closing, referring
from shared.events import MeasureDelivered, MeasureReferred, MeasureReset, MeasureStarted
from tests.unit.casework.tools import (
    BY_SUPERVISOR,
    BY_WORKER,
    NOW,
    POLICY,
    TODAY,
    delivered,
    item,
    items,
    line,
    running,
)

BY = {"actor": "agency-health-astana", "now": NOW, "policy": POLICY}


def said(case, *words):
    """The case after these words of referrals: (referral, what)."""
    for referral, word in words:
        if word == "ended":
            decision = referring.ended(case, 1, referral, **BY)
        elif word == "completed":
            decision = referring.completed(case, 1, referral, given_on=TODAY, condition="home", **BY)
        else:
            decision = referring.asked(case, 1, referral, word == "accepted", **BY)
        case = decision[0] if decision else case
    return case


def state(case):
    measure = case.measure(1)
    return measure.state, measure.referral_id, items(case).get("measure-1")


def test_a_measure_of_a_partner_is_referred_answered_and_delivered():
    case = running(line("agency"))
    assert state(case) == ("planned", None, "refer")
    case, (event,) = referring.asked(case, 1, "r1", False, **BY)
    assert isinstance(event, MeasureReferred)
    assert event.referral_id == "r1"
    assert state(case) == ("planned", "r1", "await-partner")
    case, (event,) = referring.asked(case, 1, "r1", True, **BY)
    assert isinstance(event, MeasureStarted)
    assert state(case) == ("started", "r1", "await-partner")
    assert referring.asked(case, 1, "r1", True, **BY) is None, "begun after accepted is not news"
    case, (event,) = referring.completed(case, 1, "r1", given_on=TODAY, condition="day-centre", **BY)
    assert isinstance(event, MeasureDelivered)
    assert (event.given_on, event.condition, event.referral_id) == (TODAY, "day-centre", "r1")
    assert state(case) == ("delivered", "r1", None)


@pytest.mark.parametrize("type", ["agency", "center", "family"])
@pytest.mark.parametrize("word", ["requested", "accepted"])
def test_a_referral_without_success_means_to_look_for_another_partner(type, word):
    case = said(running(line(type)), ("r1", word))
    case, (event,) = referring.ended(case, 1, "r1", **BY)
    assert isinstance(event, MeasureReset)
    assert state(case) == ("planned", None, "refer")


def test_a_referral_that_takes_the_place_of_another():
    case = said(running(line("agency")), ("r1", "requested"), ("r1", "ended"), ("r2", "requested"))
    assert state(case) == ("planned", "r2", "await-partner")
    assert referring.ended(case, 1, "r1", **BY) is None
    late = said(case, ("r1", "requested"), ("r1", "accepted"), ("r1", "ended"))
    assert state(late) == state(case), "the late words of the first one change nothing in the end"


def test_of_two_referrals_the_accepted_one_counts():
    case = said(running(line("agency")), ("r1", "requested"), ("r2", "requested"), ("r1", "accepted"))
    assert state(case) == ("started", "r1", "await-partner")
    after, events = referring.ended(case, 1, "r2", **BY)
    assert (state(after), events) == (state(case), []), "nobody need be told"
    case, (event,) = referring.ended(case, 1, "r1", **BY)
    assert isinstance(event, MeasureReferred)
    assert state(case) == ("planned", "r2", "await-partner")


def test_help_that_was_given_counts_whoever_was_asked_last():
    case = said(running(line("agency")), ("r1", "accepted"), ("r2", "requested"), ("r2", "completed"))
    assert state(case) == ("delivered", "r2", None)
    assert case.measure(1).asked == ()


def test_what_is_over_hears_nothing():
    cancelled = carrying_out.cancel_measure(running(line("agency")), 1, "why", **BY_WORKER)[0]
    gone = running(line("agency"))
    gone = carrying_out.record_review(gone, outcome="change", level="B", note="n", **BY_WORKER)[0]
    for case in (cancelled, delivered(running(line("agency")), 1)):
        assert referring.asked(case, 1, "r1", False, **BY) is None
        assert referring.ended(case, 1, "r1", **BY) is None
        assert referring.completed(case, 1, "r1", given_on=TODAY, condition=None, **BY) is None
    assert referring.asked(gone, 7, "r1", False, **BY) is None


def test_a_partner_goes_on_while_the_next_plan_is_written_and_while_closing_is_decided():
    case = said(running(line("agency")), ("r1", "requested"))
    planning = carrying_out.record_review(case, outcome="change", level="B", note="n", **BY_WORKER)[0]
    assert state(said(planning, ("r1", "accepted"))) == ("started", "r1", "await-partner")
    proposed = closing.propose_closure(case, "moved", "n", **BY_WORKER)[0]
    proposed = said(proposed, ("r1", "accepted"))
    assert items(proposed) == {"approve-closing": "approve-closing"}
    back = closing.return_closure(proposed, "why", **BY_SUPERVISOR)[0]
    assert state(back) == ("started", "r1", "await-partner")
    assert item(back, "review") == item(case, "review")
