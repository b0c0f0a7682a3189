"""With JavaScript off everything can be done; the script only improves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.families import WORKER, Families, appeals_of, somebody
from tests.browser.forms import choose, register, write
from tests.browser.speech import Speech
from tests.system.family import DOMAINS

say = Speech("ru")


@pytest.fixture
def page(window) -> Page:
    return window(WORKER, "ru", java_script_enabled=False).page


def test_register_with_a_row_of_the_household(page: Page, people):
    person = somebody()
    page.goto("/intake/register")
    register(page, person)
    page.get_by_role("button", name=say("Add a person", "intake")).click()
    expect(page.locator("[name='applicant.family_name']")).to_have_value(person["family_name"])
    page.locator("[name='household.0.relation']").select_option("child")
    write(page, "household.0.family_name", person["family_name"])
    write(page, "household.0.given_name", "Бала")
    page.get_by_role("button", name=say("Register", "intake"), exact=True).click()
    expect(page).to_have_url(re.compile("/registered$"))
    (made,) = appeals_of(people, person)
    assert len(people(WORKER).get(f"/intake/v1/families/{made['family_id']}")["members"]) == 2


def test_the_filters_of_the_worklist(page: Page, families: Families):
    case = families.assessment
    item = page.locator(f"[id='item-{case['id']}-assess']")
    page.goto("/intake/worklist")
    expect(item).to_be_visible()
    page.locator("#service").select_option("intake")
    page.get_by_role("button", name=say("Show", "intake"), exact=True).click()
    expect(page).to_have_url(re.compile("service=intake"))
    expect(item).to_be_hidden()
    page.locator("#service").select_option("casework")
    page.get_by_role("button", name=say("Show", "intake"), exact=True).click()
    expect(item).to_be_visible()


def test_a_command_of_intake(page: Page, families: Families, people):
    appeal = families.appeal()
    page.goto(f"/intake/appeals/{appeal['id']}")
    choose(page, "outcome", "consultation")
    write(page, "note", "Хватило разговора.")
    page.locator("#screening").get_by_role("button").click()
    expect(page.get_by_text(say.word("outcome", "consultation")).first).to_be_visible()
    assert people(WORKER).get(f"/intake/v1/appeals/{appeal['id']}")["outcome"] == "consultation"


def test_a_command_of_casework(page: Page, families: Families, people):
    case = families.case()
    page.goto(f"/casework/cases/{case['id']}/assessment")
    for domain in DOMAINS:
        choose(page, f"domains.{domain}", "2")
    page.locator("[data-main]").click()
    expect(page).to_have_url(re.compile(f"/casework/cases/{case['id']}$"))
    assert people(WORKER).get(f"/casework/v1/cases/{case['id']}")["state"] == "planning"


def test_a_command_of_referrals(page: Page, families: Families, people):
    referral = families.referral()
    page.goto(f"/referrals/referrals/{referral['id']}?do=cancel")
    page.locator("[name=reason_code]").select_option("duplicate")
    page.locator("#act [data-main]").click()
    expect(page).to_have_url(re.compile(f"/referrals/referrals/{referral['id']}$"))
    assert people(WORKER).get(f"/referrals/v1/referrals/{referral['id']}")["state"] == "cancelled"


def test_a_command_of_notifications(page: Page, families: Families, people):
    message = families.untold()
    page.goto(f"/notifications/messages/{message['id']}")
    write(page, "note", "Позвонили, знает.")
    page.locator("#tell [data-main]").click()
    expect(page.locator("#tell")).to_be_hidden()
    assert people(WORKER).get(f"/notifications/v1/messages/{message['id']}")["open"] == []
