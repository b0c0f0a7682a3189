"""A family's danger, its members, its notices, and who holds its file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.intake.clock import schedule
from services.intake.use_cases.appeals import appeal_has_case
from services.intake.use_cases.families import file_assigned
from shared.events import CaseAssigned, CaseOpened
from tests.service.intake.world import (
    FAR,
    NO_DANGER,
    NOT_ASKED,
    OPEN_CASE,
    SAME,
    SCREENED,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    at_once,
    case_event,
    envelope,
    fresh,
    items,
    line,
    now,
    somebody,
    told,
)


def says(danger: dict, **changes) -> dict:
    return {**danger, "reason": "Рассказала соседка.", **changes}


# Danger -------------------------------------------------------------------------------------------


def test_whoever_may_read_it_raises_the_danger(world: World):
    appeal = world.comes(danger=NOT_ASKED)
    file = f"families/{appeal['family_id']}"
    after = world.does(f"{file}/danger", says({**NOT_ASKED, "child": True}), SECOND)
    assert after["danger"] == {"life": None, "child": True, "domestic_violence": None}
    assert (after["restricted"], after["open"]) == (False, [])
    seen = world.sees(f"appeals/{appeal['id']}")
    assert items(seen) == {"screening", "ask-danger", "notice-guardianship"}
    assert seen["danger"] == after["danger"]
    screening = next(item for item in seen["open"] if item["item"] == "screening")
    assert screening["rule"] == "screening-urgent"
    event = world.told("families", appeal["family_id"])[-1]
    assert (event.type.split(".")[3], event.data["file_version"]) == (
        "family-danger-changed",
        after["version"],
    )
    changed = world.told("appeals", appeal["id"])[-1]
    assert (changed.data["opened"], changed.data["done"]) == (["notice-guardianship"], [])
    assert changed.data["file_version"] == after["version"]
    # raised again it asks for nothing more; asked for all, nobody has to ask any more
    world.does(f"{file}/danger", says({"life": False, "child": True, "domestic_violence": False}))
    assert items(world.sees(f"appeals/{appeal['id']}")) == {"screening", "notice-guardianship"}


def test_domestic_violence_restricts_the_file_at_once(world: World):
    appeal = world.comes()
    file = f"families/{appeal['family_id']}"
    assert world.get(file, SECOND).status_code == 200
    after = world.does(f"{file}/danger", says(VIOLENCE))
    assert after["restricted"]
    for path in (file, f"appeals/{appeal['id']}", f"persons/{appeal['person_id']}"):
        assert world.get(path, SECOND).status_code == 404
        assert world.get(path, SUPERVISOR).status_code == 200
    assert world.sees(f"appeals/{appeal['id']}")["restricted"]
    assert world.get("appeals", SECOND, family_id=appeal["family_id"]).json["items"] == []
    assert items(world.sees(f"appeals/{appeal['id']}")) == {"screening", "notice-police", "notice-health"}


def test_closed_appeals_are_restricted_too(world: World):
    person = somebody()
    old = world.comes(person)
    world.does(f"appeals/{old['id']}/screening", SCREENED)
    world.comes(person, danger=VIOLENCE)
    assert world.sees(f"appeals/{old['id']}")["restricted"]
    ids = {one["id"] for one in world.get("appeals", SECOND, limit=200).json["items"]}
    assert old["id"] not in ids


def test_only_a_supervisor_lowers_it_and_the_notices_stay(world: World):
    appeal = world.comes(danger=VIOLENCE)
    file = f"families/{appeal['family_id']}"
    assert world.send(f"{file}/danger", says(NO_DANGER), version=1).status_code == 403
    # not asked is not lowered
    world.does(f"{file}/danger", says(NOT_ASKED))
    assert world.sees(file)["restricted"]
    after = world.does(f"{file}/danger", says(NO_DANGER), SUPERVISOR)
    assert (after["danger"], after["restricted"]) == (NO_DANGER, False)
    assert items(world.sees(f"appeals/{appeal['id']}", SECOND)) == {
        "screening",
        "notice-police",
        "notice-health",
    }


def test_a_notice_finds_its_place_when_no_appeal_is_open(world: World):
    appeal = world.comes()
    family = appeal["family_id"]
    world.does(f"appeals/{appeal['id']}/screening", SCREENED)
    after = world.does(f"families/{family}/danger", says(VIOLENCE))
    assert items(after) == {"notice-police", "notice-health"}
    assert after["owner"] == {"kind": "staff", "id": WORKER}
    assert world.sees(f"appeals/{appeal['id']}")["open"] == []
    assert items(world.does(f"families/{family}/notices", told("police"))) == {"notice-health"}
    event = world.told("families", family)[-1]
    assert (event.type.split(".")[3], event.data["body"]) == ("family-notice-given", "police")
    answer = world.send(f"families/{family}/notices", told("police"), version=3)
    assert answer.status_code == 422
    # raised when it is overdue
    store = world.intake.store.families
    due = store.get(family).state.open[0].due_at
    schedule(world.intake).tick(store, family, due)
    assert world.sees(f"families/{family}")["open"][0]["raised"] == 1
    assert world.names_of("families", family)[-1] == "family-overdue"
    assert items(world.does(f"families/{family}/notices", told("health"), SUPERVISOR)) == set()


def test_the_newest_open_appeal_gets_the_notices(world: World):
    person = somebody()
    first, second = world.comes(person), world.comes(person)
    world.does(f"families/{first['family_id']}/danger", says(VIOLENCE))
    assert items(world.sees(f"appeals/{first['id']}")) == {"screening"}
    assert items(world.sees(f"appeals/{second['id']}")) == {"screening", "notice-police", "notice-health"}


@pytest.mark.parametrize("round", range(5))
def test_no_appeal_of_a_restricted_family_stays_readable_under_a_race(world: World, round: int):
    person = somebody()
    family = world.comes(person)["family_id"]
    version = world.intake.store.families.get(family).version
    registered, raised = at_once(
        lambda: world.send("appeals", world.body(person, SECOND), SECOND, key=fresh()),
        lambda: world.send(f"families/{family}/danger", says(VIOLENCE), version=version),
    )
    assert registered.status_code == 201
    if raised.status_code == 412:
        world.does(f"families/{family}/danger", says(VIOLENCE))
    found = list(world.intake.store.appeals.collection.find({"family_id": family}))
    assert found
    assert all(appeal["restricted"] for appeal in found)


def test_danger_is_told_once_for_one_key(world: World):
    appeal = world.comes()
    path, key = f"families/{appeal['family_id']}/danger", fresh()
    first = world.send(path, says(VIOLENCE), version=1, key=key)
    again = world.send(path, says(VIOLENCE), version=1, key=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json["version"] == again.json["version"] == 2
    assert world.intake.store.appeals.get(appeal["id"]).version == 2


# Members ------------------------------------------------------------------------------------------


def change(world: World, family: str, body: dict, who: str = WORKER) -> dict:
    return world.does(f"families/{family}/members", {**body, "reason": "Уточнили."}, who)


def refused(world: World, family: str, body: dict) -> dict:
    version = world.intake.store.families.get(family).version
    answer = world.send(f"families/{family}/members", {**body, "reason": "…"}, version=version)
    assert answer.status_code == 422, answer.json
    return answer.json["errors"]


def test_members_are_added_changed_and_removed(world: World):
    appeal = world.comes()
    family, child = appeal["family_id"], somebody()
    added = change(world, family, {"add": line(child, "child")}, SECOND)
    assert [member["n"] for member in added["members"]] == [1, 2]
    id = added["members"][1]["person_id"]
    assert world.sees(f"persons/{id}")["iin"] == child["iin"]
    event = world.told("families", family)[-1]
    assert event.data["member_ids"] == [appeal["person_id"], id]
    changed = change(world, family, {"change": {"n": 2, "relation": "ward"}})
    assert changed["members"][1]["relation"] == "ward"
    removed = change(world, family, {"remove": {"n": 2}})
    assert [member["n"] for member in removed["members"]] == [1]
    # numbers are never used again, and who comes himself belongs to it again
    assert [member["n"] for member in change(world, family, {"add": line(somebody())})["members"]] == [1, 3]
    again = world.comes(child)
    assert (again["person_id"], again["family_id"]) == (id, family)
    assert [member["person_id"] for member in world.sees(f"families/{family}")["members"]][2] == id


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"remove": {"n": 1}}, "remove.n"),
        ({"remove": {"n": 9}}, "remove.n"),
        ({"change": {"n": 9, "relation": "child"}}, "change.n"),
        ({"change": {"n": 1, "alleged_abuser": True}}, "change.alleged_abuser"),
        ({}, "add"),
        ({"remove": {"n": 1}, "change": {"n": 1}}, "add"),
    ],
)
def test_what_cannot_be_done_with_members(world: World, body: dict, field: str):
    assert field in refused(world, world.comes()["family_id"], body)


def test_an_alleged_abuser_is_added_as_an_entry_unless_he_is_a_person_of_the_family(world: World):
    spouse, stranger = somebody(), somebody()
    family = world.comes(household=[line(spouse)])["family_id"]
    added = change(world, family, {"add": line(stranger, "other", alleged_abuser=True)})
    assert (added["members"][2]["person_id"], added["members"][2]["alleged_abuser"]) == (None, True)
    assert "add.alleged_abuser" in refused(world, family, {"add": line(spouse, alleged_abuser=True)})
    cleared = change(world, family, {"change": {"n": 3, "alleged_abuser": False}})
    assert not cleared["members"][2]["alleged_abuser"]


def test_adding_somebody_hidden_tells_only_the_holder(world: World):
    survivor = somebody()
    hers = world.comes(survivor, danger=VIOLENCE)
    his = world.comes(who=FAR)
    added = change(world, his["family_id"], {"add": line(survivor)}, FAR)
    assert added["members"][1]["person_id"] is not None
    assert SAME in items(world.sees(f"families/{hers['family_id']}"))


# Who holds it -------------------------------------------------------------------------------------


def assigned(appeal: dict, case_id: str, number: int, holder: str, at=None):
    event = CaseAssigned(
        family_id=appeal["family_id"],
        person_id=appeal["person_id"],
        center_id=appeal["center_id"],
        actor=SUPERVISOR,
        occurred_at=at or now(),
        holder=holder,
        open=(),
        number="71-1-2026-000001",
        state="assessment",
        restricted=False,
        previous_holder=WORKER,
    )
    return envelope(event, case_id, number)


def test_the_file_is_its_cases_holders(world: World):
    appeal = world.comes(danger=VIOLENCE)
    family, case = appeal["family_id"], fresh()
    world.does(f"appeals/{appeal['id']}/screening", OPEN_CASE)
    opened = case_event(CaseOpened, appeal, case, 1, holder=SECOND)
    file_assigned(world.intake, opened)
    file = world.sees(f"families/{family}", SECOND)
    assert (file["holder"], file["case_id"]) == (SECOND, case)
    event = world.told("families", family)[-1]
    assert (event.type.split(".")[3], event.data["previous_holder"]) == ("family-assigned", WORKER)
    later = assigned(appeal, case, 2, WORKER)
    file_assigned(world.intake, later)
    version = world.intake.store.families.get(family).version
    for cause in (opened, later, opened):
        file_assigned(world.intake, cause)
    file = world.intake.store.families.get(family)
    assert (file.state.holder, file.version) == (WORKER, version)
    assert file.state.file_version == file.version
    # a late word of an older case does not take it back
    file_assigned(world.intake, assigned(appeal, fresh(), 5, SECOND, now() - timedelta(days=30)))
    assert world.intake.store.families.get(family).state.holder == WORKER
    # from now on it does not go with the appeal
    world.does(f"appeals/{appeal['id']}/assign", {"holder": SECOND, "reason": "…"}, SUPERVISOR)
    assert world.intake.store.families.get(family).state.holder == WORKER


def test_who_holds_something_of_a_restricted_family_elsewhere_may_read_it(world: World):
    appeal = world.comes(danger=VIOLENCE)
    path = f"families/{appeal['family_id']}"
    assert world.get(path, SECOND).status_code == 404
    world.intake.store.files.apply([case_event(CaseOpened, appeal, fresh(), 1, holder=SECOND)])
    assert world.get(path, SECOND).status_code == 200


def test_who_is_done_with_a_restricted_family_does_not_read_it_any_more(world: World):
    appeal = world.comes(danger={**NO_DANGER, "domestic_violence": True})
    for body in ("police", "health"):
        world.does(f"appeals/{appeal['id']}/notices", told(body))
    world.does(f"appeals/{appeal['id']}/screening", OPEN_CASE)
    opened = case_event(CaseOpened, appeal, fresh(), holder=SECOND)
    world.intake.store.files.apply([opened])
    file_assigned(world.intake, opened)
    assert world.get(f"appeals/{appeal['id']}").status_code == 200  # it still waits for its case
    appeal_has_case(world.intake, opened)
    assert world.get(f"appeals/{appeal['id']}").status_code == 404
    assert world.sees(f"appeals/{appeal['id']}", SECOND)["holder"] == WORKER
