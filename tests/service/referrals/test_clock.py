"""The clock: late agencies are chased, what is never answered expires, and an answer at the last moment counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from services.referrals.clock import schedule, tick
from tests.service.referrals.world import HEALTH, WORKER, World, done, refused


def wake_at(world: World, referral: dict) -> datetime | None:
    return world.service.store.referrals.collection.find_one({"_id": referral["id"]})["wake_at"]


def run(world: World, referral: dict, until: datetime) -> None:
    """What the worker's clock does: look when it is time, until then."""
    while (at := wake_at(world, referral)) is not None and at <= until:
        tick(world.service, referral["id"], at)


def items(world: World, referral: dict) -> dict[str, int]:
    return {item.item: item.raised for item in world.saved(referral).state.open}


@pytest.mark.parametrize("priority", ["routine", "urgent", "danger"])
def test_from_the_request_to_its_expiry(world: World, priority: str):
    referral = world.asked(world.case(), priority=priority)
    state = world.saved(referral).state
    due = state.open[0].due_at
    tick(world.service, referral["id"], due - timedelta(milliseconds=1))
    assert world.saved(referral).version == 1
    run(world, referral, due)
    assert items(world, referral) == {"answer": 1, "chase": 0}
    shown = done(world.get(WORKER, f"referrals/{referral['id']}"))
    assert {item["item"]: item["owner"]["kind"] for item in shown["open"]} == {
        "answer": "agency",
        "chase": "staff",
    }
    run(world, referral, state.expires_at)
    assert items(world, referral) == {"choose-another": 0}
    shown = done(world.get(WORKER, f"referrals/{referral['id']}"))
    assert (shown["state"], shown["next_action"], shown["owner"]["id"]) == (
        "expired",
        "choose-another",
        WORKER,
    )
    assert shown["history"][-1]["actor"] == "system"
    assert shown["history"][-1]["at"].startswith(state.expires_at.strftime("%Y-%m-%dT%H:%M"))
    last = world.told(referral)[-1]
    assert last.type == "kz.birtereze.referrals.referral-expired.v1"
    refused(world.do(shown, "accept"), 409, "wrong-state")
    done(world.do(shown, "acknowledge"))
    assert wake_at(world, referral) is None


def test_late_work_is_chased(world: World):
    referral = world.asked(world.case(), "accept", priority="danger")
    run(world, referral, world.saved(referral).state.open[0].due_at)
    assert items(world, referral) == {"carry-out": 1, "chase": 0}
    overdue = world.told(referral)[-1].event()
    assert (overdue.items, overdue.state) == (("carry-out",), "accepted")
    done(world.do({**referral, "version": 3}, "complete"))
    assert items(world, referral) == {}


def test_the_clock_comes_to_an_end(world: World):
    """It raises what nobody does as often as the policy says, and then is silent."""
    referral = world.asked(world.case())
    run(world, referral, world.now() + timedelta(days=400))
    assert world.saved(referral).state.state == "expired"
    assert wake_at(world, referral) is None
    told = len(world.told(referral))
    tick(world.service, referral["id"], world.now() + timedelta(days=800))
    assert len(world.told(referral)) == told


def test_the_worker_looks_after_it(world: World):
    assert list(schedule(world.service).stores) == [world.service.store.referrals]
    tick(world.service, "no-such-referral", world.now())


def test_two_of_one_agency_accept_at_once_and_one_wins(world: World):
    referral = world.asked(world.case())
    logins = [HEALTH, "partner.health.astana"] * 3
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda login: world.do(referral, "accept", login), logins))
    statuses = sorted(each.status_code for each in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {409, 412}
    assert [each.type.split(".")[3] for each in world.told(referral)] == [
        "referral-requested",
        "referral-accepted",
    ]


def test_accept_and_reject_at_once(world: World):
    for _ in range(5):
        referral = world.asked(world.case())
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(world.do, [referral] * 2, ["accept", "reject"]))
        assert sorted(each.status_code for each in answers)[0] == 200
        assert sorted(each.status_code for each in answers)[1] in (409, 412)
        assert len(world.told(referral)) == 2


def test_expiry_and_acceptance_at_once(world: World):
    outcomes = set()
    for turn in range(8):
        referral = world.asked(world.case())
        late = world.saved(referral).state.expires_at
        calls = [
            lambda referral=referral: world.do(referral, "accept"),
            lambda referral=referral, late=late: tick(world.service, referral["id"], late),
        ]
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(call) for call in (calls if turn % 2 else calls[::-1])]
            results = [each.result() for each in waiting]
        answer = next(each for each in results if each is not None)
        saved = world.saved(referral)
        outcomes.add(saved.state.state)
        assert answer.status_code == (200 if saved.state.state == "accepted" else 412)
        assert set(items(world, referral)) == {
            "carry-out" if saved.state.state == "accepted" else "choose-another"
        }
        assert len(world.told(referral)) == 2
    assert outcomes <= {"accepted", "expired"}
