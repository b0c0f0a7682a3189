"""The supervisor's and the partner's part, with the mouse and in Russian."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.families import COLLEAGUE, HEAD, PARTNER, WORKER, Families
from tests.browser.forms import choose, write
from tests.browser.speech import Speech

ru = Speech("ru")


def test_the_supervisor_sends_a_plan_back_and_the_worker_reads_why(window, families: Families, people):
    case = families.signed()
    page = window(HEAD, "ru").page
    page.goto("/intake/worklist?view=center")
    page.locator(f"[id='item-{case['id']}-approve']").get_by_role(
        "link", name=ru.word("next_action", "approve")
    ).click()
    write(page, "reason", "Не хватает сроков.")
    page.get_by_role("button", name=ru("Send the plan back", "casework")).click()
    expect(page).to_have_url(re.compile(f"/casework/cases/{case['id']}$"))
    assert people(WORKER).get(f"/casework/v1/cases/{case['id']}")["state"] == "planning"

    worker = window(WORKER, "ru").page
    worker.goto(f"/casework/cases/{case['id']}")
    expect(worker.get_by_text("Не хватает сроков.")).to_be_visible()


def test_the_supervisor_gives_an_appeal_to_somebody_else(window, families: Families):
    appeal = families.appeal()
    page = window(HEAD, "ru").page
    page.goto(f"/intake/worklist?view=center&holder={WORKER}")
    item = f"[id='item-{appeal['id']}-screening']"
    page.locator(item).get_by_role("link", name=ru.word("next_action", "screen")).click()
    page.locator("#assign [name=holder]").select_option(COLLEAGUE)
    page.locator("#assign [name=reason]").fill("Уходит в отпуск.")
    page.locator("#assign").get_by_role("button").click()
    expect(page.locator("#toasts")).to_contain_text(ru("Saved."))

    page.goto("/intake/worklist?view=center")
    load = page.get_by_role("row").filter(has=page.locator(f"a[href*='holder={COLLEAGUE}']"))
    load.get_by_role("link").first.click()
    expect(page.locator(item)).to_be_visible()


def test_the_supervisor_says_that_a_danger_is_over(window, families: Families, people):
    appeal = families.appeal(danger={"life": False, "child": True, "domestic_violence": False})
    page = window(HEAD, "ru").page
    page.goto(f"/intake/families/{appeal['family_id']}/danger")
    choose(page, "child", "false")
    write(page, "reason", "Ребёнок у бабушки.")
    page.locator("main [data-main]").click()
    expect(page).to_have_url(re.compile(f"/intake/families/{appeal['family_id']}$"))
    assert people(HEAD).get(f"/intake/v1/families/{appeal['family_id']}")["danger"]["child"] is False


def test_the_partner_refuses_and_the_worker_chooses_another(window, families: Families, people):
    referral = families.referral()
    page = window(PARTNER, "ru").page
    page.goto("/referrals/inbox")
    page.locator(f"a[href^='/referrals/inbox/{referral['id']}']").first.click()
    page.get_by_role("link", name=ru("Reject", "referrals"), exact=True).click()
    page.locator("[name=reason_code]").select_option("no-capacity")
    write(page, "note", "В этом месяце мест нет.")
    page.locator("#act [data-main]").click()
    expect(page.get_by_text(ru.word("referral_state", "rejected")).first).to_be_visible()
    families.world.at_rest()

    worker = window(WORKER, "ru").page
    worker.goto("/intake/worklist")
    item = worker.locator(f"[id='item-{referral['id']}-choose-another']")
    item.get_by_role("link", name=ru.word("next_action", "choose-another")).click()
    expect(worker.locator("[name=reason]")).to_have_value(referral["reason"])
    worker.locator("[name=service_id]").first.check()
    worker.locator("main [data-main]").click()
    expect(worker).to_have_url(re.compile("/referrals/referrals/[^/]+$"))
    sent = people(WORKER).items("/referrals/v1/referrals", case_id=referral["case_id"])
    assert [each["state"] for each in sent if each["replaces"] == referral["id"]] == ["requested"]


def test_who_is_known_by_the_iin_is_filled_in_from_the_file(window, families: Families):
    person = families.appeal()["person_id"]
    known = families.people(WORKER).get(f"/intake/v1/persons/{person}")
    page = window(WORKER, "ru").page
    page.goto("/intake/register")
    write(page, "applicant.iin", known["iin"])
    write(page, "need", "Снова нет жилья.")
    page.get_by_role("button", name=ru("Fill in from the file", "intake")).click()
    for name in ("family_name", "given_name"):
        expect(page.locator(f"[name='applicant.{name}']")).to_have_value(known[name])
    expect(page.locator("[name='applicant.language']")).to_have_value(known["language"])
    expect(page.locator("[name='applicant.phone']")).to_have_value("")
    expect(page.locator("[name='need']")).to_have_value("Снова нет жилья.")
    expect(page.get_by_role("button", name=ru("Fill in from the file", "intake"))).to_have_count(0)
