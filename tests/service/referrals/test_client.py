"""The client's fields: through intake's door, for the agency that has accepted, and kept nowhere."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.referrals.queries import client_fields
from shared.access import Actor
from shared.refusals import NotFound
from tests.service.referrals.world import HEALTH, POLICE, Intake, World, done, refused

FIELDS = {
    "name": "Айгүл Сериковна",
    "phone": "+77010000001",
    "address": {"kato": "710000000", "line": "Абай 1"},
}
NAME = FIELDS["name"]


def client(world: World, referral: dict, login: str = HEALTH):
    return world.get(login, f"referrals/{referral['id']}/client")


def test_the_fields_come_as_intake_gives_them(world: World, intake: Intake):
    case = world.case()
    referral = world.asked(case, "accept")
    intake.answers(200, FIELDS)
    response = client(world, referral, "partner.health.astana")
    assert done(response) == FIELDS
    assert response.headers["Cache-Control"] == "no-store"
    assert intake.asked == [
        (
            f"/intake/v1/persons/{case.person_id}/disclosure",
            {
                "referral_id": referral["id"],
                "on_behalf_of": {"agency_id": HEALTH, "sub": "partner.health.astana"},
            },
        )
    ]
    line = world.service.store.access_log.find(case.family_id, {}, 1)[0]
    assert (line["what"], line["actor"], line["subject"]) == (
        "client",
        "partner.health.astana",
        referral["id"],
    )


@pytest.mark.parametrize("state", ["accepted", "in-progress", "on-hold"])
def test_open_while_the_agency_works(world: World, intake: Intake, state: str):
    commands = {"accepted": ["accept"], "in-progress": ["accept", "start"], "on-hold": ["accept", "hold"]}[
        state
    ]
    intake.answers(200, FIELDS)
    assert done(client(world, world.asked(world.case(), *commands))) == FIELDS


def test_shut_before_and_after(world: World, intake: Intake):
    case = world.case()
    refused(client(world, world.asked(case)), 409, "accept-first")
    for commands, allowed in (
        (["reject"], ["acknowledge"]), (["accept", "complete"], []), (["accept", "fail"], ["acknowledge"]),
    ):  # fmt: skip
        problem = refused(client(world, world.asked(case, *commands)), 409, "wrong-state")
        assert problem["allowed"] == allowed
    working = world.asked(case, "accept")
    world.hears(case.closes())
    refused(client(world, working), 409, "wrong-state")
    assert intake.asked == []


def test_staff_of_the_center_who_are_also_an_agency_open_only_what_was_sent_to_it(
    world: World, intake: Intake
):
    referral = world.asked(world.case(), "accept")
    both = Actor(
        sub="both", roles=frozenset({"supervisor", "partner"}), center_id="center-71-1", agency_id=POLICE
    )
    with pytest.raises(NotFound):
        client_fields(world.service, both, referral["id"])
    assert intake.asked == []


def test_without_consent_they_stay_shut(world: World, intake: Intake):
    intake.answers(403, {"type": "/problems/no-consent", "title": NAME, "scopes": ["share:health"]})
    problem = refused(client(world, world.asked(world.case(), "accept")), 403, "no-consent")
    assert problem["scopes"] == ["share:health"]
    assert NAME not in problem["title"]


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 500, 503])
def test_what_intake_does_not_know_yet_is_worth_another_try(world: World, intake: Intake, status: int):
    intake.answers(status, {"type": "/problems/other"})
    response = client(world, world.asked(world.case(), "accept"))
    refused(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("content", [b"<html>", b"[]", b""])
def test_an_answer_that_is_none(world: World, intake: Intake, content: bytes):
    intake.answers(200, content=content)
    refused(client(world, world.asked(world.case(), "accept")), 503, "unavailable")


def test_intake_is_gone(world: World):
    response = client(world, world.asked(world.case(), "accept"))
    refused(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) >= 1


def test_intake_is_slow_and_nobody_waits_behind_it(world: World, intake: Intake):
    """Four calls wait, at most for two seconds; the fifth is told at once, and everything else goes on."""
    referral = world.asked(world.case(), "accept")
    intake.may_answer.clear()
    with ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        waiting = [pool.submit(client, world, referral) for _ in range(4)]
        for _ in waiting:
            assert intake.arrived.acquire(timeout=5)
        response = client(world, referral)
        refused(response, 503, "unavailable")
        assert response.headers["Retry-After"] == "1"
        assert done(world.get(HEALTH, f"referrals/{referral['id']}"))["state"] == "accepted"
        assert not any(each.done() for each in waiting)
        for each in waiting:
            refused(each.result(timeout=10), 503, "unavailable")
        assert time.monotonic() - began < 6
    intake.may_answer.set()
    intake.answers(200, FIELDS)
    assert done(client(world, referral)) == FIELDS


def test_the_fields_are_kept_nowhere(world: World, intake: Intake, capfd: pytest.CaptureFixture):
    referral = world.asked(world.case(), "accept")
    intake.answers(200, FIELDS)
    done(client(world, referral))
    intake.answers(500, {"title": NAME})
    refused(client(world, referral), 503, "unavailable")
    for collection in world.service.store.database.list_collection_names():
        for document in world.service.store.database[collection].find():
            assert NAME not in repr(document)
            assert FIELDS["phone"] not in repr(document)
    said = "".join(capfd.readouterr())
    assert NAME not in said
    assert FIELDS["phone"] not in said
