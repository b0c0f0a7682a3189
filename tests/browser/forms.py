"""Forms filled by hand, where a test is about something else than the filling."""

from __future__ import annotations

from datetime import date
from typing import Any

from playwright.sync_api import Page

from shared.embedded.stack import Stack


def log_in_on(page: Page, stack: Stack, login: str) -> None:
    """Fill the issuer's page, which stands there, and send it."""
    page.fill("#login", login)
    page.fill("#password", stack.secrets.users[login])
    page.press("#password", "Enter")


def day(iso: str) -> str:
    """As people write it: 07.04.1989"""
    return f"{date.fromisoformat(iso):%d.%m.%Y}"


def choose(page: Page, name: str, value: str) -> None:
    """A radio button or a box."""
    page.locator(f"[name='{name}'][value='{value}']").check()


def write(page: Page, name: str, text: str) -> None:
    page.locator(f"[name='{name}']").first.fill(text)


def register(page: Page, person: dict[str, Any]) -> None:
    """Fill the register page, which stands there, with an appeal of somebody."""
    for kind in ("life", "child", "domestic_violence"):
        choose(page, f"danger.{kind}", "false")
    choose(page, "channel", "window")
    for name in ("iin", "family_name", "given_name", "phone"):
        write(page, f"applicant.{name}", person[name])
    write(page, "applicant.birth_date", day(person["birth_date"]))
    choose(page, "applicant.sex", person["sex"])
    page.locator("[name='applicant.language']").select_option(person["language"])
    choose(page, "safe_contact.sms", "yes")
    write(page, "need", "Тұратын жер керек.")
    choose(page, "grounds", "homelessness")
    choose(page, "consent.scopes", "processing")
    choose(page, "consent.scopes", "share:health")
    choose(page, "consent.given", "true")


def typed(page: Page) -> list[list[str]]:
    """What the register form would send, also what is hidden; but for when it was first shown."""
    pairs = page.evaluate("[...new FormData(document.getElementById('register'))]")
    return sorted(pair for pair in pairs if pair[0] not in ("_loaded", "_restore"))
