"""Commands on an appeal, and how it is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.intake.clock import schedule
from services.intake.use_cases.appeals import appeal_has_case
from shared.events import AppealAttached, CaseOpened
from tests.service.intake.world import (
    FAR,
    NO_DANGER,
    NOT_ASKED,
    OPEN_CASE,
    SCREENED,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    case_event,
    fresh,
    items,
    now,
    told,
)


@pytest.mark.parametrize("outcome", ["consultation", "redirect", "not-needed"])
def test_an_appeal_that_needs_nothing_more_is_closed(world: World, outcome: str):
    appeal = world.comes()
    done = world.does(f"appeals/{appeal['id']}/screening", {**SCREENED, "outcome": outcome})
    assert (done["state"], done["outcome"], done["open"]) == ("closed", outcome, [])
    assert (done["owner"], done["next_action"], done["due_at"]) == (None, None, None)
    assert done["holder"] == WORKER
    assert world.names_of("appeals", appeal["id"]) == [
        "appeal-registered",
        "appeal-screened",
        "appeal-closed",
    ]
    assert all(event.data["open"] == [] for event in world.told("appeals", appeal["id"])[1:])
    for command, body in (("screening", SCREENED), ("notices", told())):
        answer = world.send(f"appeals/{appeal['id']}/{command}", body, version=done["version"])
        assert (answer.status_code, answer.json["allowed"]) == (409, [])


def test_it_stays_open_until_everything_is_done(world: World):
    appeal = world.comes(danger=VIOLENCE, consent={"given": None})
    path = f"appeals/{appeal['id']}"
    screened = world.does(f"{path}/screening", SCREENED)
    assert screened["state"] == "screened"
    assert items(screened) == {"ask-consent", "notice-police", "notice-health"}
    assert items(world.does(f"{path}/notices", told("police"))) == {"ask-consent", "notice-health"}
    assert items(world.does(f"{path}/notices", told("health"))) == {"ask-consent"}
    world.does(f"persons/{appeal['person_id']}/consents", {"scopes": ["processing"]})
    closed = world.sees(path)
    assert (closed["state"], closed["outcome"]) == ("closed", "consultation")
    assert [notice["body"] for notice in closed["notices"]] == ["police", "health"]
    assert world.names_of("appeals", appeal["id"])[-2:] == ["appeal-items-changed", "appeal-closed"]


def test_notices_can_be_given_before_the_screening(world: World):
    appeal = world.comes(danger=VIOLENCE)
    given = world.does(f"appeals/{appeal['id']}/notices", told("health"))
    assert (given["state"], items(given)) == ("registered", {"screening", "notice-police"})
    event = world.told("appeals", appeal["id"])[-1]
    assert (event.data["body"], event.data["how"]) == ("health", "phone")
    assert "reference" not in event.data


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (told("guardianship"), "body"),
        (told("nobody"), "body"),
        (told(told_at=(now() + timedelta(hours=1)).isoformat()), "told_at"),
        (told(how="pigeon"), "how"),
    ],
)
def test_a_notice_that_makes_no_sense_is_refused(world: World, body: dict, field: str):
    appeal = world.comes(danger=VIOLENCE)
    answer = world.send(f"appeals/{appeal['id']}/notices", body, version=1)
    assert answer.status_code == 422
    assert field in answer.json["errors"]


@pytest.mark.parametrize("kind", [CaseOpened, AppealAttached])
def test_screened_to_open_case_it_waits_for_its_case(world: World, kind):
    appeal = world.comes(consent={"given": None})
    screened = world.does(f"appeals/{appeal['id']}/screening", OPEN_CASE)
    assert (screened["state"], items(screened)) == ("screened", {"ask-consent", "case-opening"})
    opening = next(item for item in screened["open"] if item["item"] == "case-opening")
    assert (opening["next_action"], opening["owner"]["id"]) == ("await-case", WORKER)
    case_id = fresh()
    cause = case_event(kind, appeal, case_id)
    appeal_has_case(world.intake, cause)
    known = world.sees(f"appeals/{appeal['id']}")
    assert (known["state"], known["case_id"], items(known)) == ("screened", case_id, {"ask-consent"})
    world.does(f"persons/{appeal['person_id']}/consents", {"refused": True})
    closed = world.sees(f"appeals/{appeal['id']}")
    assert (closed["state"], closed["open"]) == ("closed", [])
    event = world.told("appeals", appeal["id"])[-1]
    assert (event.data["outcome"], event.data["case_id"]) == ("open-case", case_id)
    # delivered again, or late, it changes nothing
    appeal_has_case(world.intake, cause)
    appeal_has_case(world.intake, case_event(AppealAttached, appeal, case_id, 1))
    assert world.intake.store.appeals.get(appeal["id"]).version == closed["version"]


def test_a_case_of_an_unknown_appeal_changes_nothing(world: World):
    appeal = {**world.comes(), "id": fresh()}
    appeal_has_case(world.intake, case_event(CaseOpened, appeal, fresh()))
    assert world.intake.store.appeals.find(appeal["id"]) is None


def test_supervisors_assign_to_their_own_staff(world: World):
    appeal = world.comes(danger=VIOLENCE)
    path = f"appeals/{appeal['id']}/assign"
    body = {"holder": SECOND, "reason": "Отпуск."}
    assert world.send(path, body, version=1).status_code == 403
    for nobody in (FAR, "somebody.else"):
        answer = world.send(path, {**body, "holder": nobody}, SUPERVISOR, version=1)
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["holder"])
    assigned = world.does(path, body, SUPERVISOR)
    assert assigned["holder"] == SECOND
    assert {item["owner"]["id"] for item in assigned["open"]} == {SECOND}
    event = world.told("appeals", appeal["id"])[-1]
    assert (event.data["previous_holder"], event.data["holder"]) == (WORKER, SECOND)
    # the file goes with it, until a case has it
    family = world.sees(f"families/{appeal['family_id']}", SECOND)
    assert family["holder"] == SECOND
    assert world.names_of("families", appeal["family_id"])[-1] == "family-assigned"


def test_who_may_read_but_does_not_hold_may_not_act(world: World):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}/screening"
    assert world.send(path, SCREENED, SECOND, version=1).status_code == 403
    assert world.send(path, SCREENED, FAR, version=1).status_code == 404
    assert world.send(path, SCREENED, SUPERVISOR, version=1).status_code == 200


def test_commands_need_the_version_that_was_seen(world: World):
    appeal = world.comes(danger=NOT_ASKED)
    path, key = f"appeals/{appeal['id']}/screening", fresh()
    assert world.send(path, SCREENED).status_code == 428
    assert world.send(path, SCREENED, version=7).status_code == 412
    done = world.send(path, SCREENED, version=1, key=key)
    assert (done.status_code, done.headers["ETag"]) == (200, '"2"')
    again = world.send(path, SCREENED, version=1, key=key)
    assert (again.status_code, again.json["version"]) == (200, 2)
    other = world.send(path, {**SCREENED, "note": "x"}, version=2, key=key)
    assert (other.status_code, other.json["type"]) == (422, "/problems/key-reused")
    wrong = world.send(path, SCREENED, version=2)
    assert (wrong.status_code, wrong.json["allowed"]) == (409, ["assign", "notices"])


def test_overdue_items_are_raised_once_a_level(world: World):
    appeal = world.comes(danger=NO_DANGER)
    store = world.intake.store.appeals
    tick = schedule(world.intake).tick
    due = store.get(appeal["id"]).state.open[0].due_at
    assert store.collection.find_one({"_id": appeal["id"]})["wake_at"] == due
    tick(store, appeal["id"], due - timedelta(seconds=1))
    assert store.get(appeal["id"]).version == 1
    tick(store, appeal["id"], due)
    raised = world.sees(f"appeals/{appeal['id']}")
    assert raised["open"][0]["raised"] == 1
    event = world.told("appeals", appeal["id"])[-1]
    assert (event.type.split(".")[3], event.data["items"]) == ("appeal-overdue", ["screening"])
    tick(store, appeal["id"], due)
    assert store.get(appeal["id"]).version == 2
    assert store.collection.find_one({"_id": appeal["id"]})["wake_at"] > due
    world.does(f"appeals/{appeal['id']}/screening", SCREENED)
    assert store.collection.find_one({"_id": appeal["id"]})["wake_at"] is None


def test_breaches_are_counted(world: World):
    assert world.intake.store.breaches() == 0
    appeal = world.comes()
    collection = world.intake.store.appeals.collection
    kept = collection.find_one({"_id": appeal["id"]})
    for broken in ({"open": []}, {"open.0.owner.id": ""}, {"open.0.due_at": None}, {"holder": ""}):
        collection.update_one({"_id": appeal["id"]}, {"$set": broken})
        assert world.intake.store.breaches() == 1
        collection.replace_one({"_id": appeal["id"]}, kept)
    assert world.intake.store.breaches() == 0
