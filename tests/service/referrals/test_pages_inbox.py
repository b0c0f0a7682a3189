"""The partner's inbox: what an agency sees and does on pages. What a command may do is told in test_agency.py."""

from __future__ import annotations

import pytest

from shared.ui.forms import RESTORE_FIELD
from tests.service.referrals.browser import Browser, form_on, forms_on, seen, went_to
from tests.service.referrals.world import HEALTH, POLICE, WORKER, Intake, World, fresh

INBOX = "/referrals/inbox"
FIELDS = {
    "name": "Айгүл <b>Сериковна</b>",
    "birth_date": "1989-04-07",
    "phone": "+77010000001",
    "address": {"kato": "710000000", "line": "Абай 1"},
    "language": "kk",
    "iin": None,
    "need": "She needs a doctor.",
    "danger": {"life": True, "child": False, "domestic_violence": None},
}


@pytest.fixture
def agency(world: World) -> Browser:
    return Browser(world, HEALTH)


def one(referral: dict, do: str | None = None) -> str:
    return f"{INBOX}/{referral['id']}" + (f"?do={do}" if do else "")


def client(referral: dict) -> str:
    return f"{INBOX}/{referral['id']}/client"


def client_lines(world: World, family_id: str) -> list[tuple[str, str]]:
    lines = world.service.store.access_log.find(family_id, {}, 20)
    return [(line["actor"], line["subject"]) for line in lines if line["what"] == "client"]


def test_the_inbox_shows_what_waits_for_the_agency(world: World):
    name = f"agency-{fresh()}"
    agency = Browser(world, name)
    assert "Nothing waits for your agency" in seen(agency.get(INBOX))
    case = world.case()
    waiting, working, ended = world.asked(case), world.asked(case, "accept"), world.asked(case, "reject")
    referrals = world.service.store.referrals.collection
    referrals.update_many({"case_id": case.id}, {"$set": {"agency_id": name}})
    for query, shown in [
        ("", {0, 1}),
        ("?show=answer", {0}),
        ("?show=carry-out", {1}),
        ("?show=ended", {2}),
        ("?state=requested", {0}),
    ]:
        page = seen(agency.get(INBOX + query))
        assert {n for n, each in enumerate((waiting, working, ended)) if each["id"] in page} == shown, query
    page = seen(agency.get(INBOX))
    for secret in (case.family_id, case.person_id, WORKER):
        assert secret not in page
    line = world.service.store.access_log.find(case.family_id, {}, 1)[0]
    assert (line["what"], line["actor"], line["role"]) == ("inbox", name, "partner")


def test_one_referral_is_for_its_agency_alone(world: World, agency: Browser):
    case = world.case()
    referral = world.asked(case, reason="<i>A doctor</i>", disclose=["name", "phone"])
    page = seen(agency.get(one(referral)))
    assert "&lt;i&gt;A doctor" in page
    assert "name, telephone" in page
    for secret in (case.family_id, case.person_id, WORKER):
        assert secret not in page
    seen(Browser(world, POLICE).get(one(referral)), 404)
    seen(Browser(world, WORKER).get(one(referral)), 403)
    seen(
        Browser(world, POLICE).post(
            one(referral, "accept"), form_on(agency.get(one(referral)), one(referral, "accept"))
        ),
        404,
    )


def test_the_whole_way_by_pages(world: World, agency: Browser):
    referral = world.asked(world.case())
    accept = form_on(agency.get(one(referral)), one(referral, "accept"))
    went_to(agency.post(one(referral, "accept"), accept))
    assert went_to(agency.post(one(referral, "accept"), accept)) == one(referral)  # sent twice
    went_to(agency.send(one(referral), one(referral, "start")))
    hold = one(referral, "hold")
    assert 'href="#note"' in seen(agency.send(hold, hold), 422)
    went_to(agency.send(hold, hold, note="The doctor is away."))
    went_to(agency.send(one(referral), one(referral, "resume")))
    complete = one(referral, "complete")
    wrong = agency.send(complete, complete, result__given_on="31.02.2026", result__summary="Treated.")
    assert 'href="#result.given_on"' in seen(wrong, 422)
    assert form_on(wrong, complete)["result.summary"] == "Treated."
    early = agency.send(complete, complete, result__given_on="01.01.2099", result__summary="Treated.")
    assert "May not lie in the future." in seen(early, 422)
    went_to(agency.send(complete, complete, result__given_on="16.03.2026", result__summary="Treated."))
    state = world.saved(referral).state
    assert (state.state, state.result.summary) == ("completed", "Treated.")
    assert [change.state for change in state.history] == [
        "requested", "accepted", "in-progress", "on-hold", "in-progress", "completed",
    ]  # fmt: skip
    page = seen(agency.get(one(referral)))
    assert "?do=" not in page
    assert "Treated." in page


@pytest.mark.parametrize(("command", "before"), [("reject", ()), ("fail", ("accept",))])
def test_a_refusal_has_a_reason(world: World, agency: Browser, command: str, before: tuple[str, ...]):
    referral = world.asked(world.case(), *before)
    path = one(referral, command)
    answer = agency.send(path, path, note="No doctor.")
    assert 'href="#reason_code"' in seen(answer, 422)
    assert form_on(answer, path)["note"] == "No doctor."
    went_to(agency.send(path, path, reason_code="no-capacity", note="No doctor."))
    assert world.saved(referral).state.history[-1].note == "No doctor."
    assert "No doctor." in seen(Browser(world, WORKER).get(f"/referrals/referrals/{referral['id']}"))


def test_a_colleague_was_faster(world: World, agency: Browser):
    referral = world.asked(world.case())
    path = one(referral, "reject")
    fields = {**form_on(agency.get(path), path), "reason_code": "other", "note": "No doctor."}
    world.do(referral, "accept")
    answer = agency.post(path, fields)
    assert "The agency accepted it" in seen(answer, 409)
    assert form_on(answer, path)["note"] == "No doctor."
    assert "Not possible in this state" in seen(agency.post(path, form_on(answer, path)), 409)
    accept = agency.post(one(referral, "accept"), {"_key": fresh(), "_version": str(referral["version"])})
    assert "does not need this any more" in seen(accept, 409)


def test_the_clients_fields_are_read_only_when_they_are_asked_for(
    world: World, agency: Browser, intake: Intake
):
    case = world.case()
    referral = world.asked(case, "accept", disclose=list(FIELDS))
    intake.answers(200, FIELDS)
    button = form_on(agency.get(one(referral)), f"{client(referral)}#client")
    assert went_to(agency.get(client(referral))) == one(referral)
    agency.client.head(client(referral), headers=agency.headers)
    seen(agency.post(client(referral), {**button, RESTORE_FIELD: "1"}))  # given back after a new log-in
    assert intake.asked == []
    assert client_lines(world, case.family_id) == []
    page = seen(agency.post(client(referral), button))
    assert "Айгүл &lt;b&gt;Сериковна&lt;/b&gt;" in page
    assert "07.04.1989" in page
    assert "+77010000001" in page
    assert "Абай 1" in page
    assert "danger to life or health" in page
    assert "domestic_violence" not in page
    assert client_lines(world, case.family_id) == [(HEALTH, referral["id"])]
    assert "Айгүл" not in seen(agency.get(one(referral)))


def test_the_clients_fields_are_shut(world: World, agency: Browser, intake: Intake):
    waiting = world.asked(world.case())
    assert f"{client(waiting)}#client" not in forms_on(agency.get(one(waiting)))
    assert "The fields are shut" in seen(agency.post(client(waiting), {}), 409)
    ended = world.asked(world.case(), "accept", "complete")
    assert "The fields are shut" in seen(agency.post(client(ended), {}), 409)
    working = world.asked(world.case(), "accept")
    intake.answers(403, {"type": "/problems/no-consent", "scopes": ["share:health"]})
    assert "does not consent now" in seen(agency.post(client(working), {}), 403)
    intake.answers(503)
    away = agency.post(client(working), {})
    assert "cannot be opened right now" in seen(away, 503)
    assert int(away.headers["Retry-After"]) >= 1
    assert f"{client(working)}#client" in forms_on(away)
    seen(Browser(world, POLICE).post(client(working), {}), 404)
    seen(Browser(world, WORKER).post(client(working), {}), 403)
