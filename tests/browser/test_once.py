"""What is sent twice happens once, and what I have just done does not stand in the worklist again."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.families import WORKER, Families, appeals_of, somebody
from tests.browser.forms import choose, register, write
from tests.browser.speech import Speech

say = Speech("ru")
REGISTERED = re.compile("/registered$")


def test_a_double_click_back_and_reload_make_one_appeal(window, people):
    page, person = window(WORKER, "ru").page, somebody()
    page.goto("/intake/register")
    register(page, person)
    page.get_by_role("button", name=say("Register", "intake"), exact=True).dblclick()
    expect(page).to_have_url(REGISTERED)
    page.reload()
    expect(page).to_have_url(REGISTERED)
    first = page.url

    page.go_back()
    expect(page).to_have_url(re.compile("/intake/register$"))
    if page.locator("[name='applicant.family_name']").input_value():
        # the browser has kept the form: it is the same one, with its key
        page.get_by_role("button", name=say("Register", "intake"), exact=True).click()
        expect(page).to_have_url(first)
    assert len(appeals_of(people, person)) == 1


def test_a_form_sent_twice_without_script_makes_one_appeal(window, people):
    page, person = window(WORKER, "ru", java_script_enabled=False).page, somebody()
    page.goto("/intake/register")
    register(page, person)
    page.get_by_role("button", name=say("Register", "intake"), exact=True).dblclick()
    expect(page).to_have_url(REGISTERED)
    assert len(appeals_of(people, person)) == 1


def test_what_was_just_done_is_gone_from_the_worklist_at_once(window, families: Families):
    appeal = families.appeal()
    page = window(WORKER, "ru").page
    page.goto("/intake/worklist")
    item = page.locator(f"[id='item-{appeal['id']}-screening']")
    expect(item).to_be_visible()
    item.get_by_role("link", name=say.word("next_action", "screen")).click()
    choose(page, "outcome", "consultation")
    write(page, "note", "Хватило разговора.")
    page.locator("#screening").get_by_role("button", name=say("Record assessment", "intake")).click()
    expect(page.locator("#toasts")).to_contain_text(say("Saved."))

    page.goto("/intake/worklist")
    assert item.count() == 0  # not after a while: at once
