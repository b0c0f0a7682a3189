"""Appeals and the search, as a person works with them."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.intake.domain.appeal import CHANNELS, HOW_TOLD, OUTCOMES, STATES
from services.intake.domain.danger import KINDS
from services.intake.domain.person import FACTS, SafeContact
from services.intake.schemas.commands import GROUNDS
from shared.ui import words
from tests.service.intake.world import (
    FAR,
    NO_DANGER,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    fresh,
    items,
    name,
    now,
    somebody,
)
from tests.tokens import token

LOCAL = "%d.%m.%Y %H:%M"


@pytest.fixture
def browser(world: World):
    """browser(path, who=…) → a page; with fields, the form sent there."""
    client = world.app.test_client(use_cookies=False)

    def open_page(
        path: str, fields: dict[str, Any] | None = None, who: str = WORKER, language: str = "en"
    ) -> TestResponse:
        headers = {
            "Cookie": f"bt_access={token(who)}; bt_language={language}",
            "Accept": "text/html",
            "Sec-Fetch-Site": "same-origin",
        }
        method = "GET" if fields is None else "POST"
        return client.open(f"/intake/{path}", method=method, data=fields, headers=headers)

    return open_page


def form_of(answer: TestResponse, name: str) -> dict[str, str]:
    """The hidden fields of one of the forms of an appeal's page."""
    for form in re.findall(r"<form.*?</form>", answer.text, re.S):
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        if hidden.get("_form") == name:
            return hidden
    raise AssertionError(f"no form {name}")


def forms_in(answer: TestResponse) -> set[str]:
    return set(re.findall(r'name="_form" value="(\w+)"', answer.text))


def value_of(answer: TestResponse, id: str) -> str:
    """What stands in a field."""
    area = re.search(rf'<textarea[^>]*id="{id}"[^>]*>([^<]*)<', answer.text)
    found = area or re.search(rf'<input[^>]*id="{id}"[^>]*value="([^"]*)"', answer.text)
    return unescape(found[1]).strip() if found else ""


def error_at(answer: TestResponse, id: str) -> str:
    found = re.search(rf'id="{id}-error"[^>]*>(.*?)</p>', answer.text, re.S)
    return unescape(re.sub(r"<[^>]*>", "", found[1])) if found else ""


# The list -----------------------------------------------------------------------------------------


def test_the_list_has_mine_and_for_a_supervisor_the_centers(world, browser):
    mine = world.comes(somebody(family_name=name()))
    others = world.comes(somebody(family_name=name()), who=SECOND)
    page = browser("appeals")
    assert page.status_code == 200
    assert mine["number"] in page.text
    assert others["number"] not in page.text
    page = browser("appeals", who=SUPERVISOR)
    assert mine["number"] in page.text
    assert others["number"] in page.text
    assert "First assessment of need" in page.text
    assert "waits for assessment" in page.text


def test_the_list_by_state_goes_on_where_it_ended(world, browser):
    first, second = world.comes(), world.comes()
    page = browser("appeals?state=registered&limit=1")
    assert second["number"] in page.text
    assert first["number"] not in page.text
    following = unescape(re.search(r'href="(/intake/appeals\?[^"]*cursor[^"]*)"', page.text)[1])
    assert "limit" not in following
    page = browser(following.removeprefix("/intake/"))
    assert first["number"] in page.text
    assert second["number"] not in page.text
    assert browser("appeals?state=lost").status_code == 422


def test_the_list_writes_who_was_on_it(world, browser):
    appeal = world.comes()
    browser("appeals", who=SUPERVISOR)
    line = world.lines_of(appeal["family_id"])[-1]
    assert (line["what"], line["actor"]) == ("appeals", SUPERVISOR)


# One appeal ---------------------------------------------------------------------------------------


def test_an_appeal_says_what_was_said_and_what_is_to_be_done(world, browser):
    person = somebody(family_name=name())
    appeal = world.comes(
        {**person, "phone": "+77011234567"},
        need="Нет жилья.\n<script>alert(1)</script>",
        danger={**NO_DANGER, "child": None},
        source={"agency_id": "agency-police-astana", "reference": "КУИ-4471"},
        consent={"given": None},
    )
    page = browser(f"appeals/{appeal['id']}")
    assert page.status_code == 200
    assert person["family_name"] in page.text
    assert "КУИ-4471" in page.text
    assert "not asked" in page.text
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert forms_in(page) == {"screening"}
    for place in (
        "#screening",
        f"/intake/persons/{appeal['person_id']}/consents",
        f"/families/{appeal['family_id']}/danger",
    ):
        assert place in page.text
    again = world.comes({**person, "phone": "+77017654321"})
    assert "telephone" in browser(f"appeals/{again['id']}").text.partition("Said differently")[2]
    assert [line["what"] for line in world.lines_of(appeal["family_id"])][-2:] == ["appeal", "appeal"]


def test_an_assessment_is_recorded_once_however_often_it_is_sent(world, browser):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}"
    fields = {
        **form_of(browser(path), "screening"),
        "outcome": "consultation",
        "note": "Рассказали о пособии.",
    }
    first, second = browser(path, fields), browser(path, fields)
    assert [first.status_code, second.status_code] == [303, 303]
    assert first.headers["Location"] == f"/intake/{path}"
    assert world.sees(path)["state"] == "closed"
    assert len(world.sees(path)["remarks"]) == 1
    page = browser(path)
    assert "Advice was enough" in page.text
    assert "Рассказали о пособии." in page.text
    assert not forms_in(page)


def test_what_was_typed_wrong_comes_back_with_the_error_at_the_field(world, browser):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}"
    fields = {**form_of(browser(path), "screening"), "note": "Ещё не решили"}
    page = browser(path, fields)
    assert page.status_code == 422
    assert "Fill this in" in error_at(page, "outcome")
    assert value_of(page, "note") == "Ещё не решили"
    assert form_of(page, "screening")["_key"] == fields["_key"]
    assert world.sees(path)["state"] == "registered"


def test_each_body_is_told_by_the_form_of_notices(world, browser):
    appeal = world.comes(danger=VIOLENCE)
    path = f"appeals/{appeal['id']}"
    page = browser(path)
    assert {"notice-police", "notice-health"} <= items(appeal)
    assert "The police" in page.text
    assert "Health care" in page.text
    fields = {**form_of(page, "notices"), "body": "police", "how": "phone"}
    later = browser(path, {**fields, "told_at": (now() + timedelta(days=2)).strftime(LOCAL)})
    assert later.status_code == 422
    assert "future" in error_at(later, "told_at")
    told = browser(
        path,
        {
            **form_of(later, "notices"),
            "body": "police",
            "how": "phone",
            "told_at": "24.11.2020 10:20",
            "reference": "КУИ-17",
        },
    )
    assert told.status_code == 303
    (notice,) = world.sees(path)["notices"]
    assert (notice["told_at"], notice["reference"]) == (
        "2020-11-24T04:20:00.000Z",
        "КУИ-17",
    )  # Almaty was at +06:00 then
    page = browser(path)
    assert 'value="police"' not in page.text
    assert 'value="health" checked' in page.text


def test_only_a_supervisor_gives_it_to_somebody_else(world, browser):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}"
    assert "assign" not in forms_in(browser(path))
    fields = {
        "_form": "assign",
        "_version": str(appeal["version"]),
        "_key": fresh(),
        "holder": SECOND,
        "reason": "Отпуск",
    }
    assert browser(path, fields).status_code == 403
    page = browser(path, who=SUPERVISOR)
    given = browser(path, {**form_of(page, "assign"), "holder": SECOND, "reason": "Отпуск"}, who=SUPERVISOR)
    assert given.status_code == 303
    assert world.sees(path)["holder"] == SECOND
    page = browser(path)
    assert not forms_in(page)
    assert "or the head of the center does this" in page.text
    assert (
        browser(path, {**fields, "_form": "screening", "outcome": "redirect", "note": "…"}).status_code == 403
    )


def test_who_was_slower_sees_what_changed_and_keeps_his_text(world, browser):
    appeal = world.comes(danger=VIOLENCE)
    path = f"appeals/{appeal['id']}"
    mine = {**form_of(browser(path), "screening"), "outcome": "open-case", "note": "Моя запись"}
    page = browser(path, who=SUPERVISOR)
    browser(
        path,
        {**form_of(page, "notices"), "body": "police", "how": "phone", "told_at": "24.11.2020 10:20"},
        who=SUPERVISOR,
    )
    page = browser(path, mine)
    assert page.status_code == 409
    assert value_of(page, "note") == "Моя запись"
    again = form_of(page, "screening")
    assert (again["_version"], again["_key"] != mine["_key"]) == (str(appeal["version"] + 1), True)
    assert browser(path, {**mine, **again}).status_code == 303


def test_a_form_that_came_too_late_still_shows_what_was_typed(world, browser):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}"
    mine = {**form_of(browser(path), "screening"), "outcome": "redirect", "note": "Моя запись"}
    world.does(f"{path}/screening", {"outcome": "consultation", "note": "Быстрее"})
    page = browser(path, mine)
    assert page.status_code == 409
    assert value_of(page, "note") == "Моя запись"
    assert "cannot be sent any more" in page.text


def test_a_form_given_back_after_a_new_log_in_stands_there_as_it_was_typed(world, browser):
    appeal = world.comes()
    path = f"appeals/{appeal['id']}"
    mine = {
        **form_of(browser(path), "screening"),
        "outcome": "redirect",
        "note": "Моя запись",
        "_restore": "1",
    }
    page = browser(path, mine)
    assert page.status_code == 200
    assert value_of(page, "note") == "Моя запись"
    assert form_of(page, "screening")["_key"] == mine["_key"]
    assert world.sees(path)["state"] == "registered"


def test_nobody_reads_what_is_not_his(world, browser):
    appeal = world.comes(danger=VIOLENCE)
    path = f"appeals/{appeal['id']}"
    for who in (FAR, SECOND):
        assert browser(path, who=who).status_code == 404
        assert (
            browser(path, {"_form": "screening", "outcome": "redirect", "note": "…"}, who=who).status_code
            == 404
        )
    assert browser(path, who="partner.health.astana").status_code == 403
    assert browser(f"appeals/{fresh()}").status_code == 404
    assert browser(path, {"_form": "erase"}).status_code == 422


# The search ---------------------------------------------------------------------------------------


def test_a_search_finds_by_name_iin_and_number_and_keeps_what_was_asked(world, browser):
    person = somebody(family_name=name())
    appeal = world.comes(person, danger={**NO_DANGER, "child": True})
    for q in (person["family_name"][:4], person["iin"], appeal["number"]):
        page = browser("search", {"q": q})
        assert page.status_code == 200
        assert person["family_name"] in page.text
        assert f"/intake/families/{appeal['family_id']}" in page.text
        assert value_of(page, "q") == q
        assert (f"/intake/appeals/{appeal['id']}" in page.text) == (q == appeal["number"])
    assert "child" in page.text
    assert world.lines_of(appeal["family_id"])[-1]["what"] == "search"


def test_a_search_without_a_find_says_what_to_do(browser):
    page = browser("search", {"q": "<b>Ъъъъ</b>"})
    assert page.status_code == 200
    assert "/intake/register" in page.text
    assert "<b>Ъ" not in page.text
    page = browser("search", {"q": " "})
    assert page.status_code == 422
    assert "Fill this in" in error_at(page, "q")
    assert browser("search").status_code == 200


def test_a_search_does_not_find_what_may_not_be_read(world, browser):
    person = somebody(family_name=name())
    world.comes(person, danger=VIOLENCE)
    for who in (SECOND, FAR):
        page = browser("search", {"q": person["family_name"]}, who=who)
        assert page.status_code == 200
        assert person["given_name"] not in page.text


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_the_pages_speak_the_readers_language(world, browser, language):
    appeal = world.comes(danger=VIOLENCE, source={"agency_id": "agency-police-astana"})
    word = {"kk": "Тұрмыстық зорлық", "ru": "Насилие в семье"}[language]
    page = browser(f"appeals/{appeal['id']}", language=language)
    assert f'lang="{language}"' in page.text
    assert word in page.text
    assert browser("appeals", language=language).status_code == 200


def test_every_code_that_the_pages_show_has_a_word(world):
    codes = {
        "appeal_state": STATES,
        "channel": CHANNELS,
        "outcome": OUTCOMES,
        "outcome_hint": OUTCOMES,
        "how_told": HOW_TOLD,
        "danger": KINDS,
        "field": FACTS,
        "differs": [
            *(f"safe_contact.{each.name}" for each in fields(SafeContact)),
            *(f"danger.{kind}" for kind in KINDS),
        ],
        "body": world.intake.policy.bodies(KINDS),
        "told": world.intake.policy.bodies(KINDS),
        "ground_plain": GROUNDS,
    }
    missing = [(group, code) for group, some in codes.items() for code in some if not words.has(group, code)]
    assert not missing
