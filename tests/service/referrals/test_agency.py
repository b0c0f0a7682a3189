"""What the partner agency sees and does, and what it never sees."""

from __future__ import annotations

import json

import pytest

from services.referrals.domain.referral import BY_AGENCY
from tests.service.referrals.world import HEALTH, POLICE, SUPERVISOR, WORKER, World, done, fresh, refused


def test_the_agency_sees_it_without_the_family_and_the_holder(world: World):
    case = world.case()
    referral = world.asked(case)
    shown = done(world.get(HEALTH, f"referrals/{referral['id']}"))
    hidden = {"person_id", "family_id", "holder", "acknowledged"}
    assert set(referral) - set(shown) == hidden
    assert shown["reason"] == referral["reason"]
    assert set(referral["allowed"]) == {"accept", "reject", "cancel"}
    assert set(shown["allowed"]) == {"accept", "reject"}
    for secret in (case.person_id, case.family_id, WORKER):
        assert secret not in json.dumps(shown)


def test_what_staff_note_and_have_to_do_stays_among_them(world: World):
    late = world.asked(world.case(), priority="danger")
    world.service.store.referrals.tick(late["id"], _clock(world, late))
    shown = done(world.get(HEALTH, f"referrals/{late['id']}"))
    assert [item["item"] for item in shown["open"]] == ["answer"]
    assert shown["next_action"] == "answer"
    cancelled = done(
        world.do({**late, "version": 2}, "cancel", reason_code="other", note="He is her cousin.")
    )
    shown = done(world.get(HEALTH, f"referrals/{late['id']}"))
    assert "cousin" in json.dumps(cancelled)
    assert "cousin" not in json.dumps(shown)
    assert WORKER not in json.dumps(shown)
    assert [line["actor"] for line in shown["history"]] == ["center-71-1", "center-71-1"]


def _clock(world: World, referral: dict):
    from services.referrals.domain import referral as domain

    due = world.saved(referral).state.open[0].due_at
    return lambda state: domain.tick(state, now=due, deadlines=world.service.policy.deadlines)


def test_the_whole_way(world: World):
    referral = world.asked(world.case(1), measure=1)
    for command, state in [
        ("accept", "accepted"), ("start", "in-progress"), ("hold", "on-hold"), ("resume", "in-progress"),
        ("complete", "completed"),
    ]:  # fmt: skip
        referral = done(world.do(referral, command))
        assert referral["state"] == state
    assert referral["open"] == []
    assert referral["result"] == {"summary": "Treated.", "given_on": "2026-03-16", "condition": "home"}
    whole = done(world.get(WORKER, f"referrals/{referral['id']}"))
    assert [line["actor"] for line in whole["history"]] == [WORKER] + [HEALTH] * 5
    assert [line["note"] for line in whole["history"] if line["note"]] == ["The doctor is away."]
    completed = world.told(referral)[-1].event()
    assert (str(completed.given_on), completed.condition, completed.open) == ("2026-03-16", "home", ())


@pytest.mark.parametrize("command", ["reject", "fail"])
def test_a_refusal_has_a_reason(world: World, command: str):
    referral = world.asked(world.case(), *(["accept"] if command == "fail" else []))
    path = f"referrals/{referral['id']}/{command}"
    refused(world.post(HEALTH, path, version=referral["version"]), 422, "validation")
    refused(world.do(referral, command, reason_code="bad-mood"), 422, "validation")
    errors = refused(world.do(referral, command, reason_code="other"), 422, "validation")["errors"]
    assert set(errors) == {"note"}
    ended = done(world.do(referral, command, reason_code="other", note="The doctor has left."))
    assert ended["reason_code"] == "other"
    assert ended["open"] == []  # what there is to do is the holder's
    whole = done(world.get(WORKER, f"referrals/{referral['id']}"))
    assert [item["item"] for item in whole["open"]] == ["choose-another"]
    assert whole["history"][-1]["note"] == "The doctor has left."


def test_help_is_not_given_tomorrow(world: World):
    referral = world.asked(world.case(), "accept")
    problem = world.do(referral, "complete", result={"summary": "…", "given_on": "2999-01-01"})
    assert set(refused(problem, 422, "validation")["errors"]) == {"result.given_on"}


def test_a_command_out_of_turn_names_those_that_are_possible(world: World):
    referral = world.asked(world.case())
    assert set(refused(world.do(referral, "start"), 409, "wrong-state")["allowed"]) == {
        "accept",
        "reject",
        "cancel",
    }
    accepted = done(world.do(referral, "accept"))
    allowed = refused(world.do(accepted, "resume"), 409, "wrong-state")["allowed"]
    assert set(allowed) == {"start", "hold", "complete", "fail", "cancel"}


def test_another_agencys_referral_does_not_exist(world: World):
    referral = world.asked(world.case())
    path = f"referrals/{referral['id']}"
    refused(world.get(POLICE, path), 404, "not-found")
    refused(world.get(POLICE, f"{path}/client"), 404, "not-found")
    for command in BY_AGENCY:
        refused(world.do(referral, command, POLICE), 404, "not-found")
        refused(world.do({**referral, "id": fresh()}, command), 404, "not-found")
    assert world.saved(referral).version == 1


def test_each_side_has_its_own_commands(world: World):
    referral = world.asked(world.case())
    for command in BY_AGENCY:
        refused(world.do(referral, command, SUPERVISOR), 403, "forbidden")
    refused(world.do(referral, "cancel", HEALTH), 403, "forbidden")
    refused(world.do(referral, "acknowledge", HEALTH), 403, "forbidden")
    refused(world.ask(world.case(), HEALTH), 403, "forbidden")
    refused(world.get(HEALTH, "referrals"), 403, "forbidden")
    refused(world.get(WORKER, "inbox"), 403, "forbidden")
    refused(world.get(WORKER, f"referrals/{referral['id']}/client"), 403, "forbidden")


def test_the_inbox_is_the_agencys_own(world: World):
    waiting = world.asked(world.case())
    accepted = world.asked(world.case(), "accept")
    police = done(world.ask(world.case(), service_kind="police"), 201)

    def inbox(login: str, **query) -> set[str]:
        items = done(world.get(login, "inbox", limit=200, **query))["items"]
        assert all("family_id" not in item for item in items)
        return {item["id"] for item in items}

    assert {waiting["id"], accepted["id"]} <= inbox(HEALTH)
    assert inbox("partner.health.astana") == inbox(HEALTH)
    assert police["id"] not in inbox(HEALTH)
    assert police["id"] in inbox(POLICE)
    assert waiting["id"] in inbox(HEALTH, state="requested")
    assert accepted["id"] not in inbox(HEALTH, state="requested")
    refused(world.get(HEALTH, "inbox", state="lost"), 422, "validation")
    refused(world.get(HEALTH, "inbox", agency_id=POLICE), 422, "validation")
