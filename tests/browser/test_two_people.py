"""Two people work on one case: the second sees what has changed, keeps what he has typed, and sends it again."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from shared.ui import words
from tests.browser.families import HEAD, WORKER, Families
from tests.browser.forms import choose, write


def test_the_second_sees_what_has_changed_and_keeps_his_text(window, families: Families, people):
    case = families.running()
    first, second = window(WORKER, "ru"), window(HEAD, "ru")
    second.expects(409)
    for each in (first, second):
        each.page.goto(f"/casework/cases/{case['id']}/closure")

    first.page.goto(f"/casework/cases/{case['id']}/help")
    first.page.locator("[name=kind]").select_option("benefit")
    choose(first.page, "condition", "home")
    first.page.locator("[data-main]").click()
    expect(first.page).to_have_url(re.compile(f"/casework/cases/{case['id']}$"))

    page = second.page
    choose(page, "reason", "moved")
    write(page, "note", "Семья переехала к родным.")
    page.locator("[data-main]").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text(words.staff(WORKER))
    expect(page.locator("[name=note]")).to_have_value("Семья переехала к родным.")
    expect(page.locator("[name=reason][value=moved]")).to_be_checked()

    page.locator("[data-main]").click()
    expect(page).to_have_url(re.compile(f"/casework/cases/{case['id']}$"))
    saved = people(HEAD).get(f"/casework/v1/cases/{case['id']}")
    assert (saved["state"], len(saved["help"])) == ("closing", 1)
