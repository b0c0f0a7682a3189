"""A family's whole way: the worker by keyboard alone and in Kazakh; the supervisor and the partner with the mouse, in Russian."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.families import AGENCY, HEAD, PARTNER, WORKER, Families, path, somebody
from tests.browser.forms import day, write
from tests.browser.keyboard import Keyboard
from tests.browser.speech import Speech
from tests.browser.window import Window
from tests.callers import until
from tests.system.family import DOMAINS, today

kk, ru = Speech("kk"), Speech("ru")
SERVICES = ("intake", "casework", "referrals", "notifications")


@dataclass
class Desk:
    """The worker's tab, and the keyboard in front of it."""

    page: Page
    keys: Keyboard

    def take(self, person: dict[str, Any], action: str) -> None:
        """Go where the worklist's button for this family leads, as soon as it stands there."""
        link = row_of(self.page, person).get_by_role("link", name=kk.word("next_action", action), exact=True)
        open_until(self.page, "/intake/worklist", link)
        self.keys.to(link.first)
        self.page.keyboard.press("Enter")

    def send(self, address: str) -> None:
        self.page.keyboard.press("Control+Enter")
        expect(self.page).to_have_url(re.compile(address))


def row_of(page: Page, person: dict[str, Any]) -> Locator:
    return page.get_by_role("row").filter(has_text=person["family_name"])


def open_until(page: Page, address: str, wanted: Locator) -> None:
    """Open a page until something stands there that arrives by an event."""

    def stands() -> bool:
        page.goto(address)
        return wanted.count() > 0

    until(stands, f"{wanted} at {address}", 30)


def test_the_whole_way_of_a_family(window, stack, families: Families, people):
    person = somebody()
    worker: Window = window(language="kk")
    desk = Desk(worker.page, Keyboard(worker.page))
    head, partner = window(HEAD, "ru").page, window(PARTNER, "ru")

    logs_in(desk, stack)
    finds_nobody(desk, person)
    registers(desk, person)
    screens(desk, person)
    case = comes_to_the_worker(people, person)
    assesses(desk, person)
    plans(desk, person)
    signs(desk, person, "worker")
    signs(desk, person, "family")
    approves(head, person)
    refers(desk, person)
    referral = people(WORKER).items("/referrals/v1/referrals", case_id=case["id"])[0]
    accepts(partner, referral, person)
    completes(partner.page, referral)
    families.world.at_rest()
    sees_what_became_of_it(desk, person, referral)


# ------------------------------------------------------------------ the worker, by keyboard


def logs_in(desk: Desk, stack: Any) -> None:
    desk.page.goto("/")
    desk.keys.to(desk.page.locator("#login"))
    desk.page.keyboard.insert_text(WORKER)
    desk.keys.to(desk.page.locator("#password"))
    desk.page.keyboard.insert_text(stack.secrets.users[WORKER])
    desk.page.keyboard.press("Enter")
    expect(desk.page).to_have_url(re.compile("/intake/worklist"))


def search(desk: Desk, words: str) -> None:
    desk.page.wait_for_load_state()  # the key is the script's
    desk.page.keyboard.press("/")
    expect(desk.page.locator("#search")).to_be_focused()
    desk.page.keyboard.insert_text(words)
    desk.page.keyboard.press("Enter")
    expect(desk.page).to_have_url(re.compile("/intake/search$"))


def finds_nobody(desk: Desk, person: dict[str, Any]) -> None:
    search(desk, person["family_name"])
    said = (
        "Nobody was found whose file you may read. Check the letters and digits, or try the family name only."
    )
    expect(desk.page.get_by_text(kk(said, "intake"))).to_be_visible()


def registers(desk: Desk, person: dict[str, Any]) -> None:
    keys, page = desk.keys, desk.page
    keys.press("link", kk("Register an appeal"))
    for kind in ("life", "child", "domestic_violence"):
        keys.choose(f"danger.{kind}", "false")

    keys.choose("channel", "window")
    keys.write("applicant.iin", person["iin"])
    born = page.locator("[name='applicant.birth_date']")
    expect(born).to_have_value(day(person["birth_date"]))  # by the IIN
    keys.choose("applicant.sex", person["sex"])
    for name in ("family_name", "given_name", "phone"):
        keys.write(f"applicant.{name}", person[name])
    keys.select("applicant.language", "kk")
    keys.write("applicant.address.line", "Үйі жоқ")

    keys.choose("safe_contact.sms", "yes")

    keys.press("button", kk("Add a person", "intake"))
    keys.select("household.0.relation", "child")
    keys.write("household.0.family_name", person["family_name"])
    keys.write("household.0.given_name", "Бала")

    keys.write("need", "Тұратын жер керек.")
    keys.tick("grounds", "homelessness")

    for scope in ("processing", "sms", "share:health"):
        keys.tick("consent.scopes", scope)
    keys.choose("consent.given", "true")

    desk.send("/registered$")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keys.press("link", kk("To the worklist", "intake"))
    expect(row_of(page, person).first).to_be_visible()


def screens(desk: Desk, person: dict[str, Any]) -> None:
    desk.take(person, "screen")
    desk.keys.choose("outcome", "open-case")
    desk.keys.write("note", "Жоспар керек.")
    desk.keys.to(desk.page.locator("#screening button"))
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#toasts")).to_contain_text(kk("Saved."))


def assesses(desk: Desk, person: dict[str, Any]) -> None:
    desk.take(person, "assess")
    for domain in DOMAINS:
        desk.keys.choose(f"domains.{domain}", "2")
    level = desk.page.locator("#level")  # counted while it is filled in
    expect(level).to_contain_text(kk("All domains are rated.", "casework"))
    desk.send("/casework/cases/[^/]+$")


def plans(desk: Desk, person: dict[str, Any]) -> None:
    keys = desk.keys
    desk.take(person, "plan")
    keys.write("goals", "Қысқа баспана")
    keys.select("measures.0.kind", "medical")
    keys.select("measures.0.responsible.type", "agency")
    keys.write("measures.0.due_on", f"{today() + timedelta(days=20):%d.%m.%Y}")
    keys.select("measures.0.responsible.agency_id", AGENCY)
    desk.send("/casework/cases/[^/]+$")


def signs(desk: Desk, person: dict[str, Any], who: str) -> None:
    desk.take(person, "sign")
    desk.keys.choose("by", who)
    desk.keys.choose("method", "paper")
    desk.send("/casework/cases/[^/]+$")


def refers(desk: Desk, person: dict[str, Any]) -> None:
    keys = desk.keys
    desk.take(person, "refer")
    keys.select("service_kind", "health")
    expect(desk.page.locator("[name=service_id]").first).to_be_visible()  # the services that fit have come
    keys.choose("service_id", "service-health-astana")
    keys.choose("priority", "routine")
    keys.write("reason", "Дәрігер керек.")
    for field in ("name", "phone", "need"):
        keys.tick("disclose", field)
    desk.send("/referrals/referrals/[^/]+$")


def sees_what_became_of_it(desk: Desk, person: dict[str, Any], referral: dict[str, Any]) -> None:
    search(desk, person["family_name"])
    desk.keys.press("link", re.compile(person["family_name"]))
    page = desk.page
    expect(page.get_by_role("heading", level=1)).to_contain_text(person["family_name"])
    expect(page.locator(f"a[href='/referrals/referrals/{referral['id']}']").first).to_be_visible()
    expect(page.get_by_text(kk.word("referral_state", "completed")).first).to_be_visible()
    expect(page.get_by_text(kk.word("template", "help-given")).first).to_be_visible()
    for service in SERVICES:
        expect(
            page.locator("#events").get_by_text(kk.word("service", service), exact=True).first
        ).to_be_visible()


# ------------------------------------------------------------------ the supervisor and the partner, with the mouse


def approves(page: Page, person: dict[str, Any]) -> None:
    link = row_of(page, person).get_by_role("link", name=ru.word("next_action", "approve"), exact=True)
    open_until(page, "/intake/worklist?view=center", link)
    link.click()
    page.get_by_role("button", name=ru("Approve the plan", "casework")).click()
    expect(page.get_by_text(ru.word("case_state", "implementation")).first).to_be_visible()


def accepts(partner: Window, referral: dict[str, Any], person: dict[str, Any]) -> None:
    page = partner.page
    line = page.locator(f"a[href^='/referrals/inbox/{referral['id']}']")
    open_until(page, "/referrals/inbox", line)
    line.first.click()
    expect(page.get_by_text(person["family_name"])).to_have_count(0)
    page.get_by_role("button", name=ru("Accept", "referrals"), exact=True).click()

    partner.expects(503)  # until intake has heard that it was accepted
    show = ru("Show the client's fields", "referrals"), ru("Try again", "referrals")

    def opened() -> bool:
        page.get_by_role("button", name=re.compile("|".join(map(re.escape, show)))).click()
        return page.locator("#client").get_by_text(person["family_name"]).count() > 0

    until(opened, "the client's fields are shown")
    expect(page.locator("#client")).to_contain_text(
        ru(
            "This reading is logged. The fields are not kept here: leave the page, and they are gone.",
            "referrals",
        )
    )


def completes(page: Page, referral: dict[str, Any]) -> None:
    page.get_by_role("link", name=ru("Help was given", "referrals"), exact=True).click()
    write(page, "result.given_on", f"{today():%d.%m.%Y}")
    write(page, "result.summary", "Лечение начато.")
    page.locator("#act [data-main]").click()
    expect(page.get_by_text(ru.word("referral_state", "completed")).first).to_be_visible()
    expect(page).to_have_url(re.compile(f"/referrals/inbox/{referral['id']}$"))


# ------------------------------------------------------------------ what the steps share


def comes_to_the_worker(people: Any, person: dict[str, Any]) -> dict[str, Any]:
    """The case, given to the worker at the keyboard if another one had fewer."""
    known = people(HEAD).post("/intake/v1/persons/search", {"q": person["iin"]})["items"][0]

    def opened() -> Any:
        cases = people(HEAD).items("/casework/v1/cases", family_id=known["family_id"])
        return cases and cases[0]

    case = until(opened, "the case is open")
    if case["holder"] != WORKER:
        people(HEAD).command(path(case), "assign", {"holder": WORKER, "reason": "Отбасыны біледі."})
    return case
