"""One stack and one browser for the whole tier; a window (a browser context, logged in) for each person of a test.

Whatever goes wrong in a window fails the test, whether it looks there or not: see `window.Window.faults`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from shared.embedded.ports import WEB, free_base
from shared.embedded.stack import Stack
from tests.browser.families import Families
from tests.browser.window import PATIENCE_MS, Window, log_in, open_window
from tests.callers import Callers
from tests.oracle import World

ARGUMENTS = (
    "--no-sandbox",  # a container has no rights to make one
    "--disable-dev-shm-usage",
    "--disable-gpu",  # there is none, and playing one costs time
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("browser") / "data"
    with Stack(folder, free_base()) as stack:
        yield stack
        assert wordless(stack) == []


def wordless(stack: Stack) -> list[str]:
    """Codes that some page had no word for: a dash for the reader, a line in the log."""
    lines = [line for service in WEB for line in stack.log_file(service).read_text().splitlines()]
    return [line for line in lines if "no word for a code" in line]


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    assert program, "Chromium is missing (Debian: chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def logged_in(stack: Stack, chromium: Browser) -> Callable[[str], Any]:
    """The cookies of somebody who has logged in, each once for all tests."""
    kept: dict[str, Any] = {}

    def cookies(login: str) -> Any:
        if login not in kept:
            kept[login] = log_in(chromium, stack, login)
        return kept[login]

    return cookies


@pytest.fixture
def window(stack: Stack, chromium: Browser, logged_in: Callable[[str], Any]):
    """window("worker.astana", "kk"): a browser in which somebody is logged in; without a login, nobody is."""
    opened: list[Window] = []

    def one(login: str | None = None, language: str = "ru", **options: Any) -> Window:
        opened.append(open_window(chromium, stack, logged_in(login) if login else None, language, **options))
        return opened[-1]

    yield one
    faults = [fault for each in opened for fault in each.close()]
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def people(stack: Stack):
    """Callers of the API by login or client id."""
    with closing(Callers(stack)) as people:
        yield people


@pytest.fixture(scope="session")
def world(stack: Stack):
    world = World(stack)
    yield world
    world.close()


@pytest.fixture(scope="session")
def families(people, world) -> Families:
    """Families that have come so or so far, made through the API."""
    return Families(people, world)
