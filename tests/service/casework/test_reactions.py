"""What events of elsewhere do to cases: once, late, twice, and in another order."""

from __future__ import annotations

import threading

import pytest

from shared.events import (
    Danger,
    ReferralAccepted,
    ReferralCancelled,
    ReferralCompleted,
    ReferralExpired,
    ReferralFailed,
    ReferralRejected,
    ReferralRequested,
    ReferralStarted,
)
from shared.events.cloudevents import data_of
from shared.ids import derived_id
from tests.service.casework.world import (
    SECOND,
    WORKER,
    Appeal,
    Family,
    Referral,
    done,
    measure,
    today,
)


def state_of(world, case, n=1):
    case = world.shown(case["id"])
    measure = next(each for each in case["measures"] if each["n"] == n)
    item = next((each for each in case["open"] if each["item"] == f"measure-{n}"), {})
    return measure["state"], measure["referral_id"], item.get("next_action")


def snapshot(world, case_id):
    saved = world.service.store.cases.get(case_id)
    return saved.version, saved.state, world.told(case_id)


# ---------------------------------------------------------------------------------------------- appeals


def test_an_appeal_screened_to_open_case_gets_one_case_however_often_it_is_told(world):
    appeal = Appeal(Family())
    registered, screened = appeal.registered(), appeal.screened()
    world.hears(registered, screened)
    case_id = derived_id("case", appeal.id)
    before = snapshot(world, case_id)
    world.hears(screened)
    world.hears(registered)
    assert snapshot(world, case_id) == before
    case = before[1]
    assert (case.family_id, case.person_id, case.center_id) == (
        appeal.family.id,
        appeal.family.person_id,
        "center-71-1",
    )
    assert case.appeal_ids == (appeal.id,)
    (opened,) = before[2]
    assert (opened.type, opened.data["appeal_id"], opened.data["holder"]) == (
        "kz.birtereze.casework.case-opened.v1",
        appeal.id,
        case.holder,
    )
    assert [item["item"] for item in opened.data["open"]] == ["assess"]


@pytest.mark.parametrize("outcome", ["consultation", "redirect", "not-needed"])
def test_other_outcomes_open_nothing(world, outcome):
    appeal = Appeal(Family())
    world.hears(appeal.registered(), appeal.screened(outcome))
    assert world.service.store.cases_of(appeal.family.id) == []


def test_a_further_appeal_is_attached_to_the_open_case(world):
    family = Family()
    case = world.case(family)
    further = Appeal(family, center_id="center-75-1", holder="worker.almaty")
    screened = further.screened()
    world.hears(screened)
    before = snapshot(world, case["id"])
    world.hears(screened)
    assert snapshot(world, case["id"]) == before
    assert before[1].appeal_ids[-1] == further.id
    assert before[1].center_id == "center-71-1"
    assert world.types(case["id"])[-1] == "appeal-attached"
    assert world.told(case["id"])[-1].data["appeal_id"] == further.id


def test_an_appeal_of_a_closed_case_is_told_again_after_another_case_was_opened(world):
    family = Family()
    first = Appeal(family)
    screened = first.screened()
    world.hears(screened)
    case = world.after(world.shown(derived_id("case", first.id)), "closure", "closure/approve")
    second = Appeal(family)
    world.hears(second.screened())
    world.hears(screened)
    assert world.saved_with(second.id).state.appeal_ids == (second.id,)
    assert world.saved(case).state.appeal_ids == (first.id,)


def test_two_appeals_of_a_family_at_the_same_moment_have_one_case(world):
    for _ in range(5):
        family = Family()
        told = [Appeal(family).screened() for _ in range(4)]
        threads = [threading.Thread(target=world.hears, args=(each,)) for each in told]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (case_id,) = world.service.store.cases_of(family.id)
        case = world.service.store.cases.get(case_id).state
        assert sorted(case.appeal_ids) == sorted(each.subject for each in told)


def test_the_worker_with_the_fewest_open_cases_holds_the_next_one(world):
    store = world.service.store
    cases = store.cases.collection
    world.case(holder=WORKER)
    cases.update_many({"holder": SECOND, "center_id": "center-71-1"}, {"$set": {"holder": WORKER}})
    appeal = Appeal(Family(), holder=WORKER)
    world.hears(appeal.screened())
    assert world.saved_with(appeal.id).state.holder == SECOND
    held = store.open_cases([WORKER, SECOND])
    assert held[SECOND] == 1
    assert held[WORKER] == cases.count_documents({"holder": WORKER, "state": {"$ne": "closed"}})


def test_a_center_without_workers_leaves_the_case_to_the_appeal_s_holder(world):
    appeal = Appeal(Family(), holder="worker.shymkent", center_id="center-79-1")
    world.hears(appeal.screened())
    case = world.saved_with(appeal.id).state
    assert (case.holder, case.number[:5]) == ("worker.shymkent", "79-1-")


# ---------------------------------------------------------------------------------------------- danger


def test_a_higher_danger_raises_the_level_and_restricts_the_case(world):
    family = Family()
    case = world.case(family)
    changed = family.changes(life=True, domestic_violence=True)
    world.hears(changed)
    before = snapshot(world, case["id"])
    world.hears(changed)
    assert snapshot(world, case["id"]) == before
    assert (before[1].level, before[1].restricted, before[1].open[0].rule) == ("E", True, "assess-danger")
    assert world.types(case["id"]) == ["case-opened", "assessment-recorded"]


def test_the_newest_word_of_danger_is_right_in_whatever_order_it_comes(world):
    family = Family()
    case = world.case(family)
    older, newer = family.changes(life=True, restricted=True), family.changes(child=True)
    world.hears(newer)
    world.hears(older)
    state = world.saved(case).state
    assert (state.danger, state.restricted, state.level) == (Danger(child=True), False, "D")


def test_an_appeal_tells_danger_too(world):
    family = Family()
    case = world.case(family)
    family.version, family.danger, family.restricted = 7, Danger(domestic_violence=True), True
    world.hears(Appeal(family).registered())
    assert world.saved(case).state.restricted


def test_danger_that_was_heard_before_there_was_a_case(world):
    family = Family()
    appeal = Appeal(family)
    screened = appeal.screened()
    world.hears(family.changes(life=True, domestic_violence=True))
    world.hears(screened)
    case = world.saved_with(appeal.id).state
    assert (case.restricted, case.level, case.danger.life) == (True, "E", True)


def test_a_closed_case_is_restricted_too(world):
    family = Family()
    case = world.after(world.case(family), "closure", "closure/approve")
    world.hears(family.changes(domestic_violence=True))
    after = world.saved(case).state
    assert (after.restricted, after.state, after.open) == (True, "closed", ())


# ---------------------------------------------------------------------------------------------- referrals


@pytest.fixture
def referred(world):
    family = Family()
    case = world.running(measure("agency"), family=family)
    return case, Referral(family, case["id"])


def test_a_referral_starts_and_delivers_its_measure(world, referred):
    case, referral = referred
    told = [referral.says(ReferralRequested)]
    world.hears(*told)
    assert state_of(world, case) == ("planned", referral.id, "await-partner")
    told.append(referral.says(ReferralAccepted))
    world.hears(told[-1])
    assert state_of(world, case) == ("started", referral.id, "await-partner")
    told.append(referral.says(ReferralStarted))
    world.hears(told[-1])
    told.append(referral.says(ReferralCompleted, given_on=today(), condition="day-centre"))
    world.hears(told[-1])
    assert state_of(world, case) == ("delivered", referral.id, None)
    before = snapshot(world, case["id"])
    for late in (*reversed(told), *told):
        world.hears(late)
    assert snapshot(world, case["id"]) == before
    assert world.types(case["id"])[-3:] == ["measure-referred", "measure-started", "measure-delivered"]
    delivered = before[2][-1].data
    assert (delivered["given_on"], delivered["condition"], delivered["referral_id"], delivered["actor"]) == (
        *(today().isoformat(), "day-centre", referral.id, "agency-health-astana"),
    )


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (ReferralRejected, {"reason_code": "no-capacity"}),
        (ReferralFailed, {"reason_code": "unreachable"}),
        (ReferralCancelled, {"reason_code": "duplicate"}),
        (ReferralExpired, {}),
    ],
)
def test_a_referral_without_success_sets_its_measure_back(world, referred, kind, facts):
    case, referral = referred
    world.hears(referral.says(ReferralRequested), referral.says(ReferralAccepted))
    ended = referral.says(kind, **facts)
    world.hears(ended)
    before = snapshot(world, case["id"])
    world.hears(ended)
    world.hears(referral.says(ReferralAccepted, at=2))
    assert snapshot(world, case["id"]) == before
    assert state_of(world, case) == ("planned", None, "refer")
    assert world.told(case["id"])[-1].data["referral_id"] == referral.id


def test_a_referral_that_was_replaced_says_nothing_more(world, referred):
    case, first = referred
    second = Referral(first.family, case["id"])
    requested = first.says(ReferralRequested)
    rejected = first.says(ReferralRejected, reason_code="no-capacity")
    world.hears(requested, second.says(ReferralRequested, replaces=first.id), rejected)
    assert state_of(world, case) == ("planned", second.id, "await-partner")


def test_a_measure_that_has_ended_hears_of_no_referral(world, referred):
    case, referral = referred
    world.hears(referral.says(ReferralRequested))
    case = world.after(world.shown(case["id"]), "measures/1/cancel")
    before = snapshot(world, case["id"])
    world.hears(
        referral.says(ReferralAccepted), referral.says(ReferralCancelled, reason_code="measure-cancelled")
    )
    assert snapshot(world, case["id"]) == before


def test_a_referral_without_a_measure_or_of_an_unknown_case_changes_nothing(world, referred):
    case, referral = referred
    before = snapshot(world, case["id"])
    world.hears(Referral(referral.family, case["id"], measure=None).says(ReferralRequested))
    world.hears(Referral(referral.family, case["id"], measure=9).says(ReferralRequested))
    world.hears(Referral(referral.family, derived_id("case", "nobody")).says(ReferralRequested))
    assert snapshot(world, case["id"]) == before


def test_partners_go_on_while_the_next_plan_is_written(world, referred):
    case, referral = referred
    world.hears(referral.says(ReferralRequested), referral.says(ReferralAccepted))
    change = {"outcome": "change", "level": "C", "note": "n"}
    case = done(world.do(world.shown(case["id"]), "review", change))
    world.hears(referral.says(ReferralCompleted, given_on=today()))
    assert state_of(world, case) == ("delivered", referral.id, None)
    assert world.shown(case["id"])["state"] == "planning"


def test_all_reactions_again_from_the_beginning(world):
    """Rewound, the log is told once more from its first message: nothing changes."""
    family = Family()
    appeal, further = Appeal(family), Appeal(family)
    log = [appeal.registered(), appeal.screened(), family.changes(child=True), further.screened()]
    world.hears(*log)
    case_id = derived_id("case", appeal.id)
    case = world.after(world.shown(case_id), "assessment", "plan")
    referral = Referral(family, case_id)
    log += [referral.says(ReferralRequested), referral.says(ReferralExpired)]
    world.hears(*log)
    before = snapshot(world, case["id"])
    world.hears(*log)
    for each in log:
        world.hears(each)
    assert snapshot(world, case["id"]) == before
    assert all(data_of(each.event()) for each in log)
