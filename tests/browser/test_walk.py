"""Every page in every state, in three languages, on three screens: it fits, everybody can read it, nothing is in another language."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from shared.ui import Pages
from tests.architecture.test_routes import SERVICES, application_of
from tests.browser import looks
from tests.browser.families import Families
from tests.browser.walk import ASIDE, STOPS, Stop
from tests.browser.window import Window, open_window

SIZES = ((1366, 768), (1920, 1080), (390, 844))
AXE_AT = {"kk": 1366, "ru": 390}
"""At which width axe looks at a page of a language. In English it would find the same again, and it takes most of the time."""
PICTURES = Path(__file__).parents[2] / ".screenshots"

Windows = Callable[[str, str], Window]


@pytest.fixture(scope="module")
def windows(stack, chromium: Browser, logged_in):
    """The window of somebody who reads in a language, the same one for all stops."""
    opened: dict[tuple[str, str], Window] = {}

    def window(who: str, language: str) -> Window:
        if (who, language) not in opened:
            opened[who, language] = open_window(chromium, stack, logged_in(who) if who else None, language)
        return opened[who, language]

    yield window
    for each in opened.values():
        each.close()


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.name)
def test_a_page(stop: Stop, language: str, windows: Windows, families: Families):
    address = stop.opens(families)
    window = windows(stop.who, language)
    page = window.page
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    window.refusals = {stop.status} - {200}
    status = opened(page, address, stop)
    found = [f"answers {status}"] if status != stop.status else []
    found += looks.foreign_words(page, language)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{width} px: {each}" for each in looks.too_wide(page)]
        if width == AXE_AT.get(language):
            found += [f"{width} px: {each}" for each in looks.axe(page)]
        if width == SIZES[0][0]:
            picture(page, f"{stop.name}-{language}")
    found += window.taken_faults()
    assert not found, "\n".join([address, *found])


def opened(page: Page, address: str, stop: Stop) -> int | None:
    """Open the page, do what is to be done there, and wait until all of it stands. Returns the status of the answer."""
    answer = page.goto(address)
    if stop.then is not None:
        looks.settled(page)
        with page.expect_navigation() as went:
            stop.then(page)
        answer = went.value
    looks.settled(page)
    return answer.status if answer else None


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=80, full_page=True)


@pytest.mark.parametrize("service", SERVICES)
def test_the_walk_leaves_out_no_page(service: str, families: Families):
    application = application_of(service)
    routes = application.url_map.bind("127.0.0.1")
    walked = set()
    for stop in STOPS:
        path = stop.opens(families).partition("?")[0]
        if routes.test(path, "GET"):
            walked.add(routes.match(path, "GET")[0])
    pages = {
        rule.endpoint
        for rule in application.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and isinstance(application.blueprints.get(rule.endpoint.split(".")[0]), Pages)
    }
    application.extensions[service].store.database.client.close()
    assert pages, f"{service} has no pages"
    assert pages - walked - ASIDE.keys() == set()
