"""Registering an appeal: what is opened, what is refused, and what happens when it is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.calendar import Calendar
from tests.service.intake.world import (
    ALMATY,
    CONSENT,
    FAR,
    NO_DANGER,
    NOT_ASKED,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    fresh,
    items,
    line,
    now,
    somebody,
    without_iin,
)

CALENDAR = Calendar.load()


def test_an_appeal_opens_its_screening(world: World):
    appeal = world.comes()
    assert appeal["number"].startswith(f"71-1-{CALENDAR.today(now()).year}-")
    assert appeal["state"] == "registered"
    assert appeal["holder"] == WORKER
    assert items(appeal) == {"screening"}
    assert appeal["owner"] == {"kind": "staff", "id": WORKER}
    assert appeal["next_action"] == "screen"
    due = CALENDAR.add_working_days(now(), 3)
    assert appeal["due_at"] == due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (appeal["warnings"], appeal["differs"], appeal["restricted"]) == ([], [], False)
    assert world.names_of("appeals", appeal["id"]) == ["appeal-registered"]
    assert world.names_of("families", appeal["family_id"]) == ["family-members-changed"]
    assert world.names_of("persons", appeal["person_id"]) == ["consent-given"]


@pytest.mark.parametrize(
    ("danger", "consent", "opened", "rule"),
    [
        (NO_DANGER, CONSENT, {"screening"}, "screening"),
        ({**NO_DANGER, "life": True}, CONSENT, {"screening"}, "screening-urgent"),
        ({**NO_DANGER, "child": True}, CONSENT, {"screening", "notice-guardianship"}, "screening-urgent"),
        (VIOLENCE, CONSENT, {"screening", "notice-police", "notice-health"}, "screening-urgent"),
        (NOT_ASKED, {"given": None}, {"screening", "ask-danger", "ask-consent"}, "screening"),
        (NO_DANGER, {"given": False, "scopes": []}, {"screening", "ask-consent"}, "screening"),
        (NO_DANGER, {"given": True, "scopes": ["sms"]}, {"screening", "ask-consent"}, "screening"),
        ({**NO_DANGER, "life": None}, CONSENT, {"screening", "ask-danger"}, "screening"),
    ],
)
def test_what_is_open_follows_from_danger_and_consent(world: World, danger, consent, opened, rule):
    appeal = world.comes(danger=danger, consent=consent)
    assert items(appeal) == opened
    assert next(item["rule"] for item in appeal["open"] if item["item"] == "screening") == rule
    assert appeal["restricted"] == (danger["domestic_violence"] is True)
    assert appeal["danger"] == danger
    for item in appeal["open"]:
        if item["item"].startswith("notice-"):
            assert item["due_at"][:16] == (now() + timedelta(hours=24)).isoformat()[:16]


def test_the_screening_counts_from_the_day_on_which_a_paper_came(world: World):
    day = CALENDAR.today(now()) - timedelta(days=10)
    appeal = world.comes(received_on=day.isoformat())
    assert appeal["received_on"] == day.isoformat()
    due = CALENDAR.add_working_days(CALENDAR.at(day, CALENDAR.opens), 3)
    assert appeal["due_at"][:10] == due.isoformat()[:10]


def test_warnings_do_not_refuse(world: World):
    person = somebody(iin="850101300124", birth_date="1985-01-02", sex="female")
    assert world.comes(person)["warnings"] == ["iin-date-mismatch", "iin-sex-mismatch"]


TOMORROW = (CALENDAR.today(now()) + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"applicant": somebody(no_iin_reason="refused")}, "applicant.no_iin_reason"),
        ({"applicant": somebody(iin=None)}, "applicant.iin"),
        ({"applicant": somebody(iin="123456789012")}, "applicant.iin"),
        ({"applicant": somebody(iin="991231100001")}, "applicant.iin"),
        ({"applicant": somebody(birth_date=None)}, "applicant.birth_date"),
        ({"applicant": without_iin(birth_date=None)}, "applicant.birth_date"),
        ({"applicant": somebody(birth_year=1980)}, "applicant.birth_year"),
        ({"applicant": somebody(birth_date=TOMORROW)}, "applicant.birth_date"),
        ({"applicant": somebody(phone="87172123456")}, "applicant.phone"),
        ({"applicant": somebody(family_name=" \n ")}, "applicant.family_name"),
        ({"applicant": somebody(given_name="А\u202eб")}, "applicant.given_name"),
        ({"applicant": somebody(sex=None)}, "applicant.sex"),
        ({"applicant": somebody(address={"kato": "990000000"})}, "applicant.address.kato"),
        ({"applicant": somebody(surname="x")}, "applicant.surname"),
        ({"center_id": "center-71-99"}, "center_id"),
        ({"channel": "pigeon"}, "channel"),
        ({"grounds": ["sadness"]}, "grounds.0"),
        ({"danger": {"life": True, "child": True}}, "danger.domestic_violence"),
        ({"need": "x" * 4001}, "need"),
        ({"received_on": TOMORROW}, "received_on"),
        ({"consent": {"given": False, "scopes": ["sms"]}}, "consent.scopes"),
        ({"consent": {"given": True, "scopes": ["share:circus"]}}, "consent.scopes.0"),
        ({"consent": {**CONSENT, "signed_at": "2999-01-01T00:00:00Z"}}, "consent.signed_at"),
        ({"safe_contact": {"sms": "maybe"}}, "safe_contact.sms"),
        (
            {"safe_contact": {"sms": "yes", "hours": {"from": "18:00", "to": "18:00"}}},
            "safe_contact.hours.to",
        ),
        ({"household": [{"relation": "child", "family_name": "Ом"}]}, "household.0.given_name"),
        ({"household": [line(somebody(), "cousin")]}, "household.0.relation"),
        ({"source": {"agency_id": "agency-of-nobody"}}, "source.agency_id"),
        ({"match": {"new": False}}, "match.new"),
        ({"match": {"person_id": fresh(), "new": True}}, "match.person_id"),
        ({"match": {"person_id": fresh()}}, "match.person_id"),
        ({"mood": "bad"}, "mood"),
        ({"safe_contact": None}, "safe_contact"),
    ],
)
def test_refused_by_name(world: World, changes, field):
    answer = world.send("appeals", world.body(**changes), key=fresh())
    assert answer.status_code == 422, answer.json
    assert field in answer.json["errors"], answer.json["errors"]


def test_phones_are_normalised_and_texts_trimmed(world: World):
    person = somebody(phone="8 (701) 123-45-67", patronymic="  Иванович ")
    seen = world.sees(f"persons/{world.comes(person)['person_id']}")
    assert seen["phone"] == "+77011234567"
    assert seen["patronymic"] == "Иванович"
    assert seen["safe_contact"] == {"sms": "unknown", "hours": None, "code_word": None}


def test_a_year_stands_for_a_birth_date_without_an_iin(world: World):
    person = world.comes(without_iin(birth_date=None, birth_year=1971))["person_id"]
    seen = world.sees(f"persons/{person}")
    assert (seen["birth_year"], seen["birth_date"], seen["no_iin_reason"]) == (1971, None, "documents-lost")


def test_only_for_ones_own_center(world: World):
    assert world.send("appeals", world.body(center_id=ALMATY), key=fresh()).status_code == 403


def test_the_same_request_again_gives_the_same_appeal(world: World):
    key, body = fresh(), world.body()
    first = world.send("appeals", body, key=key)
    world.does(f"appeals/{first.json['id']}/screening", {"outcome": "redirect", "note": "…"})
    again = world.send("appeals", body, key=key)
    assert (again.status_code, again.json["id"]) == (201, first.json["id"])
    assert again.json["state"] == "closed"
    assert again.headers["ETag"] == f'"{again.json["version"]}"'
    other = world.send("appeals", world.body(), key=key)
    assert (other.status_code, other.json["type"]) == (422, "/problems/key-reused")
    assert world.send("appeals", body).status_code == 400


def test_the_same_key_of_somebody_else_is_another_appeal(world: World):
    key = fresh()
    mine = world.send("appeals", world.body(), key=key).json
    hers = world.send("appeals", world.body(), SUPERVISOR, key=key).json
    assert mine["id"] != hers["id"]


def test_a_known_answer_comes_before_who_is_it(world: World):
    """The person that the first request made is not a candidate when it is sent again."""
    key, body = fresh(), world.body(without_iin())
    first = world.send("appeals", body, key=key)
    again = world.send("appeals", body, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["id"] == again.json["id"]


def test_nobody_else_reads_it(world: World):
    appeal = world.comes()
    for path in (
        f"appeals/{appeal['id']}",
        f"families/{appeal['family_id']}",
        f"persons/{appeal['person_id']}",
    ):
        assert world.get(path).status_code == 200
        assert world.get(path, FAR).status_code == 404
        for nobody in (
            "regional.astana",
            "national",
            "auditor",
            "partner.health.astana",
            "registry-family-map",
        ):
            assert world.get(path, nobody).status_code == 403
        assert world.get(path.rsplit("/", 1)[0] + f"/{fresh()}").status_code == 404


def test_each_reading_has_its_line_in_the_access_log(world: World):
    appeal = world.comes()
    family = appeal["family_id"]
    before = len(world.lines_of(family))
    world.sees(f"appeals/{appeal['id']}")
    world.sees(f"families/{family}")
    world.sees(f"persons/{appeal['person_id']}")
    world.get("appeals", family_id=family)
    lines = world.lines_of(family)[before:]
    assert {line["what"] for line in lines} == {"appeal", "family", "person", "appeals"}
    assert {(line["actor"], line["role"]) for line in lines} == {(WORKER, "worker")}
    world.get(f"families/{family}", FAR)
    assert len(world.lines_of(family)) == before + 4


def test_the_list_is_filtered_and_paged(world: World):
    person = somebody()
    ids = [world.comes(person)["id"] for _ in range(3)]
    family = world.sees(f"appeals/{ids[0]}")["family_id"]
    page = world.get("appeals", family_id=family, limit=2).json
    assert [appeal["id"] for appeal in page["items"]] == [ids[2], ids[1]]
    rest = world.get("appeals", family_id=family, limit=2, cursor=page["next"])
    assert [appeal["id"] for appeal in rest.json["items"]] == [ids[0]]
    assert rest.json["next"] is None
    assert world.get("appeals", FAR, family_id=family).json["items"] == []
    assert world.get("appeals", FAR, center_id="center-71-1").json["items"] == []
    assert world.get("appeals", family_id=family, state="closed").json["items"] == []
    assert len(world.get("appeals", holder="me", family_id=family).json["items"]) == 3
    assert world.get("appeals", cursor="?").status_code == 422
    assert world.get("appeals", mood="bad").status_code == 422
