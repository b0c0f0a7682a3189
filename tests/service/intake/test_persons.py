"""Correcting a person, and consents."""

from __future__ import annotations

import pytest

from tests.service.intake.world import (
    FAR,
    SAME,
    SECOND,
    VIOLENCE,
    World,
    another_iin,
    fresh,
    items,
    line,
    somebody,
    without_iin,
)


def patch(world: World, id: str, changes: dict, who: str = "worker.astana") -> dict:
    return world.does(f"persons/{id}", changes, who, method="PATCH")


def refused(world: World, id: str, changes: dict, who: str = "worker.astana"):
    version = world.intake.store.persons.get(id).version
    return world.send(f"persons/{id}", changes, who, version=version, method="PATCH")


def test_a_correction_is_a_merge_patch(world: World):
    person = somebody(
        phone="+77011234567", patronymic="Ивановна", address={"kato": "711110000", "line": "ул. 1"}
    )
    id = world.comes(person, safe_contact={"sms": "yes", "code_word": "ромашка"})["person_id"]
    seen = patch(
        world,
        id,
        {
            "given_name": "Мария",
            "patronymic": None,
            "phone": "8 777 000 00 00",
            "address": {"line": "ул. 2"},
            "safe_contact": {"sms": "no", "hours": {"from": "10:00", "to": "12:00"}},
        },
        SECOND,
    )
    assert (seen["given_name"], seen["patronymic"], seen["phone"]) == ("Мария", None, "+77770000000")
    assert seen["family_name"] == person["family_name"]
    assert seen["address"] == {"kato": "711110000", "line": "ул. 2"}
    hours = {"from": "10:00", "to": "12:00"}
    assert seen["safe_contact"] == {"sms": "no", "hours": hours, "code_word": "ромашка"}
    event = world.told("persons", id)[-1]
    assert event.type.split(".")[3] == "person-changed"
    assert event.data["fields"] == ["given_name", "patronymic", "phone", "address", "safe_contact"]
    assert "Мария" not in str(event)
    looser = patch(world, id, {"safe_contact": {"sms": "yes", "hours": None}, "phone": None, "address": None})
    assert looser["safe_contact"] == {"sms": "yes", "hours": None, "code_word": "ромашка"}
    assert (looser["phone"], looser["address"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"family_name": None}, "family_name"),
        ({"family_name": ""}, "family_name"),
        ({"iin": None}, "iin"),
        ({"phone": "123"}, "phone"),
        ({"no_iin_reason": "refused"}, "no_iin_reason"),
        ({"address": {"line": "x"}}, "address.kato"),
        ({"safe_contact": {"sms": None}}, "safe_contact.sms"),
        ({"consents": []}, "consents"),
        ({"id": fresh()}, "id"),
    ],
)
def test_what_a_correction_may_not_do(world: World, changes: dict, field: str):
    answer = refused(world, world.comes()["person_id"], changes)
    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_a_corrected_name_is_found(world: World):
    known, other = without_iin(), without_iin()
    id = world.comes(known)["person_id"]
    patch(world, id, {"family_name": other["family_name"], "given_name": other["given_name"]})
    answer = world.send("appeals", world.body({**other, "birth_date": known["birth_date"]}), key=fresh())
    assert [one["person_id"] for one in answer.json["candidates"]] == [id]


def test_a_missing_iin_is_added_once(world: World):
    person = without_iin()
    first = world.comes(person)
    iin = another_iin(person)
    seen = patch(world, first["person_id"], {"iin": iin})
    assert (seen["iin"], seen["no_iin_reason"]) == (iin, None)
    answer = refused(world, first["person_id"], {"iin": somebody()["iin"]})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["iin"])
    assert patch(world, first["person_id"], {"iin": iin})["iin"] == iin
    again = somebody(iin=iin, birth_date=person["birth_date"])
    assert world.comes(again)["person_id"] == first["person_id"]


def test_an_iin_that_somebody_has_is_a_possible_duplicate(world: World):
    person, known = without_iin(), somebody()
    first, other, far = world.comes(person), world.comes(known), world.comes(who=FAR)
    answer = refused(world, first["person_id"], {"iin": known["iin"]})
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/possible-duplicate")
    assert answer.json["candidates"] == [
        {"person_id": other["person_id"], "score": 1.0, "reasons": ["same-iin"]}
    ]
    theirs = world.sees(f"persons/{far['person_id']}", FAR)["iin"]
    answer = refused(world, first["person_id"], {"iin": theirs})
    assert (answer.status_code, answer.json["candidates"]) == (409, [])


def test_an_iin_of_somebody_hidden_is_taken_and_leads_nowhere(world: World):
    survivor, person = somebody(), without_iin()
    hers, his = world.comes(survivor, danger=VIOLENCE), world.comes(person, FAR)
    assert patch(world, his["person_id"], {"iin": survivor["iin"]}, FAR)["iin"] == survivor["iin"]
    assert SAME in items(world.sees(f"families/{hers['family_id']}"))
    assert world.comes(survivor, FAR)["person_id"] not in (his["person_id"], hers["person_id"])
    assert world.comes(survivor)["person_id"] == hers["person_id"]


# Consents -----------------------------------------------------------------------------------------


def test_consents_are_given_and_withdrawn(world: World):
    appeal = world.comes(consent={"given": None})
    id = appeal["person_id"]
    seen = world.does(
        f"persons/{id}/consents", {"scopes": ["processing", "sms"], "signed_at": "2026-01-05T04:00:00Z"}
    )
    assert [(one["scope"], one["withdrawn_at"]) for one in seen["consents"]] == [
        ("processing", None),
        ("sms", None),
    ]
    assert seen["consents"][0]["given_at"] == "2026-01-05T04:00:00.000Z"
    assert items(world.sees(f"appeals/{appeal['id']}")) == {"screening"}
    seen = world.does(f"persons/{id}/consents/withdraw", {"scopes": ["sms", "statistics"]})
    assert [one["scope"] for one in seen["consents"] if one["withdrawn_at"]] == ["sms"]
    seen = world.does(f"persons/{id}/consents", {"scopes": ["sms"]})
    assert [one["scope"] for one in seen["consents"] if not one["withdrawn_at"]] == ["processing", "sms"]
    assert len(seen["consents"]) == 3
    told = [(event.type.split(".")[3], event.data["scopes"]) for event in world.told("persons", id)]
    assert told == [
        ("consent-given", ["processing", "sms"]),
        ("consent-withdrawn", ["sms"]),
        ("consent-given", ["sms"]),
    ]


def test_a_refusal_is_an_answer(world: World):
    appeal = world.comes(consent={"given": False})
    seen = world.does(f"persons/{appeal['person_id']}/consents", {"refused": True})
    assert (seen["consents"], seen["refused_at"] is None) == ([], False)
    assert items(world.sees(f"appeals/{appeal['id']}")) == {"screening"}
    assert world.names_of("appeals", appeal["id"])[-1] == "appeal-items-changed"
    event = world.told("persons", appeal["person_id"])[-1]
    assert (event.type.split(".")[3], event.data["scopes"]) == ("consent-withdrawn", [])


def test_a_consent_to_something_else_is_no_answer(world: World):
    appeal = world.comes(consent={"given": None})
    world.does(f"persons/{appeal['person_id']}/consents", {"scopes": ["statistics"]})
    assert "ask-consent" in items(world.sees(f"appeals/{appeal['id']}"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scopes": []},
        {"scopes": ["sms"], "refused": True},
        {"refused": False},
        {"scopes": ["share:circus"]},
        {"scopes": ["sms"], "signed_at": "2999-01-01T00:00:00Z"},
    ],
)
def test_an_answer_that_says_nothing_is_refused(world: World, body: dict):
    id = world.comes()["person_id"]
    assert world.send(f"persons/{id}/consents", body, version=1).status_code == 422


def test_persons_of_others_are_not_there(world: World):
    id = world.comes(household=[line(somebody(), "child")])["person_id"]
    assert world.send(f"persons/{id}", {"phone": None}, FAR, version=1, method="PATCH").status_code == 404
    assert world.send(f"persons/{id}/consents", {"refused": True}, FAR, version=1).status_code == 404
