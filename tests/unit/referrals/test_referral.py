"""The referral: one table, its clocks, and nothing that falls through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referrals.domain import referral as domain
from services.referrals.domain.case import KnownCase, Measure
from services.referrals.domain.directory import Service
from services.referrals.domain.referral import (
    ACCEPTED,
    BY_AGENCY,
    BY_CLOCK,
    ENDED,
    ITEM,
    PRIORITIES,
    STATES,
    TRANSITIONS,
    UNSUCCESSFUL,
    Referral,
    Result,
)
from services.referrals.policy import load_policy
from shared.events import OpenItem, ReferralAcknowledged, ReferralOverdue
from shared.refusals import Invalid, WrongState

DEADLINES = load_policy().deadlines
MONDAY = datetime(2026, 3, 16, 5, 0, tzinfo=UTC)  # 10:00 in Almaty, a plain week
SERVICE = Service(
    id="service-health-astana",
    agency_id="agency-health-astana",
    kind="health",
    name={"kk": "…", "ru": "…", "en": "…"},
    kato="710000000",
    region="71",
)
CASE = KnownCase(
    sequence="0001-000000000005",
    family_id="family",
    person_id="person",
    center_id="center-71-1",
    holder="worker.astana",
    state="implementation",
    measures=(
        Measure(n=1, kind="medical"),
        Measure(n=2, kind="legal", state="delivered"),
        Measure(n=3, kind="legal", state="cancelled"),
    ),
)


def ask(priority: str = "routine", case: KnownCase = CASE, measure: int | None = 1) -> domain.Decision:
    return domain.request(
        number="71-1-2026-000001",
        case_id="case",
        case=case,
        measure=measure,
        service=SERVICE,
        priority=priority,
        reason="…",
        disclose=["name", "phone"],
        replaces=None,
        restricted=False,
        file_version=3,
        actor="worker.astana",
        now=MONDAY,
        deadlines=DEADLINES,
    )


def asked(priority: str = "routine") -> Referral:
    return ask(priority)[0]


WHY = {"reason_code": "other", "note": "…"}
DONE = {"result": Result(summary="…", given_on=date(2026, 3, 16))}
TOLD = {"reject": WHY, "fail": WHY, "cancel": WHY, "complete": DONE}
"""What goes with a command."""


def do(referral: Referral, command: str, now: datetime = MONDAY, **told: object) -> domain.Decision:
    if command == "acknowledge":
        return domain.acknowledge(referral, actor="someone", now=now, note="…")
    told = {**TOLD.get(command, {}), **told}
    return domain.change(referral, command, actor="someone", now=now, deadlines=DEADLINES, **told)


def after(*commands: str, priority: str = "routine") -> Referral:
    referral = asked(priority)
    for command in commands:
        referral, _ = do(referral, command)
    return referral


def items(referral: Referral) -> dict[str, OpenItem]:
    return {item.item: item for item in referral.open}


IN_STATE = {
    "requested": (),
    "accepted": ("accept",),
    "in-progress": ("accept", "start"),
    "on-hold": ("accept", "hold"),
    "rejected": ("reject",),
    "failed": ("accept", "fail"),
    "expired": ("expire",),
    "completed": ("accept", "complete"),
    "cancelled": ("cancel",),
}


def test_every_state_can_be_reached():
    assert set(IN_STATE) == set(STATES)
    assert all(after(*commands).state == state for state, commands in IN_STATE.items())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", sorted({c for known in TRANSITIONS.values() for c in known}))
def test_the_table_decides_what_is_possible(state: str, command: str):
    referral = after(*IN_STATE[state])
    if command in TRANSITIONS[state]:
        assert do(referral, command)[0].state == TRANSITIONS[state][command]
        return
    with pytest.raises(WrongState) as refused:
        do(referral, command)
    assert set(refused.value.allowed) == set(TRANSITIONS[state]) - BY_CLOCK


def test_states_of_the_contract():
    """`requested → accepted | rejected | cancelled | expired` and so on, word for word."""
    assert set(TRANSITIONS["requested"].values()) == {"accepted", "rejected", "cancelled", "expired"}
    ends = {"completed", "failed", "cancelled"}
    assert set(TRANSITIONS["accepted"].values()) == {"in-progress", "on-hold"} | ends
    assert set(TRANSITIONS["in-progress"].values()) == {"on-hold"} | ends
    assert set(TRANSITIONS["on-hold"].values()) == {"in-progress"} | ends
    assert all(set(TRANSITIONS[state].values()) <= {state} for state in ENDED)


# ------------------------------------------------------------------------------------------ asking


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_request_gives_the_agency_its_time(priority: str):
    referral, events = ask(priority)
    (answer,) = referral.open
    assert (answer.owner.kind, answer.owner.id) == ("agency", "agency-health-astana")
    assert answer.rule == f"answer-{priority}"
    assert referral.expires_at > answer.due_at > MONDAY
    assert [type(event).__name__ for event in events] == ["ReferralRequested"]
    assert events[0].open == referral.open
    assert events[0].holder == referral.holder == CASE.holder


def test_the_greater_the_danger_the_less_time():
    due = [asked(priority).expires_at for priority in PRIORITIES]
    assert due == sorted(due, reverse=True)
    assert len(set(due)) == len(due)


@pytest.mark.parametrize(("case", "measure"), [(replace(CASE, state="closed"), 1), (CASE, 2), (CASE, 3)])
def test_nothing_is_asked_for_what_has_ended(case: KnownCase, measure: int | None):
    with pytest.raises(WrongState):
        ask(case=case, measure=measure)


def test_a_measure_that_no_plan_has_had():
    with pytest.raises(Invalid) as refused:
        ask(measure=9)
    assert set(refused.value.errors) == {"measure"}


# ------------------------------------------------------------------------------------------ what is open


@pytest.mark.parametrize("state", sorted(UNSUCCESSFUL))
def test_the_holder_chooses_another_after_no(state: str):
    referral = after(*IN_STATE[state])
    assert set(items(referral)) == {"choose-another"}
    assert items(referral)["choose-another"].owner.id == referral.holder
    noted, events = do(referral, "acknowledge")
    assert (noted.state, noted.open) == (state, ())
    assert [type(event) for event in events] == [ReferralAcknowledged]
    with pytest.raises(WrongState) as refused:
        do(noted, "acknowledge")
    assert refused.value.allowed == []


def test_a_pause_does_not_give_more_time():
    working = after("accept", "start")
    held, _ = do(working, "hold", now=MONDAY + timedelta(days=3))
    resumed, _ = do(held, "resume", now=MONDAY + timedelta(days=9))
    assert items(resumed)["carry-out"] == items(working)["carry-out"]


def test_notes_and_summaries_never_reach_an_event():
    secret = "she lives with her sister"
    referral = after("accept")
    held = do(referral, "hold", note=secret)
    done = do(held[0], "complete", result=Result(summary=secret, given_on=date(2026, 3, 16)))
    noted = domain.acknowledge(after("reject"), actor="someone", now=MONDAY, note=secret)
    assert held[0].history[-1].note == done[0].result.summary == noted[0].acknowledged.note == secret
    for _, events in (held, done, noted):
        assert secret not in repr(events)


# ------------------------------------------------------------------------------------------ being replaced


@pytest.mark.parametrize("state", STATES)
def test_only_what_came_to_nothing_can_be_replaced(state: str):
    referral = after(*IN_STATE[state])
    if state not in UNSUCCESSFUL:
        with pytest.raises(WrongState):
            domain.be_replaced(referral, "other", actor="someone", now=MONDAY)
        return
    replaced, (event,) = domain.be_replaced(referral, "other", actor="someone", now=MONDAY)
    assert (replaced.open, replaced.state) == ((), state)
    assert event.replaced_by == replaced.acknowledged.replaced_by == "other"
    with pytest.raises(WrongState):
        domain.be_replaced(replaced, "third", actor="someone", now=MONDAY)


def test_a_replacement_may_come_after_an_acknowledgement():
    noted, _ = do(after("reject"), "acknowledge")
    replaced, _ = domain.be_replaced(noted, "other", actor="someone", now=MONDAY)
    assert replaced.acknowledged == replace(noted.acknowledged, replaced_by="other")


# ------------------------------------------------------------------------------------------ the clock


def test_before_it_is_due_nothing_happens():
    referral = asked()
    just_before = domain.wake_at(referral, DEADLINES) - timedelta(milliseconds=1)
    assert domain.tick(referral, now=just_before, deadlines=DEADLINES) is None


def test_a_late_answer_is_raised_and_the_holder_chases():
    referral = asked()
    due = items(referral)["answer"].due_at
    late, (event,) = domain.tick(referral, now=due, deadlines=DEADLINES)
    assert isinstance(event, ReferralOverdue)
    assert event.items == ("answer",)
    assert items(late)["answer"].raised == 1
    chase = items(late)["chase"]
    assert (chase.owner.kind, chase.owner.id) == ("staff", referral.holder)
    assert chase.due_at > due
    assert late.state == "requested"


def test_no_answer_expires_and_the_holder_chooses_another():
    referral = asked("danger")
    late, _ = domain.tick(referral, now=items(referral)["answer"].due_at, deadlines=DEADLINES)
    expired, (event,) = domain.tick(late, now=late.expires_at, deadlines=DEADLINES)
    assert (expired.state, event.state, event.actor) == ("expired", "expired", "system")
    assert set(items(expired)) == {"choose-another"}
    assert expired.expires_at is None


def test_after_a_standstill_it_expires_at_once():
    referral = asked("danger")
    expired, events = domain.tick(referral, now=referral.expires_at, deadlines=DEADLINES)
    assert expired.state == "expired"
    assert len(events) == 1


@pytest.mark.parametrize("state", sorted(ACCEPTED))
def test_late_work_is_chased_and_never_expires(state: str):
    referral = after(*IN_STATE[state], priority="urgent")
    due = items(referral)["carry-out"].due_at
    late, _ = domain.tick(referral, now=due, deadlines=DEADLINES)
    assert set(items(late)) == {"carry-out", "chase"}
    assert domain.tick(late, now=due + timedelta(days=365), deadlines=DEADLINES)[0].state == state


def test_an_answer_ends_the_chase():
    referral = asked()
    late, _ = domain.tick(referral, now=items(referral)["answer"].due_at, deadlines=DEADLINES)
    assert set(items(do(late, "accept")[0])) == {"carry-out"}


def test_an_answer_after_the_due_time_is_still_an_answer():
    referral = asked()
    assert do(referral, "accept", now=referral.expires_at + timedelta(hours=1))[0].state == "accepted"


# ------------------------------------------------------------------------------------------ from elsewhere


@pytest.mark.parametrize("state", STATES)
def test_the_end_of_the_case_leaves_nothing_open(state: str):
    referral = after(*IN_STATE[state])
    ended = domain.withdraw(
        referral, reason_code="case-closed", actor="supervisor", now=MONDAY, deadlines=DEADLINES
    )
    if state in ("completed", "cancelled"):
        assert ended is None
        return
    assert ended[0].open == ()
    assert ended[0].state == (state if state in UNSUCCESSFUL else "cancelled")
    assert ended[0].reason_code == ("case-closed" if state not in ENDED else referral.reason_code)


def test_another_holder_takes_what_was_his_and_leaves_what_is_the_agencys():
    referral = asked()
    late, _ = domain.tick(referral, now=items(referral)["answer"].due_at, deadlines=DEADLINES)
    moved, (event,) = domain.assign(late, "worker2.astana", actor="supervisor.astana", now=MONDAY)
    assert items(moved)["chase"].owner.id == moved.holder == event.holder == "worker2.astana"
    assert items(moved)["answer"] == items(late)["answer"]
    assert event.previous_holder == "worker.astana"
    assert domain.assign(moved, "worker2.astana", actor="supervisor.astana", now=MONDAY) is None


def test_only_a_newer_file_says_whether_it_is_restricted():
    referral = asked()
    restricted, events = domain.restrict(referral, True, 7)
    assert (restricted.restricted, restricted.file_version, list(events)) == (True, 7, [])
    assert domain.restrict(restricted, False, 7) is None
    assert domain.restrict(restricted, False, 6) is None


# ------------------------------------------------------------------------------------------ any history


STEP = st.one_of(
    st.sampled_from(sorted({command for known in TRANSITIONS.values() for command in known} - BY_CLOCK)),
    st.sampled_from(["tick", "assign", "restrict", "withdraw", "be-replaced"]),
)
HISTORY = st.lists(st.tuples(STEP, st.integers(0, 60 * 24 * 12)), max_size=14)


def take(referral: Referral, step: str, now: datetime) -> domain.Decision | None:
    match step:
        case "tick":
            return domain.tick(referral, now=now, deadlines=DEADLINES)
        case "assign":
            return domain.assign(referral, f"worker{now.minute % 3}", actor="supervisor", now=now)
        case "restrict":
            return domain.restrict(referral, True, now.minute)
        case "withdraw":
            return domain.withdraw(
                referral, reason_code="case-closed", actor="supervisor", now=now, deadlines=DEADLINES
            )
        case "be-replaced":
            return domain.be_replaced(referral, "other", actor="worker", now=now)
        case _:
            return do(referral, step, now=now)


def taken(referral: Referral, step: str, now: datetime) -> domain.Decision | WrongState | None:
    try:
        return take(referral, step, now)
    except WrongState as refused:
        return refused


@given(HISTORY, st.sampled_from(PRIORITIES))
def test_whatever_happens_nobody_falls_through(history: list[tuple[str, int]], priority: str):
    referral, now = asked(priority), MONDAY
    for step, minutes in history:
        now += timedelta(minutes=minutes)
        before = referral
        decision = taken(referral, step, now)
        if isinstance(decision, WrongState):
            assert step not in decision.allowed
            assert set(decision.allowed) == set(domain.commands(referral))
            continue
        if decision is None:
            continue
        referral, events = decision
        assert referral.state == before.state or referral.state in TRANSITIONS[before.state].values()
        assert len(referral.history) - len(before.history) == (referral.state != before.state)
        for event in events:
            assert (event.open, event.holder, event.state) == (referral.open, referral.holder, referral.state)
        if step == "tick":
            wake_at = domain.wake_at(referral, DEADLINES)
            assert wake_at is None or wake_at > now
        nobody_falls_through(referral)
    nobody_falls_through(referral)


def nobody_falls_through(referral: Referral) -> None:
    waits = referral.state not in ENDED or (referral.state in UNSUCCESSFUL and referral.acknowledged is None)
    assert bool(referral.open) == waits
    if waits:
        assert ITEM[referral.state] in items(referral)
        assert set(items(referral)) <= {ITEM[referral.state], "chase"}
        assert "chase" not in items(referral) or referral.state not in ENDED
    for item in referral.open:
        owner = referral.agency_id if item.item in domain.AGENCY_ITEMS else referral.holder
        assert item.owner.id == owner
        assert item.next_action
        assert item.rule in domain.RULES
    assert (referral.expires_at is not None) == (referral.state == "requested")


def test_the_agency_and_the_staff_share_no_command():
    assert not BY_AGENCY & {"cancel", "acknowledge", "expire"}
    assert {c for known in TRANSITIONS.values() for c in known} == BY_AGENCY | BY_CLOCK | {
        "cancel",
        "acknowledge",
    }
