"""What falls due."""

from __future__ import annotations

from datetime import timedelta

from services.casework.clock import schedule, tick
from tests.service.casework.world import done


def test_what_is_overdue_is_raised_and_told(world):
    case = world.case()
    saved = world.saved(case)
    due = saved.state.open[0].due_at
    collection = world.service.store.cases.collection
    assert collection.find_one({"_id": case["id"]})["wake_at"] == due

    tick(world.service, case["id"], due - timedelta(seconds=1))
    assert world.saved(case).version == saved.version
    tick(world.service, case["id"], due)
    tick(world.service, case["id"], due)
    after = world.saved(case)
    assert (after.version, after.state.open[0].raised) == (saved.version + 1, 1)
    told = world.told(case["id"])[-1]
    assert (told.type, told.data["items"], told.data["actor"]) == (
        "kz.birtereze.casework.case-overdue.v1",
        ["assess"],
        "system",
    )
    assert collection.find_one({"_id": case["id"]})["wake_at"] > due
    done(world.do(world.shown(case["id"]), "assessment"))


def test_the_worker_s_clock_looks_after_cases(world):
    plan = schedule(world.service)
    assert plan.stores == [world.service.store.cases]
    plan.tick(world.service.store.cases, world.case()["id"], world.now())
