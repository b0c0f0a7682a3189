"""Working a page by the keyboard alone, as somebody does who sees where the focus is.

Fields are named as the form names them (`applicant.iin`), links and buttons as they are announced.
"""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 250
"""As many stops as the longest form has, and some: then what was looked for cannot be reached."""


class Keyboard:
    """The keyboard of one tab. Each method fails where no key leads to what was asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, target: Locator) -> Locator:
        """Tab until it has the focus."""
        expect(target).to_be_visible()
        for _ in range(MOST_STEPS):
            if has_focus(target):
                return target
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {target}")

    def press(self, role: str, name: str | re.Pattern[str]) -> None:
        """A button or a link: go there and press Enter."""
        self.to(self.page.get_by_role(role, name=name, exact=isinstance(name, str)).first)
        self.page.keyboard.press("Enter")

    def write(self, field: str, text: str) -> None:
        """Go to the field and put this text in the place of what it holds."""
        self.to(self._field(field))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def tick(self, field: str, value: str) -> None:
        box = self.to(self._field(field, value))
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def choose(self, field: str, value: str) -> None:
        """One of several answers: some is reached by Tab, the others from there by arrows."""
        answers, wanted = self.page.locator(f"[name='{field}']"), self._field(field, value)
        expect(wanted).to_be_visible()
        self._to_one_of(answers)
        self.page.keyboard.press("Space")
        for _ in range(answers.count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {field} {value}")

    def select(self, field: str, value: str) -> None:
        """An option of a list: go to the list, and down until it stands there."""
        box = self.to(self._field(field))
        self.page.keyboard.press("Home")
        for _ in range(box.locator("option").count()):
            if box.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {field} {value}")

    def _field(self, name: str, value: str | None = None) -> Locator:
        of_value = f"[value='{value}']" if value is not None else ""
        return self.page.locator(f"main [name='{name}']{of_value}:not([type=hidden])")

    def _to_one_of(self, answers: Locator) -> None:
        name = answers.first.get_attribute("name")
        for _ in range(MOST_STEPS):
            if self.page.evaluate("document.activeElement.name") == name:
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {name}")


def has_focus(target: Locator) -> bool:
    return target.evaluate("element => element === document.activeElement")
