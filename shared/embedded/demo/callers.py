"""Talking to the stack: over HTTP, through the gateway, with the tokens of the demo users."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from shared.embedded.log_ins import STAFF_PAGES, Secrets
from shared.embedded.token import client_token, user_token
from shared.embedded.trouble import Trouble

T = TypeVar("T")
Resource = dict[str, Any]

PATIENCE = 10.0
"""Seconds after which something that was to happen by itself counts as not happening."""
LOOK = 0.03


@dataclass(frozen=True)
class Caller:
    """Somebody who is logged in. Each method gives the answer's body, or ends the demo with what went wrong."""

    http: httpx.Client

    def get(self, path: str, **params: Any) -> Any:
        return told(self._send("GET", path, params=params))

    def create(self, path: str, body: Resource) -> Resource:
        """Made once, however often the network makes us say it."""
        return told(self._send("POST", path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex}), 201)

    def command(self, thing: str, command: str, body: Resource) -> Resource:
        """A command on what is there now: where something has changed it meanwhile, look again and say it again."""
        key = uuid.uuid4().hex
        for _ in range(5):
            seen = self._send("GET", thing)
            told(seen)
            headers = {"If-Match": seen.headers["ETag"], "Idempotency-Key": key}
            answer = self._send("POST", f"{thing}/{command}", json=body, headers=headers)
            if answer.status_code != 412:
                break
        return told(answer)

    def ask(self, path: str, **options: Any) -> httpx.Response:
        """The answer as it is, for what may not be there yet."""
        return self._send("POST" if "json" in options else "GET", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise Trouble(f"{method} {path}: no answer ({type(error).__name__}).") from None


def told(answer: httpx.Response, status: int = 200) -> Any:
    """The body of an answer with the wanted status. Raises Trouble for another one."""
    if answer.status_code == status:
        return answer.json()
    raise Trouble(f"{answer.request.method} {answer.request.url.path}: {problem(answer)}")


def problem(answer: httpx.Response) -> str:
    """An answer that was not wanted, in one line."""
    try:
        told = answer.json()
        more = [
            told.get("detail"),
            *(f"{path}: {' '.join(texts)}" for path, texts in told.get("errors", {}).items()),
        ]
        return " ".join([f"{answer.status_code}", told["title"] + ".", *filter(None, more)])
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"HTTP {answer.status_code}"


@dataclass
class People:
    """The demo users and clients, logged in when they are first needed."""

    origin: str
    secrets: Secrets
    known: dict[str, Caller] = field(default_factory=dict)

    def __call__(self, name: str) -> Caller:
        if name not in self.known:
            headers = {"Authorization": f"Bearer {self._token(name)}", "Accept-Language": "en"}
            self.known[name] = Caller(
                httpx.Client(base_url=self.origin, headers=headers, timeout=PATIENCE, trust_env=False)
            )
        return self.known[name]

    def close(self) -> None:
        for caller in self.known.values():
            caller.http.close()

    def _token(self, name: str) -> str:
        users, clients = self.secrets.users, self.secrets.clients
        if name in users:
            return user_token(self.origin, name, users[name], clients[STAFF_PAGES])
        if name in clients:
            return client_token(self.origin, name, clients[name])
        raise Trouble(f"{name} is no demo user.")


def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` finds, once it finds something. `what`: what is waited for."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {PATIENCE:.0f} seconds.")
        time.sleep(LOOK)
    return found
