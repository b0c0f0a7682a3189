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
        keys.answer(kk.word("danger_question", kind), kk("No"))

    keys.answer(kk("How did they get in touch?", "intake"), capital(kk.word("channel", "window")))
    keys.write(kk("IIN", "intake"), person["iin"], within=page.locator("#applicant"))
    born = page.locator("#applicant").get_by_role("textbox", name=kk("Date of birth", "intake"), exact=True)
    expect(born).to_have_value(day(person["birth_date"]))  # by the IIN
    keys.answer(kk("Sex", "intake"), capital(kk.word("sex", person["sex"])))
    for label, name in (("Family name", "family_name"), ("Given name", "given_name"), ("Telephone", "phone")):
        keys.write(kk(label, "intake"), person[name], within=page.locator("#applicant"))
    keys.select(kk("Which language we speak", "intake"), kk.word("spoken", "kk"))
    keys.write(kk("Street, house, flat", "intake"), "Үйі жоқ")

    keys.answer(kk("Who else can read SMS on this telephone?", "intake"), kk.word("sms_answer", "yes"))

    keys.press("button", kk("Add a person", "intake"))
    child = page.get_by_role("group", name=kk("Family member № {n}", "intake", n=1))
    keys.select(kk("Relation", "intake"), kk.word("relation", "child"), within=child)
    keys.write(kk("Family name", "intake"), person["family_name"], within=child)
    keys.write(kk("Given name", "intake"), "Бала", within=child)

    keys.write(kk("In the person’s own words, two or three sentences", "intake"), "Тұратын жер керек.")
    keys.tick(kk.word("ground_plain", "homelessness"))

    for scope in ("processing", "sms"):
        keys.tick(kk.word("scope", scope))
    keys.tick(kk.word("service_kind", "health"))
    keys.answer(kk("Has the person signed?", "intake"), kk("Yes, on paper or electronically", "intake"))

    desk.send("/registered$")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    keys.press("link", kk("To the worklist", "intake"))
    expect(row_of(page, person).first).to_be_visible()


def screens(desk: Desk, person: dict[str, Any]) -> None:
    desk.take(person, "screen")
    desk.keys.answer(kk("What do we do?", "intake"), kk.word("outcome", "open-case"))
    desk.keys.write(kk("Why, in two or three sentences", "intake"), "Жоспар керек.")
    desk.keys.press("button", kk("Record assessment", "intake"))
    expect(desk.page.locator("#toasts")).to_contain_text(kk("Saved."))


def assesses(desk: Desk, person: dict[str, Any]) -> None:
    desk.take(person, "assess")
    for domain in DOMAINS:
        desk.keys.answer(kk.word("domain", domain), re.compile("^2"))
    expect(desk.page.locator("#level")).to_contain_text("20")  # counted while it is filled in
    desk.send("/casework/cases/[^/]+$")


def plans(desk: Desk, person: dict[str, Any]) -> None:
    keys = desk.keys
    desk.take(person, "plan")
    keys.write(kk("Goal {n}", "casework", n=1), "Қысқа баспана")
    row = desk.page.get_by_role("group", name=kk("Measure in row {n}", "casework", n=1))
    keys.select(kk("What", "casework"), kk.word("measure_kind", "medical"), within=row)
    keys.select(kk("Who gives it", "casework"), kk.word("responsible", "agency"), within=row)
    keys.write(kk("By when", "casework"), f"{today() + timedelta(days=20):%d.%m.%Y}", within=row)
    keys.select(kk("Which partner, if it is known", "casework"), kk.word("agency", AGENCY), within=row)
    desk.send("/casework/cases/[^/]+$")


def signs(desk: Desk, person: dict[str, Any], who: str) -> None:
    desk.take(person, "sign")
    desk.keys.answer(kk("Who signs", "casework"), kk.word("signer", who))
    desk.keys.answer(kk("How", "casework"), kk.word("method", "paper"))
    if who == "family":
        who_of_it = kk("If the family signs: who of it", "casework")
        desk.keys.answer(who_of_it, kk("the one who applied", "casework"))
    desk.send("/casework/cases/[^/]+$")


def refers(desk: Desk, person: dict[str, Any]) -> None:
    keys = desk.keys
    desk.take(person, "refer")
    keys.select(kk("What help is needed", "referrals"), kk.word("service_kind", "health"))
    services = desk.page.get_by_role("group", name=kk("Services that fit", "referrals"))
    keys.to(services.get_by_role("radio").first)
    desk.page.keyboard.press("Space")
    keys.answer(kk("How urgent", "referrals"), kk.word("priority", "routine"))
    keys.write(kk("Why the family is sent, and what is asked for", "referrals"), "Дәрігер керек.")
    for field in ("name", "phone", "need"):
        keys.tick(kk.word("disclose", field))
    desk.send("/referrals/referrals/[^/]+$")


def sees_what_became_of_it(desk: Desk, person: dict[str, Any], referral: dict[str, Any]) -> None:
    search(desk, person["family_name"])
    desk.keys.press("link", re.compile(person["family_name"]))
    page = desk.page
    expect(page.get_by_role("heading", level=1)).to_contain_text(person["family_name"])
    expect(page.get_by_role("link", name=referral["number"]).first).to_be_visible()  # the panel of referrals
    expect(page.get_by_text(kk.word("referral_state", "completed")).first).to_be_visible()
    expect(page.get_by_text(kk.word("template", "help-given")).first).to_be_visible()  # the panel of messages
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
    open_until(page, "/referrals/inbox", page.get_by_text(referral["number"]))
    page.get_by_role("link", name=referral["number"]).first.click()
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


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]
