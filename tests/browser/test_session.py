"""The session ends while somebody is typing: nothing is lost, nothing is made twice, and no other site learns what was typed."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.families import WORKER, appeals_of, somebody
from tests.browser.forms import log_in_on, register, typed
from tests.browser.speech import Speech
from tests.browser.window import Window

say = Speech("kk")
ELSEWHERE = "http://127.0.0.1:7999/"
"""Another site on this machine: the cookies go there and from there, for they do not tell ports apart."""


def test_a_form_sent_after_the_session_has_ended_loses_nothing(window, stack, people):
    worker: Window = window(WORKER, "kk")
    worker.expects(401)
    page, person = worker.page, somebody()
    page.goto("/intake/register")
    register(page, person)
    before = typed(page)
    worker.context.clear_cookies()

    page.get_by_role("button", name=say("Register", "intake"), exact=True).click()
    expect(
        page.get_by_role("heading", name=say("Your session has ended; nothing you typed is lost"))
    ).to_be_visible()
    with worker.context.expect_page() as opened:
        page.get_by_role("link", name=say("Log in again (opens a new tab)")).click()
    log_in_on(opened.value, stack, WORKER)
    expect(opened.value).to_have_url(re.compile("/session/logged-in$"))
    opened.value.close()

    page.get_by_role("button", name=say("Continue"), exact=True).click()
    expect(page.get_by_label(say("Family name", "intake"), exact=True).first).to_have_value(
        person["family_name"]
    )
    assert typed(page) == before  # the Idempotency-Key too
    page.get_by_role("button", name=say("Register", "intake"), exact=True).click()
    expect(page).to_have_url(re.compile("/registered$"))
    assert len(appeals_of(people, person)) == 1


def test_another_site_can_neither_send_a_form_nor_read_what_was_typed(window, people):
    worker: Window = window(WORKER, "kk")
    worker.expects(401, 403)
    person = somebody()

    # With the cookies of the log-in, from another port: refused.
    worker.hosts.add(ELSEWHERE)
    worker.context.route(
        f"{ELSEWHERE}**",
        lambda route: route.fulfill(body=foreign_form(worker.origin, person), content_type="text/html"),
    )
    answer = sent_from(worker.page, ELSEWHERE)
    assert answer.status == 403
    assert person["family_name"] not in answer.text()

    # Without: it must not be told to log in with these fields in its hands.
    worker.context.clear_cookies()
    answer = sent_from(worker.page, ELSEWHERE)
    assert answer.status == 401
    assert person["family_name"] not in answer.text()
    assert appeals_of(people, person) == []


def foreign_form(origin: str, person: dict[str, Any]) -> str:
    return f"""<!doctype html><meta charset="utf-8"><title>Elsewhere</title><form method="post" action="{origin}/intake/register">
        <input name="applicant.family_name" value="{person["family_name"]}"><button>Win</button></form>"""


def sent_from(page: Page, site: str) -> Any:
    page.goto(site)
    with page.expect_navigation() as went:
        page.get_by_role("button", name="Win").click()
    return went.value
