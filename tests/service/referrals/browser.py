"""Somebody with a browser, for the tests of pages: addresses, forms as they stand on a page, and what is on it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from werkzeug.test import TestResponse

from tests.service.referrals.world import World, token

Fields = dict[str, str | list[str]]


class Browser:
    """A person who is logged in, and reads English."""

    def __init__(self, world: World, login: str) -> None:
        self.client = world.app.test_client(use_cookies=False)
        self.headers = {"Accept": "text/html", "Accept-Language": "en", **token(login)}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers={**self.headers, **headers})

    def post(self, path: str, fields: Fields, **headers: str) -> TestResponse:
        return self.client.post(path, data=fields, headers={**self.headers, **headers})

    def send(self, path: str, to: str | None = None, **fields: Any) -> TestResponse:
        """Open the page, fill its form (of the address `to`, or without one) and send it. `result__note` is `result.note`."""
        typed = {name.replace("__", "."): value for name, value in fields.items()}
        return self.post(to or path, {**form_on(self.get(path), to), **typed})


class _Forms(HTMLParser):
    """The forms of a page: address → what a browser would send of it as it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str | None, Fields] = {}
        self._form: Fields | None = None
        self._open: tuple[str, str] | None = None  # the textarea or select that is being read, and its text

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        of = dict(attributes)
        if tag == "form":
            self._form = self.forms.setdefault(of.get("action"), {})
        if self._form is None:
            return
        name, value = of.get("name") or "", of.get("value") or ""
        if tag == "input" and name and (of.get("type") not in ("radio", "checkbox") or "checked" in of):
            many = of.get("type") == "checkbox" and name in self._form
            self._form[name] = [*_listed(self._form[name]), value] if many else value
        elif tag in ("textarea", "select"):
            self._open = (name, "")
        elif tag == "option" and self._open and "selected" in of:
            self._open = (self._open[0], value)

    def handle_data(self, data: str) -> None:
        if self._open and self.get_starttag_text().startswith("<textarea"):
            self._open = (self._open[0], self._open[1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag in ("textarea", "select") and self._open and self._form is not None:
            self._form[self._open[0]] = self._open[1]
            self._open = None


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def forms_on(answer: TestResponse) -> dict[str | None, Fields]:
    """The forms of a page by their addresses (None: the page's own)."""
    parser = _Forms()
    parser.feed(seen(answer, answer.status_code))
    return parser.forms


def form_on(answer: TestResponse, address: str | None = None) -> Fields:
    """What a browser would send of the page's form."""
    forms = forms_on(answer)
    assert address in forms, list(forms)
    return forms[address]


def seen(answer: TestResponse, status: int = 200) -> str:
    """The page. It is for people, and no browser keeps it."""
    assert answer.status_code == status, answer.text[:3000]
    assert answer.mimetype == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def went_to(answer: TestResponse) -> str:
    """Where a browser goes on after a form that was carried out."""
    assert answer.status_code == 303, answer.text[:3000]
    return answer.headers["Location"]
