"""Who is it? The same person, somebody close, somebody hidden, a survivor and whom she names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.intake.world import (
    ALMATY,
    ASTANA,
    FAR,
    FAR_SUPERVISOR,
    NO_DANGER,
    SAME,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    another_iin,
    at_once,
    fresh,
    items,
    line,
    name,
    somebody,
    without_iin,
)

LATIN = {"family_name": "Qurmangazy", "given_name": "Aigerim"}
CYRILLIC = {"family_name": "Құрманғазы", "given_name": "Әйгерім"}


# The same IIN -------------------------------------------------------------------------------------


def test_the_same_iin_is_the_same_person_and_family(world: World):
    person = somebody()
    first, second = world.comes(person), world.comes(person, SECOND)
    assert first["id"] != second["id"]
    assert (first["person_id"], first["family_id"]) == (second["person_id"], second["family_id"])
    assert (second["holder"], second["differs"]) == (SECOND, [])


def test_another_center_finds_the_family_and_may_read_it_from_then_on(world: World):
    person = somebody()
    first = world.comes(person)
    assert world.get(f"families/{first['family_id']}", FAR).status_code == 404
    second = world.comes(person, FAR)
    assert second["person_id"] == first["person_id"]
    assert world.sees(f"families/{first['family_id']}", FAR)["center_ids"] == [ASTANA, ALMATY]
    assert world.get(f"appeals/{first['id']}", FAR).status_code == 200


@pytest.mark.parametrize("round", range(3))
def test_a_race_of_one_iin_makes_one_person_and_one_family(world: World, round: int):
    person = somebody()
    answers = at_once(
        *(
            lambda who=who: world.send("appeals", world.body(person, who), who, key=fresh())
            for who in (WORKER, SECOND, FAR, SUPERVISOR)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json["id"] for answer in answers}) == 4
    assert len({answer.json["person_id"] for answer in answers}) == 1
    assert len({answer.json["family_id"] for answer in answers}) == 1
    assert world.intake.store.persons.collection.count_documents({"iin": person["iin"]}) == 1
    family = world.intake.store.families.get(answers[0].json["family_id"])
    assert family.state.file_version == family.version == 4
    assert len(family.state.members) == 1
    assert world.intake.store.persons.collection.count_documents({"family_id": family.id}) == 1


def test_a_race_of_one_request_makes_one_appeal(world: World):
    body, key = world.body(), fresh()
    answers = at_once(*(lambda: world.send("appeals", body, key=key) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json["id"] for answer in answers}) == 1
    family = answers[0].json["family_id"]
    assert world.intake.store.appeals.collection.count_documents({"family_id": family}) == 1


# Coming again -------------------------------------------------------------------------------------


def test_blanks_are_filled_and_what_differs_is_listed(world: World):
    person = somebody(phone="+77011234567")
    first = world.comes(person, safe_contact={"sms": "yes", "hours": {"from": "09:00", "to": "18:00"}})
    again = {**person, "phone": "+77770000000", "patronymic": "Ивановна", "language": "kk"}
    second = world.comes(
        again,
        safe_contact={"sms": "no", "hours": {"from": "10:00", "to": "20:00"}, "code_word": "ромашка"},
        consent={"given": True, "scopes": ["processing", "share:health"]},
    )
    assert second["person_id"] == first["person_id"]
    assert second["differs"] == ["phone", "language", "safe_contact.hours"]
    seen = world.sees(f"persons/{first['person_id']}")
    assert (seen["phone"], seen["language"], seen["patronymic"]) == ("+77011234567", "ru", "Ивановна")
    assert seen["safe_contact"] == {
        "sms": "no",
        "hours": {"from": "10:00", "to": "18:00"},
        "code_word": "ромашка",
    }
    assert [consent["scope"] for consent in seen["consents"]] == ["processing", "sms", "share:health"]
    told = world.told("persons", first["person_id"])
    assert [envelope.type.split(".")[3] for envelope in told] == [
        "consent-given",
        "person-changed",
        "consent-given",
    ]
    assert told[1].data["fields"] == ["patronymic", "safe_contact"]
    assert told[2].data["scopes"] == ["share:health"]


def test_safe_contact_is_never_loosened_by_an_appeal(world: World):
    person = somebody()
    first = world.comes(person, safe_contact={"sms": "no"})
    second = world.comes(person, safe_contact={"sms": "yes"})
    assert second["differs"] == ["safe_contact.sms"]
    assert world.sees(f"persons/{first['person_id']}")["safe_contact"]["sms"] == "no"


def test_an_appeal_raises_the_danger_and_never_lowers_it(world: World):
    person = somebody()
    first = world.comes(person, danger={**NO_DANGER, "child": True})
    second = world.comes(person, danger={**NO_DANGER, "life": True})
    assert second["danger"] == {"life": True, "child": True, "domestic_violence": False}
    assert second["differs"] == ["danger.child"]
    assert items(second) == {"screening"}
    assert world.sees(f"appeals/{first['id']}")["danger"] == second["danger"]
    told = world.told("families", first["family_id"])[-1]
    assert told.type.split(".")[3] == "family-danger-changed"
    assert told.data["previous"] == {"life": False, "child": True, "domestic_violence": False}
    assert told.data["file_version"] == 2


# Somebody close -----------------------------------------------------------------------------------


def candidates(
    world: World, person: dict[str, Any], who: str = WORKER, **changes: Any
) -> list[dict[str, Any]]:
    answer = world.send("appeals", world.body(person, who, **changes), who, key=fresh())
    assert answer.status_code == 409, answer.json
    assert answer.json["type"] == "/problems/possible-duplicate"
    return answer.json["candidates"]


def test_somebody_with_the_same_names_and_birth_date_is_a_candidate(world: World):
    known = without_iin(**CYRILLIC, patronymic="Серікқызы", phone="+77011112233")
    first = world.comes(known)
    again = {**known, **LATIN, "patronymic": "Сериковна"}
    (candidate,) = candidates(world, again)
    assert candidate["person_id"] == first["person_id"]
    assert candidate["score"] == 1.0
    assert candidate["reasons"] == [
        "same-family-name",
        "same-given-name",
        "same-birth-date",
        "same-patronymic",
        "same-phone",
    ]
    assert world.lines_of(first["family_id"])[-1]["what"] == "candidates"
    it_is = world.comes(again, match={"person_id": first["person_id"]})
    assert (it_is["person_id"], it_is["differs"]) == (first["person_id"], [])
    nobody = world.comes(again, match={"new": True})
    assert nobody["person_id"] != first["person_id"]
    assert nobody["family_id"] != first["family_id"]


def test_a_year_is_less_than_a_date(world: World):
    known = without_iin()
    first = world.comes(known)
    year = {**known, "birth_year": int(known["birth_date"][:4])}
    del year["birth_date"]
    (candidate,) = candidates(world, year)
    assert candidate["person_id"] == first["person_id"]
    assert candidate["reasons"] == ["same-family-name", "same-given-name", "same-birth-year"]
    assert candidate["score"] == 0.6


def test_not_born_on_the_same_day_or_with_another_iin_is_nobody_close(world: World):
    known = somebody()
    world.comes(known)
    world.comes({**somebody(), "family_name": known["family_name"], "given_name": known["given_name"]})
    assert world.comes({**known, "iin": another_iin(known)})["person_id"]


def test_a_match_gives_somebody_his_missing_iin(world: World):
    known = without_iin()
    first = world.comes(known)
    person = {**known, "iin": another_iin(known)}
    del person["no_iin_reason"]
    assert [one["person_id"] for one in candidates(world, person)] == [first["person_id"]]
    second = world.comes(person, match={"person_id": first["person_id"]})
    assert second["person_id"] == first["person_id"]
    seen = world.sees(f"persons/{first['person_id']}")
    assert (seen["iin"], seen["no_iin_reason"]) == (person["iin"], None)
    assert world.comes(person)["person_id"] == first["person_id"]


def test_a_match_that_contradicts_the_iin_is_refused(world: World):
    one, another = somebody(), somebody()
    first, second = world.comes(one), world.comes(another)
    for person, chosen in ((one, second), (somebody(), first)):
        answer = world.send(
            "appeals", world.body(person, match={"person_id": chosen["person_id"]}), key=fresh()
        )
        assert answer.status_code == 422
        assert "match.person_id" in answer.json["errors"]


def test_candidates_are_only_of_files_that_the_caller_may_read(world: World):
    known = without_iin()
    first = world.comes(known)
    assert world.comes(known, FAR)["person_id"] != first["person_id"]
    answer = world.send(
        "appeals", world.body(known, FAR, match={"person_id": first["person_id"]}), FAR, key=fresh()
    )
    assert answer.status_code == 422


# A restricted file --------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [SECOND, FAR, FAR_SUPERVISOR])
@pytest.mark.parametrize("made", [somebody, without_iin])
def test_a_restricted_file_is_never_matched_shown_or_changed(world: World, who: str, made):
    person = made()
    first = world.comes(person, danger=VIOLENCE)
    file = f"families/{first['family_id']}"
    before = world.intake.store.persons.get(first["person_id"])
    second = world.comes({**person, "phone": "+77011234567"}, who)
    assert second["person_id"] != first["person_id"]
    assert second["family_id"] != first["family_id"]
    assert (second["differs"], second["restricted"]) == ([], False)
    assert world.get(file, who).status_code == 404
    assert world.intake.store.persons.get(first["person_id"]) == before
    # who holds it is told, and acknowledges it
    seen = world.sees(file)
    assert SAME in items(seen)
    assert [sighting["person_id"] for sighting in seen["sightings"]] == [first["person_id"]]
    assert world.names_of("families", first["family_id"])[-1] == "same-person-found"
    done = world.does(f"{file}/same-person", {"note": "Это она, переехала."})
    assert SAME not in items(done)
    assert done["sightings"] == []
    assert world.names_of("families", first["family_id"])[-1] == "same-person-acknowledged"
    answer = world.send(f"{file}/same-person", {"note": "…"}, version=done["version"])
    assert (answer.status_code, answer.json["allowed"]) == (409, [])


def test_who_may_read_it_finds_it(world: World):
    person = somebody()
    first = world.comes(person, danger=VIOLENCE)
    assert world.comes(person)["person_id"] == first["person_id"]
    assert world.comes(person, SUPERVISOR)["person_id"] == first["person_id"]


def test_a_second_person_with_the_iin_is_one_person_too_under_a_race(world: World):
    person = somebody()
    hidden = world.comes(person, danger=VIOLENCE)
    answers = at_once(
        *(
            lambda who=who: world.send("appeals", world.body(person, who), who, key=fresh())
            for who in (FAR, FAR_SUPERVISOR, SECOND)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 3
    people = {answer.json["person_id"] for answer in answers}
    assert len(people) == 1
    assert hidden["person_id"] not in people
    assert world.comes(person, FAR)["person_id"] in people
    assert world.comes(person)["person_id"] == hidden["person_id"]


def test_a_restricted_file_is_not_in_the_list_of_others(world: World):
    appeal = world.comes(danger=VIOLENCE)
    family = appeal["family_id"]
    for who, shown in ((WORKER, 1), (SUPERVISOR, 1), (SECOND, 0), (FAR, 0)):
        assert len(world.get("appeals", who, family_id=family).json["items"]) == shown
        ids = {one["id"] for one in world.get("appeals", who, limit=200).json["items"]}
        assert (appeal["id"] in ids) == bool(shown)


def test_who_held_it_once_does_not_see_it_in_the_list(world: World):
    appeal = world.comes(danger=VIOLENCE)
    world.does(f"appeals/{appeal['id']}/assign", {"holder": SECOND, "reason": "отпуск"}, SUPERVISOR)
    for path in (f"appeals/{appeal['id']}", f"families/{appeal['family_id']}"):
        assert world.get(path).status_code == 404
        assert world.get(path, SECOND).status_code == 200
    ids = {one["id"] for one in world.get("appeals", limit=200).json["items"]}
    assert appeal["id"] not in ids


# The household ------------------------------------------------------------------------------------


def test_household_lines_join_the_applicants_family(world: World):
    mother, child, spouse = somebody(), somebody(), without_iin()
    appeal = world.comes(mother, household=[line(child, "child"), line(spouse)])
    members = world.sees(f"families/{appeal['family_id']}")["members"]
    assert [(member["n"], member["relation"]) for member in members] == [
        (1, "applicant"),
        (2, "child"),
        (3, "spouse"),
    ]
    assert members[0]["person_id"] == appeal["person_id"]
    assert members[1]["name"] == f"{child['family_name']} {child['given_name']}"
    assert members[1]["birth_date"] == child["birth_date"]
    again = world.comes(child)
    assert (again["person_id"], again["family_id"]) == (members[1]["person_id"], appeal["family_id"])
    # named again, nobody is there twice
    world.comes(mother, household=[line(child, "child"), line(spouse)])
    assert len(world.sees(f"families/{appeal['family_id']}")["members"]) == 3


def test_nobody_is_moved_out_of_another_family(world: World):
    sister, brother = somebody(), somebody()
    hers = world.comes(sister)
    his = world.comes(brother, household=[line(sister, "sibling")])
    entry = world.sees(f"families/{his['family_id']}")["members"][1]
    assert (entry["person_id"], entry["alleged_abuser"]) == (None, False)
    assert entry["name"] == f"{sister['family_name']} {sister['given_name']}"
    assert world.comes(sister)["family_id"] == hers["family_id"]
    assert len(world.sees(f"families/{hers['family_id']}")["members"]) == 1


def test_a_line_of_somebody_hidden_looks_like_one_of_nobody_known(world: World):
    survivor, husband = somebody(), somebody()
    hers = world.comes(survivor, danger=VIOLENCE)
    his = world.comes(husband, FAR, household=[line(survivor, "spouse")])
    entry = world.sees(f"families/{his['family_id']}", FAR)["members"][1]
    assert entry["person_id"] is not None
    assert entry["person_id"] != hers["person_id"]
    assert SAME in items(world.sees(f"families/{hers['family_id']}"))
    # and her IIN does not lead into his file
    elsewhere = world.comes(survivor, FAR)
    assert elsewhere["family_id"] not in (his["family_id"], hers["family_id"])
    chosen = world.comes(survivor, FAR, match={"person_id": entry["person_id"]})
    assert chosen["family_id"] != his["family_id"]


# An alleged abuser --------------------------------------------------------------------------------


def test_an_alleged_abuser_is_an_entry_and_not_a_person(world: World):
    survivor, abuser = somebody(), somebody()
    appeal = world.comes(survivor, danger=VIOLENCE, household=[line(abuser, alleged_abuser=True)])
    entry = world.sees(f"families/{appeal['family_id']}")["members"][1]
    assert (entry["person_id"], entry["alleged_abuser"], entry["relation"]) == (None, True, "spouse")
    assert world.intake.store.persons.collection.count_documents({"iin": abuser["iin"]}) == 0
    # named again without it he stays what he is
    world.comes(survivor, household=[line(abuser)])
    assert world.sees(f"families/{appeal['family_id']}")["members"][1:] == [entry]
    # he who comes himself gets a family of his own
    his = world.comes(abuser)
    assert his["family_id"] != appeal["family_id"]
    assert [member["relation"] for member in world.sees(f"families/{his['family_id']}")["members"]] == [
        "applicant"
    ]


@pytest.mark.parametrize("known_by", ["iin", "names"])
def test_if_he_was_there_first_she_gets_a_family_of_her_own(world: World, known_by: str):
    abuser, survivor, child, other = somebody(), somebody(), somebody(), somebody()
    his = world.comes(
        abuser, household=[line(survivor), line(child, "child", phone="+77011234567"), line(other, "child")]
    )
    file = f"families/{his['family_id']}"
    before = world.get(file)
    members = before.json["members"]
    people = [world.sees(f"persons/{member['person_id']}") for member in members]

    named = line(abuser, alleged_abuser=True)
    if known_by == "names":
        named = {field: named[field] for field in ("relation", "alleged_abuser", "family_name", "given_name")}
    hers = world.comes(
        survivor, SECOND, danger=VIOLENCE, household=[named, {**line(child, "child"), "iin": child["iin"]}]
    )
    assert hers["family_id"] != his["family_id"]
    assert hers["restricted"]
    own = world.sees(f"families/{hers['family_id']}", SECOND)
    assert [member["alleged_abuser"] for member in own["members"]] == [False, True, False]
    assert not {member["person_id"] for member in own["members"] if member["person_id"]} & {
        member["person_id"] for member in members
    }
    # his shows nothing of it
    after = world.get(file)
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])
    assert [world.sees(f"persons/{member['person_id']}") for member in members] == people
    assert [one["id"] for one in world.get("appeals", family_id=his["family_id"]).json["items"]] == [
        his["id"]
    ]
    # her IIN, the child's and the person in his file lead to her from now on, for those who may read hers
    assert world.comes(survivor, SECOND)["family_id"] == hers["family_id"]
    assert world.comes(child, SECOND)["family_id"] == hers["family_id"]
    chosen = world.comes(survivor, SECOND, match={"person_id": members[1]["person_id"]})
    assert chosen["family_id"] == hers["family_id"]
    # and for the others to nobody: least of all into his file
    for who in (WORKER, FAR):
        assert world.comes(survivor, who)["family_id"] not in (his["family_id"], hers["family_id"])
    # he himself, and the child whom she did not name, are where they were
    assert world.comes(abuser)["family_id"] == his["family_id"]
    assert world.comes(other)["family_id"] == his["family_id"]


def test_a_survivor_without_an_iin_gets_a_family_of_her_own_too(world: World):
    abuser, survivor = somebody(), without_iin()
    his = world.comes(abuser, household=[line(survivor)])
    (candidate,) = candidates(world, survivor, household=[line(abuser, alleged_abuser=True)])
    hers = world.comes(
        survivor,
        danger=VIOLENCE,
        household=[line(abuser, alleged_abuser=True)],
        match={"person_id": candidate["person_id"]},
    )
    assert hers["family_id"] != his["family_id"]
    assert [one["person_id"] for one in candidates(world, survivor)] == [hers["person_id"]]
    assert world.comes(survivor, SECOND)["family_id"] not in (his["family_id"], hers["family_id"])


@pytest.mark.parametrize("corrected", [False, True])
def test_a_survivor_who_left_without_her_iin_gets_it_later(world: World, corrected: bool):
    abuser, survivor = somebody(), somebody()
    his = world.comes(abuser, household=[line(survivor)])
    in_his = world.sees(f"families/{his['family_id']}")["members"][1]["person_id"]
    unknown = {**survivor, "no_iin_reason": "documents-lost"}
    del unknown["iin"]
    named = [line(abuser, alleged_abuser=True)]
    hers = world.comes(unknown, danger=VIOLENCE, household=named, match={"person_id": in_his})
    assert hers["family_id"] != his["family_id"]
    if corrected:
        world.does(f"persons/{hers['person_id']}", {"iin": survivor["iin"]}, method="PATCH")
    # by her IIN she is found where she is now, and the number is hers too
    again = world.comes(survivor, danger=VIOLENCE)
    assert (again["person_id"], again["differs"]) == (hers["person_id"], [])
    assert world.sees(f"persons/{hers['person_id']}")["iin"] == survivor["iin"]
    assert world.sees(f"persons/{in_his}")["iin"] == survivor["iin"]


def test_names_that_nobody_has_are_nobodys(world: World):
    person = without_iin(family_name="李", given_name="明")
    assert world.comes(person)["person_id"] != world.comes({**person, "given_name": name()})["person_id"]
    assert world.comes(person)["person_id"]
