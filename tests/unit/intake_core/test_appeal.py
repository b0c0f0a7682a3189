"""An appeal's life: the table of its states, and that nobody falls through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import policy
from services.intake.domain import appeal as appeals
from services.intake.domain import danger as dangers
from services.intake.domain.appeal import OUTCOMES, TRANSITIONS, Appeal
from services.intake.domain.family import Family
from services.intake.domain.items import Notice, codes
from shared.events import AppealClosed, Danger
from shared.refusals import WrongState

POLICY = policy.load()
NOW = datetime(2026, 3, 16, 5, tzinfo=UTC)  # a Monday, 10:00 in Almaty
TODAY = POLICY.deadlines.calendar.today(NOW)
BODIES = ("guardianship", "police", "health")

flags = st.sampled_from([None, False, True])
anything = st.builds(Danger, life=flags, child=flags, domestic_violence=flags)


def file(danger: Danger, version: int = 1) -> Family:
    return Family(center_id="c", center_ids=("c",), holder="w", danger=danger, file_version=version)


def register(said: Danger, *, consented: bool = True, **changes) -> tuple[Appeal, list]:
    return appeals.register(
        **{
            "number": "71-1-2026-000001",
            "center_id": "c",
            "channel": "window",
            "person_id": "p",
            "family_id": "f",
            "family": file(said),
            "grounds": (),
            "said": said,
            "need": "…",
            "received_on": TODAY,
            "scopes": (),
            "source": None,
            "warnings": (),
            "differs": (),
            "consented": consented,
            "actor": "w",
            "now": NOW,
            "policy": POLICY,
            **changes,
        }
    )


def told(body: str, now: datetime) -> Notice:
    return Notice(body=body, told_at=now, how="phone", actor="w")


def commands(now: datetime):
    """Everything that can happen to an appeal: name → what it does."""
    return {
        **{
            f"screening {outcome}": lambda a, outcome=outcome: appeals.screen(
                a, outcome=outcome, note="…", actor="w", now=now, policy=POLICY
            )
            for outcome in OUTCOMES
        },
        **{f"notices {body}": lambda a, body=body: appeals.tell(a, told(body, now), now) for body in BODIES},
        "assign": lambda a: appeals.assign(a, holder="other", reason="…", actor="s", now=now),
        "consent": lambda a: appeals.consent_asked(a, "w", now),
        "case": lambda a: appeals.has_case(a, "case", "system", now),
        "overdue": lambda a: appeals.raise_overdue(a, now, POLICY),
        "danger raised": lambda a: follow(a, Danger(life=True, child=True, domestic_violence=True), now),
        "danger asked": lambda a: follow(a, Danger(life=False, child=False, domestic_violence=False), now),
    }


def follow(appeal: Appeal, said: Danger, now: datetime):
    return appeals.follow(
        appeal,
        file(dangers.after(appeal.danger, said), appeal.file_version + 1),
        raised=dangers.raised(appeal.danger, said),
        told_here=True,
        asked=dangers.all_asked(said),
        actor="w",
        now=now,
        policy=POLICY,
    )


happenings = st.lists(
    st.tuples(st.sampled_from(sorted(commands(NOW))), st.integers(0, 100)), min_size=1, max_size=20
)


@given(anything, st.booleans(), happenings)
def test_nobody_falls_through(said: Danger, consented: bool, history: list[tuple[str, int]]):
    """Whatever happens in whatever order: what is not closed has something open, with owner, next action, due time and rule,
    all of it the holder's; each event tells all of it; and what is closed stays closed, with nothing open."""
    appeal, events = register(said, consented=consented)
    now = NOW
    for name, hours in history:
        now += timedelta(hours=hours)
        before = appeal
        try:
            decision = commands(now)[name](appeal)
        except WrongState:
            assert name.split()[0] not in TRANSITIONS[appeal.state]
            continue
        if decision is None:
            continue
        appeal, events = decision
        assert (appeal.open == ()) == (appeal.state == "closed")
        assert (before.open == appeal.open) or events, "items changed and nobody was told"
        for event in events:
            assert (event.open, event.holder, event.state) == (appeal.open, appeal.holder, appeal.state)
        assert isinstance(events[-1], AppealClosed) if before.state != appeal.state == "closed" else True
        if before.state == "closed":
            assert (appeal.state, events) == ("closed", [])
        for item in appeal.open:
            assert item.owner.id == appeal.holder
            assert item.next_action
            assert item.rule in POLICY.deadlines.rules
            assert item.due_at.tzinfo is not None


@given(st.sampled_from(sorted(TRANSITIONS)), st.sampled_from(["screening", "notices", "assign", "dance"]))
def test_a_command_is_either_in_the_table_or_refused_with_what_is(state: str, command: str):
    appeal = replace(register(Danger())[0], state=state)
    if command in TRANSITIONS[state]:
        assert appeals.after(appeal, command) == TRANSITIONS[state][command]
    else:
        with pytest.raises(WrongState) as refused:
            appeals.after(appeal, command)
        assert refused.value.allowed == sorted(TRANSITIONS[state])


def test_a_danger_that_is_raised_brings_the_screening_forward_but_never_back():
    appeal, _ = register(Danger(life=False, child=False, domestic_violence=False))
    first = appeal.open[0].due_at
    raised, _ = follow(appeal, Danger(life=True), NOW + timedelta(hours=1))
    assert raised.open[0].due_at == POLICY.deadlines.due("screening-urgent", NOW) < first
    late, _ = follow(appeal, Danger(life=True), NOW + timedelta(days=2))
    assert late.open[0].due_at == first


def test_an_old_paper_with_danger_is_due_at_once_and_not_in_the_past_of_the_paper():
    day = TODAY - timedelta(days=30)
    appeal, (event,) = register(Danger(life=True, child=False, domestic_violence=False), received_on=day)
    assert appeal.open[0].due_at < NOW
    assert event.received_on == day
    overdue, (told,) = appeals.raise_overdue(appeal, NOW, POLICY)
    assert (told.items, overdue.open[0].raised) == (("screening",), 3)


def test_notices_are_due_in_24_clock_hours_of_the_registration():
    appeal, _ = register(
        Danger(life=False, child=True, domestic_violence=True), received_on=TODAY - timedelta(9)
    )
    due = {item.item: item.due_at for item in appeal.open if item.item.startswith("notice-")}
    assert due == {f"notice-{body}": NOW + timedelta(hours=24) for body in BODIES}


def test_a_notice_that_waits_is_not_opened_twice():
    appeal, _ = register(Danger(life=False, child=True, domestic_violence=None))
    again, events = follow(replace(appeal, danger=Danger()), Danger(child=True, domestic_violence=True), NOW)
    waiting = [item.item for item in again.open if item.item.startswith("notice-")]
    assert sorted(waiting) == ["notice-guardianship", "notice-health", "notice-police"]
    assert events[0].opened == ("notice-health", "notice-police")


def test_the_case_is_waited_for_even_when_nothing_else_is_open():
    appeal, _ = register(Danger(life=False, child=False, domestic_violence=False))
    screened, _ = appeals.screen(appeal, outcome="open-case", note="…", actor="w", now=NOW, policy=POLICY)
    assert (screened.state, codes(screened.open)) == ("screened", {"case-opening"})
    closed, events = appeals.has_case(screened, "case", "system", NOW)
    assert (closed.state, closed.case_id) == ("closed", "case")
    assert (events[-1].outcome, events[-1].case_id) == ("open-case", "case")
    assert appeals.has_case(closed, "case", "system", NOW) is None
