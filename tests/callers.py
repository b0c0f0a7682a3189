"""Calling a running stack as people and programs do: over HTTP, through the gateway, with real tokens."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

import httpx

from services.intake.domain.iin import synthetic_iin
from shared.embedded.stack import Stack
from shared.http.session import ACCESS
from shared.i18n import LANGUAGE_COOKIE

T = TypeVar("T")


def until(found: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """The first truthy answer of `found`. Fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < end, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.03)


class Caller:
    """Somebody with a token. Each method gives the body of an answer with the wanted status, and fails with the problem otherwise."""

    def __init__(self, origin: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=origin,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
            timeout=20,
            trust_env=False,
        )

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return self.answer(self.http.get(path, params=params), status)

    def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        return self.get(path, **params)["items"]

    def create(self, path: str, body: dict[str, Any], status: int = 201, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.answer(self.http.post(path, json=body, headers=headers), status)

    def post(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        """A search or a door: neither key nor version."""
        return self.answer(self.http.post(path, json=body), status)

    def command(
        self, thing: str, command: str, body: dict[str, Any], status: int = 200, **headers: str
    ) -> Any:
        """A command on `thing`, on the version that it has now: read again where an event has changed it meanwhile."""
        end = time.monotonic() + 10
        while True:
            version = self.http.get(thing).headers.get("ETag", '"1"')
            answer = self.http.post(f"{thing}/{command}", json=body, headers={"If-Match": version, **headers})
            if answer.status_code != 412 or status == 412 or time.monotonic() > end:
                return self.answer(answer, status)

    @staticmethod
    def answer(response: httpx.Response, status: int) -> Any:
        assert response.status_code == status, (
            f"{response.request.method} {response.request.url}: {response.text}"
        )
        return response.json() if response.content else None


def user(stack: Stack, login: str) -> Caller:
    return Caller(stack.origin, stack.user_token(login))


def client(stack: Stack, client_id: str) -> Caller:
    return Caller(stack.origin, stack.client_token(client_id))


def reader(stack: Stack, login: str) -> httpx.Client:
    """A browser in which somebody has logged in."""
    cookies = {ACCESS: stack.user_token(login), LANGUAGE_COOKIE: "kk"}
    headers = {"Accept": "text/html", "Accept-Encoding": "identity"}
    return httpx.Client(base_url=stack.origin, cookies=cookies, headers=headers, timeout=30, trust_env=False)


class Callers:
    """Callers of one stack by login or client id, each logged in once. `anew`: a token lives for a quarter of an hour."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._known = stack, dict[str, Caller]()

    def __call__(self, name: str) -> Caller:
        if name not in self._known:
            is_user = name in self._stack.secrets.users
            self._known[name] = (user if is_user else client)(self._stack, name)
        return self._known[name]

    def anew(self, name: str) -> Caller:
        if name in self._known:
            self._known.pop(name).close()
        return self(name)

    def close(self) -> None:
        for caller in self._known.values():
            caller.close()


def appeal(**more: Any) -> dict[str, Any]:
    """The body of an appeal of somebody who was never seen before, in Astana, who may be told by SMS."""
    born = date(1980, 1, 1) + timedelta(days=random.randrange(9000))
    person = {
        "iin": synthetic_iin(born, random.randrange(9000)),
        "family_name": "Сынақ" + "".join(random.choices("абвгдежзиклмнопрст", k=8)),
        "given_name": "Үлгі",
        "birth_date": born.isoformat(),
        "sex": "female",
        "phone": f"+7701{random.randrange(10**7):07d}",
        "language": "kk",
    }
    body = {
        "center_id": "center-71-1",
        "channel": "window",
        "applicant": {**person, **more.pop("applicant", {})},
        "safe_contact": {"sms": "yes"},
        "grounds": ["homelessness"],
        "danger": {"life": False, "child": False, "domestic_violence": False},
        "need": "Тұратын жер керек.",
        "consent": {"given": True, "scopes": ["processing", "sms", "share:health"]},
    }
    return {**body, **more}
