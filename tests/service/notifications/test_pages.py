"""Messages as a person works with them: the list, one message, and the panel in a family's file."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from services.notifications.domain.templates import LANGUAGES
from services.notifications.pages import ABOUT
from services.notifications.schemas import CLASSES, STATES
from shared.ui import words
from tests.service.notifications.test_api import a_message, failed, lines
from tests.service.notifications.tools import (
    PHONE,
    an_id,
    danger_changed,
    delivered,
    envelope,
    registered,
    subject_of,
    take_in,
)
from tests.tokens import token

TIMELINE = Path(__file__).parents[3] / "services/intake/policy/timeline.toml"
"""Knows the reasons that intake gives for not writing."""
WORKER, OTHER, SUPERVISOR, FAR = "worker.astana", "worker2.astana", "supervisor.astana", "worker.almaty"


@pytest.fixture
def browser(app, settings):
    """browser(path, who=…) → a page; with fields, the form sent there."""
    client = app.test_client(use_cookies=False)

    def open_page(
        path: str,
        fields: dict[str, Any] | None = None,
        who: str = WORKER,
        *,
        language: str = "en",
        htmx: bool = False,
    ) -> TestResponse:
        headers = {
            "Cookie": f"bt_access={token(who)}; bt_language={language}",
            "Accept": "text/html",
            "Sec-Fetch-Site": "same-origin",
            **({"HX-Request": "true"} if htmx else {}),
        }
        method = "GET" if fields is None else "POST"
        return client.open(f"/notifications/{path}", method=method, data=fields, headers=headers)

    return open_page


def hidden(answer: TestResponse) -> dict[str, str]:
    """The hidden fields of the form of a message's page."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text))


def note_in(answer: TestResponse) -> str:
    found = re.search(r'<textarea[^>]*id="note"[^>]*>([^<]*)<', answer.text)
    return unescape(found[1]).strip() if found else ""


def test_the_list_names_no_names_and_says_how_each_message_stands(service, intake, browser):
    a_message(service, intake)
    failed(service, intake, "f2")
    page = browser("messages")
    assert page.status_code == 200
    for said in ("The appeal is received", "sent", "the telephone number is wrong", "Tell another way"):
        assert said in page.text
    assert f"bt-name-{an_id('f1')}" in page.text
    assert "/intake/families/names?ids=" in page.text
    assert PHONE not in page.text
    assert lines(service)[-1][:3] == (WORKER, "messages", sorted([an_id("f1"), an_id("f2")]))


def test_the_list_is_filtered_by_state_family_and_what_waits(service, intake, browser):
    sent, lost = a_message(service, intake), failed(service, intake, "f2")
    for query in ("state=failed", "waiting=true", f"family_id={an_id('f2')}"):
        page = browser(f"messages?{query}")
        assert (sent in page.text, lost in page.text) == (False, True)
    assert sent in browser("messages?state=").text
    assert "no messages like this" in browser("messages?state=delivered").text
    assert browser("messages?state=lost").status_code == 422


def test_the_list_goes_on_where_it_ended(service, intake, browser):
    ids = {a_message(service, intake, family) for family in ("f1", "f2")}
    page = browser("messages?limit=1")
    following = unescape(re.search(r'href="/notifications/(messages\?cursor=[^"]*)"', page.text)[1])
    (shown,) = [id for id in ids if id in page.text]
    assert [id for id in ids if id in browser(following).text] == list(ids - {shown})


def test_a_message_says_what_it_tells_and_how_far_it_got(service, intake, browser):
    id = a_message(service, intake)
    page = browser(f"messages/{id}")
    assert page.status_code == 200
    assert "Өтінішіңіз қабылданды." in page.text  # in the language in which it was sent
    assert f"/intake/appeals/{subject_of(registered())}" in page.text
    assert "SMS sent" in page.text
    assert PHONE not in page.text
    assert 'name="note"' not in page.text
    assert lines(service)[-1] == (WORKER, "message", [an_id("f1")], id)


def test_telling_another_way_is_recorded_once_however_often_it_is_sent(service, intake, browser):
    id = failed(service, intake)
    page = browser(f"messages/{id}")
    assert "the telephone number is wrong" in page.text
    fields = {**hidden(page), "note": "Позвонили. <b>Знает</b>"}
    answers = [browser(f"messages/{id}", fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert service.store.messages.get(id).state.note == "Позвонили. <b>Знает</b>"
    page = browser(f"messages/{id}")
    assert "Told another way" in page.text
    assert "&lt;b&gt;" in page.text
    assert 'name="note"' not in page.text


def test_an_empty_note_comes_back_with_the_error(service, intake, browser):
    id = failed(service, intake)
    page = browser(f"messages/{id}", {**hidden(browser(f"messages/{id}")), "note": "  "})
    assert page.status_code == 422
    assert 'id="note-error"' in page.text
    assert "Fill this in" in page.text
    assert service.store.messages.get(id).state.open


def test_who_was_slower_keeps_his_text(service, intake, browser):
    id = failed(service, intake)
    mine = {**hidden(browser(f"messages/{id}")), "note": "Моя запись"}
    take_in(service, envelope(danger_changed("f1", restricted=True, version=2)))
    page = browser(f"messages/{id}", mine)
    assert page.status_code == 409
    assert note_in(page) == "Моя запись"
    assert browser(f"messages/{id}", {**mine, **hidden(page)}).status_code == 303
    late = browser(f"messages/{id}", mine | {"_key": "another"}, who=SUPERVISOR)
    assert late.status_code == 409
    assert note_in(late) == "Моя запись"
    late = browser(f"messages/{id}", mine | hidden(late), who=SUPERVISOR)
    assert late.status_code == 409
    assert "cannot be sent any more" in late.text


def test_who_may_not_read_finds_nothing_and_who_may_not_act_gets_no_form(service, intake, browser):
    id = failed(service, intake)
    page = browser(f"messages/{id}", who=OTHER)
    assert page.status_code == 200
    assert 'name="note"' not in page.text
    fields = hidden(browser(f"messages/{id}")) | {"note": "…"}
    assert browser(f"messages/{id}", fields, who=OTHER).status_code == 403
    assert browser(f"messages/{id}", who=FAR).status_code == 404
    assert browser("messages", who="partner.health.astana").status_code == 403
    take_in(service, envelope(danger_changed("f1", restricted=True, version=2)))
    assert browser(f"messages/{id}", who=OTHER).status_code == 404


def test_the_panel_of_a_family_that_may_not_be_read_is_that_of_one_that_nobody_knows(service, intake, browser):
    """Not a 404: a family that notifications has not heard of yet has an empty panel, and the two must not be told apart."""
    a_message(service, intake)
    real, nobodys = an_id("f1"), an_id("nobody")
    assert "The appeal is received" in browser(f"families/{real}/panel").text
    hidden_one = browser(f"families/{real}/panel", who=FAR, htmx=True)
    unknown = browser(f"families/{nobodys}/panel", who=FAR, htmx=True)
    assert hidden_one.status_code == unknown.status_code == 200
    assert hidden_one.text == unknown.text.replace(nobodys, real)
    assert FAR not in {who for who, *_ in lines(service)}


def test_the_panel_is_a_fragment_for_htmx_and_a_page_for_others(service, intake, browser):
    a_message(service, intake)
    intake.refuse("f1-person", "domestic-violence")
    take_in(service, envelope(delivered("f1"), 2))
    path = f"families/{an_id('f1')}/panel"
    fragment = browser(path, htmx=True)
    assert "<html" not in fragment.text
    for said in (
        "The appeal is received",
        "Help was given",
        "not sent",
        "for safety",
        "SMS sent in 30 days: 1",
    ):
        assert said in fragment.text
    assert lines(service)[-1] == (WORKER, "messages", [an_id("f1")], None)
    page = browser(path)
    assert "<html" in page.text
    assert "Help was given" in page.text


def test_the_panel_of_a_family_without_messages_says_so(browser):
    panel = browser(f"families/{an_id('nobody')}/panel", htmx=True)
    assert panel.status_code == 200
    assert "No messages to this family yet." in panel.text


@pytest.mark.parametrize(("language", "word"), [("kk", "Өтініш қабылданды"), ("ru", "Обращение принято")])
def test_the_pages_speak_the_readers_language(service, intake, browser, language, word):
    id = failed(service, intake)
    for path in ("messages", f"messages/{id}"):
        page = browser(path, language=language)
        assert f'lang="{language}"' in page.text
        assert word in page.text


def test_every_code_that_the_pages_show_has_a_word_and_a_place(service):
    templates = service.policy.templates
    assert set(ABOUT) == set(templates)
    codes = {
        "template": templates,
        "message_about": templates,
        "message_state": STATES,
        "message_class": CLASSES,
        "message_step": ("created", "sent", "delivered", "told"),
        "language": LANGUAGES,
        "message_reason": tomllib.loads(TIMELINE.read_text("utf-8"))["code"]["reason"],
    }
    missing = [(group, code) for group, some in codes.items() for code in some if not words.has(group, code)]
    assert not missing
