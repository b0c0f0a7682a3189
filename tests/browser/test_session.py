"""The session ends while somebody is typing: nothing is lost, nothing is made twice, and no other site learns what was typed."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.families import WORKER
from tests.browser.speech import Speech
from tests.browser.window import Window
from tests.callers import appeal, until

say = Speech("kk")
ELSEWHERE = "http://127.0.0.1:7999/"
"""Another site on this machine: for cookies it is the same one, for `Sec-Fetch-Site` it is not."""


def fill(page: Page, person: dict) -> None:
    """The least that an appeal needs."""
    for kind in ("life", "child", "domestic_violence"):
        page.check(f"#danger\\\\.{kind}", force=True)
    page.check("input[name=channel][value=window]", force=True)
    page.fill("#applicant\\\\.iin", person["iin"])
    page.fill("#applicant\\\\.birth_date", f"{person['birth_date'][8:]}.{person['birth_date'][5:7]}.{person['birth_date'][:4]}")
    page.check("input[name='applicant.sex'][value=female]", force=True)
    page.fill("#applicant\\\\.family_name", person["family_name"])
    page.fill("#applicant\\\\.given_name", person["given_name"])
    page.select_option("#applicant\\\\.language", "kk")
    page.check("input[name='safe_contact.sms'][value=yes]", force=True)
    page.fill("#need", "Тұратын жер керек.")
    page.check("input[name=grounds][value=homelessness]", force=True)
