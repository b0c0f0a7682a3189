"""Working a page by the keyboard alone, as somebody does who sees where the focus is."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 250
"""As many stops as the longest form has, and some: then what was looked for cannot be reached."""


class Keyboard:
    """The keyboard of one tab. Everything is named as it is announced: role and accessible name."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, target: Locator) -> Locator:
        """Tab until it has the focus. Fails where it is not on the page, or no Tab leads there."""
        expect(target).to_be_visible()
        for _ in range(MOST_STEPS):
            if has_focus(target):
                return target
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {target}")

    def reach(self, role: str, name: str | re.Pattern[str], *, within: Locator | None = None) -> Locator:
        """The same, for what is announced like this."""
        place = within or self.page
        return self.to(place.get_by_role(role, name=name, exact=isinstance(name, str)).first)

    def press(self, role: str, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """A button or a link: go there and press Enter."""
        self.reach(role, name, within=within)
        self.page.keyboard.press("Enter")

    def write(self, name: str | re.Pattern[str], text: str, *, within: Locator | None = None) -> None:
        """A field: go there and put this text in the place of what it holds."""
        self.reach("textbox", name, within=within)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def tick(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        box = self.reach("checkbox", name, within=within)
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()

    def answer(self, question: str | re.Pattern[str], answer: str | re.Pattern[str]) -> None:
        """One of several answers to a question: the first is reached by Tab, the others by arrows."""
        self.choose(self.page.get_by_role("group", name=question, exact=isinstance(question, str)), answer)

    def choose(self, group: Locator, answer: str | re.Pattern[str]) -> None:
        wanted = group.get_by_role("radio", name=answer, exact=isinstance(answer, str))
        expect(wanted).to_be_visible()
        self._into(group)
        self.page.keyboard.press("Space")
        for _ in range(group.get_by_role("radio").count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {answer!r}")

    def select(self, name: str | re.Pattern[str], option: str, *, within: Locator | None = None) -> None:
        """An option of a list: go to the list, and down until it stands there."""
        box = self.reach("combobox", name, within=within)
        self.page.keyboard.press("Home")
        for _ in range(box.locator("option").count()):
            if box.evaluate("box => box.selectedOptions[0].text.trim()") == option:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {option!r}")

    def _into(self, group: Locator) -> None:
        radios = group.get_by_role("radio")
        for _ in range(MOST_STEPS):
            if any(has_focus(radio) for radio in radios.all()):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError("no Tab leads to the answers")


def has_focus(target: Locator) -> bool:
    return target.evaluate("element => element === document.activeElement")
