"""A browser in which one person works, and what may never happen in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from shared.embedded.stack import Stack

PATIENCE_MS = 30_000
"""How long anything is waited for; on a busy machine that is no failure."""
GONE_ON = "net::ERR_ABORTED"
"""What a request ends with when the person has gone on to another page."""


@dataclass
class Window:
    """A browser context with its first tab.

    `faults` is what went wrong in any of its tabs: an error in the console (also what the content security policy has stopped),
    an error that a script did not catch, a request to another host, one without an answer, a status of refusal that the test
    has not expected (`refusals`). `hosts`: other sites that are part of the test.
    """

    context: BrowserContext
    origin: str
    refusals: set[int] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        self.context.on("request", self._request)
        self.context.on("requestfailed", self._failed)
        self.context.on("response", self._response)
        self.page: Page = self.context.new_page()

    def expects(self, *statuses: int) -> None:
        """Answers with these statuses are part of the test."""
        self.refusals |= set(statuses)

    def taken_faults(self) -> list[str]:
        """What has gone wrong so far; the rest counts from here."""
        taken, self.faults = self.faults, []
        return taken

    def close(self) -> list[str]:
        """Close it. Returns what went wrong."""
        self.context.close()
        return self.faults

    def _console(self, message: ConsoleMessage) -> None:
        of_an_answer = message.text.startswith(
            "Failed to load resource"
        )  # `_response` and `_failed` know more of it
        if message.type == "error" and not of_an_answer:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", *self.hosts)):
            self.faults.append(f"another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != GONE_ON:
            self.faults.append(f"no answer: {request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refusals:
            self.faults.append(f"{response.status}: {response.request.method} {urlsplit(response.url).path}")


def open_window(chromium: Browser, stack: Stack, cookies: Any, language: str, **options: Any) -> Window:
    """A window of its own, with somebody's cookies, whose browser says that he reads this language."""
    context = chromium.new_context(
        base_url=stack.origin,
        locale="en-GB" if language == "en" else f"{language}-KZ",
        timezone_id="Asia/Almaty",
        storage_state=cookies,
        **{"viewport": {"width": 1366, "height": 768}, **options},
    )
    context.set_default_timeout(PATIENCE_MS)
    return Window(context, stack.origin)


def log_in(chromium: Browser, stack: Stack, login: str) -> Any:
    """The cookies of somebody who logs in as people do."""
    context = chromium.new_context(base_url=stack.origin)
    page = context.new_page()
    page.goto("/session/log-in?next=/session/logged-in")
    page.fill("#login", login)
    page.fill("#password", stack.secrets.users[login])
    page.keyboard.press("Enter")
    page.wait_for_url("**/session/logged-in")
    state = context.storage_state()
    context.close()
    return state
