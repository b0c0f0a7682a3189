"""What events of elsewhere do to referrals: once, however often and however late they come."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from services.referrals.reactions import REACTIONS, TOPICS
from services.referrals.reading import file_of
from shared.events import CaseAssigned, CaseClosed, CaseOpened, topic_of
from tests.service.referrals.world import (
    HEALTH,
    SECOND,
    SUPERVISOR,
    WORKER,
    Case,
    World,
    done,
    fresh,
    refused,
)


def test_every_event_reacted_to_is_listened_to():
    assert {topic_of(kind) for kind in REACTIONS} == set(TOPICS)


def state_of(world: World, referral: dict) -> tuple[str, str | None, tuple[str, ...], int]:
    saved = world.saved(referral)
    items = tuple(item.item for item in saved.state.open)
    return saved.state.state, saved.state.reason_code, items, saved.version


# ---------------------------------------------------------------------------------------------- endings


def test_the_end_of_a_measure_ends_its_referrals_and_no_others(world: World):
    case = world.case(1, 2)
    first = world.asked(case, measure=1)
    working = world.asked(case, "accept", "start", measure=1)
    completed = world.asked(case, "accept", "complete", measure=1)
    rejected = world.asked(case, "reject", measure=1)
    others = [world.asked(case, measure=2), world.asked(case)]
    event = case.cancels(1)
    world.hears(event)
    assert state_of(world, first)[:3] == ("cancelled", "measure-cancelled", ())
    assert state_of(world, working)[:3] == ("cancelled", "measure-cancelled", ())
    assert state_of(world, rejected)[:3] == ("rejected", "no-capacity", ())
    assert state_of(world, completed)[:3] == ("completed", None, ())
    assert all(state_of(world, other)[0] == "requested" for other in others)
    told = world.told(first)[-1].event()
    assert (told.reason_code, told.actor, told.open) == ("measure-cancelled", SUPERVISOR, ())

    everything = [first, working, completed, rejected, *others]
    before = [state_of(world, each) for each in everything]
    world.hears(event)
    assert [state_of(world, each) for each in everything] == before


def test_the_end_of_a_case_ends_all_its_referrals(world: World):
    case, other = world.case(1), world.case()
    referrals = [world.asked(case), world.asked(case, "accept", measure=1), world.asked(case, "reject")]
    elsewhere = world.asked(other)
    event = case.closes()
    world.hears(event)
    before = [state_of(world, each) for each in referrals]
    assert [each[:3] for each in before] == [
        ("cancelled", "case-closed", ()),
        ("cancelled", "case-closed", ()),
        ("rejected", "no-capacity", ()),
    ]
    assert state_of(world, elsewhere)[0] == "requested"
    world.hears(event, event)
    assert [state_of(world, each) for each in referrals] == before
    assert done(world.get(HEALTH, f"referrals/{referrals[1]['id']}"))["history"][-1]["actor"] == "center-71-1"


def test_a_late_closing_does_not_end_what_was_asked_after_the_case_was_opened_again(world: World):
    case = world.case()
    before = world.asked(case)
    closed, reopened = case.closes(), case.reopens()
    world.hears(closed, reopened)
    after = world.asked(case)
    world.hears(closed)
    assert state_of(world, before)[0] == "cancelled"
    assert state_of(world, after)[0] == "requested"


def test_closing_and_asking_at_the_same_time_leave_nothing_open_in_a_closed_case(world: World):
    for _ in range(6):
        case = world.case()
        closed = case.closes()
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(world.ask, case) for _ in range(3)]
            pool.submit(world.hears, closed).result()
        answers = [each.result() for each in asking]
        assert {each.status_code for each in answers} <= {201, 409}
        for answer in answers:
            if answer.status_code == 201:
                assert state_of(world, answer.get_json())[:3] == ("cancelled", "case-closed", ())


# ---------------------------------------------------------------------------------------------- the holder


def test_another_holder_answers_for_the_referrals_of_the_case(world: World):
    case = world.case()
    rejected, waiting, completed = (
        world.asked(case, "reject"), world.asked(case), world.asked(case, "accept", "complete"),
    )  # fmt: skip
    event = case.goes_to(SECOND)
    world.hears(event)
    for referral in (rejected, waiting, completed):
        assert world.saved(referral).state.holder == SECOND
    assert [item.owner.id for item in world.saved(rejected).state.open] == [SECOND]
    assert [item.owner.id for item in world.saved(waiting).state.open] == [HEALTH]
    told = world.told(rejected)[-1].event()
    assert (told.holder, told.previous_holder, told.open[0].owner.id) == (SECOND, WORKER, SECOND)
    versions = [world.saved(each).version for each in (rejected, waiting, completed)]
    world.hears(event)
    assert [world.saved(each).version for each in (rejected, waiting, completed)] == versions
    refused(world.do({**waiting, "version": 2}, "cancel", WORKER), 403, "forbidden")
    done(world.do({**waiting, "version": 2}, "cancel", SECOND))


def test_an_older_holder_after_a_newer_one(world: World):
    case = world.case()
    referral = world.asked(case)
    to_second, back = case.goes_to(SECOND), case.goes_to(WORKER)
    world.hears(back)
    world.hears(to_second)
    assert world.saved(referral).state.holder == WORKER
    assert world.saved(referral).version == 1


def test_a_case_that_is_opened_again_may_have_another_holder(world: World):
    case = world.case()
    referral = world.asked(case)
    world.hears(case.closes())
    case.holder = SECOND
    world.hears(case.reopens())
    assert world.saved(referral).state.holder == SECOND


# ---------------------------------------------------------------------------------------------- the restriction


@pytest.mark.parametrize("how", ["family", "appeal"])
def test_a_restriction_reaches_the_referrals(world: World, how: str):
    case = world.case()
    referral, ended = world.asked(case), world.asked(case, "accept", "complete")
    done(world.get(SECOND, f"referrals/{referral['id']}"))
    event = case.family_says(True, 2) if how == "family" else case.appeal_says(True, 2)
    world.hears(event)
    for each in (referral, ended):
        refused(world.get(SECOND, f"referrals/{each['id']}"), 404, "not-found")
        assert world.saved(each).state.restricted
    assert done(world.get(SECOND, "referrals", case_id=case.id))["items"] == []
    for login in (WORKER, SUPERVISOR, HEALTH):
        done(world.get(login, f"referrals/{referral['id']}"))
    version = world.saved(referral).version
    world.hears(event)
    assert world.saved(referral).version == version


def test_an_older_restriction_after_a_newer_one(world: World):
    case = world.case()
    referral = world.asked(case)
    world.hears(case.family_says(False, 3))
    world.hears(case.family_says(True, 2))
    assert not world.saved(referral).state.restricted
    done(world.get(SECOND, f"referrals/{referral['id']}"))


def test_a_family_that_nothing_was_heard_of_is_restricted(world: World):
    case = Case()
    world.hears(case.says(CaseOpened, appeal_id=fresh()))
    known = world.service.store.cases.find(case.id)
    assert file_of(world.service, known).restricted
    assert file_of(world.service, replace(known, family_id=fresh())).restricted
    refused(world.ask(case, SECOND), 404, "not-found")
    referral = world.asked(case)
    refused(world.get(SECOND, f"referrals/{referral['id']}"), 404, "not-found")
    assert all(
        each["case_id"] != case.id for each in done(world.get(SECOND, "referrals", limit=200))["items"]
    )
    done(world.get(WORKER, f"referrals/{referral['id']}"))
    world.hears(case.appeal_says(False))
    done(world.get(SECOND, f"referrals/{referral['id']}"))
    assert any(
        each["case_id"] == case.id for each in done(world.get(SECOND, "referrals", limit=200))["items"]
    )


def test_restricting_and_asking_at_the_same_time(world: World):
    for _ in range(6):
        case = world.case()
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(world.ask, case) for _ in range(3)]
            pool.submit(world.hears, case.family_says(True, 2)).result()
        for answer in asking:
            assert world.saved(done(answer.result(), 201)).state.restricted


# ---------------------------------------------------------------------------------------------- the read model of cases


def test_a_case_is_known_by_its_newest_event(world: World):
    case = world.case(1)
    for event in (case.goes_to(SECOND), case.closes(), case.reopens()):
        world.hears(event)
    known = world.service.store.cases.find(case.id)
    old = case.says(CaseAssigned, at=3, previous_holder=WORKER)
    world.hears(old, case.says(CaseClosed, at=4, reason_code="moved"))
    assert world.service.store.cases.find(case.id) == known
    assert (known.holder, known.state, known.sequence) == (SECOND, "assessment", "0001-000000000005")


def test_many_events_at_once_and_one_at_a_time_lead_to_the_same(world: World):
    def story() -> tuple[Case, list]:
        case = Case()
        opened = case.says(CaseOpened, appeal_id=fresh())
        return case, [
            opened,
            case.plan(1, 2),
            case.cancels(1),
            case.goes_to(SECOND),
            case.closes(),
            case.reopens(),
        ]

    at_once, events = story()
    world.hears(*events)
    one_by_one, events = story()
    for event in events:
        world.hears(event)
    first, second = (world.service.store.cases.find(case.id) for case in (at_once, one_by_one))
    assert (first.holder, first.state, first.measures) == (second.holder, second.state, second.measures)
