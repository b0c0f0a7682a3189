"""Somebody at a desk, who sends a request until it has an answer.

No answer (the connection was refused or cut, it took too long, the gateway or the service says that something is away) → sent
again, with the same Idempotency-Key. Stale → read again and sent again, same key. Any other answer that was not expected is a
surprise: it goes into the ledger, and the desk lets this family go.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection
from typing import Any

import httpx

from shared.embedded.stack import Stack
from tests.faults.ledger import Done, Ledger

NO_ANSWER = {500, 502, 503, 504}
"""500 too: of a request that was cut off in the middle nobody knows what became of it. It is counted."""
PATIENCE = 90.0
PAUSE = 0.05
TIMEOUT = 8.0
RENEW_AFTER = 600.0
"""Seconds; an access token lives 15 minutes."""

Json = dict[str, Any]


class LetGo(Exception):
    """The family's way ends here: the load is closing, or it met with a surprise."""


class Tokens:
    """Access tokens by login or client id, by the real log-in; renewed before they end. May be used by several threads."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._known: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def of(self, who: str) -> str:
        with self._lock:
            since, token = self._known.get(who, (0.0, ""))
            if not token or time.monotonic() - since > RENEW_AFTER:
                is_user = who in self._stack.secrets.users
                token = (self._stack.user_token if is_user else self._stack.client_token)(who)
                self._known[who] = (time.monotonic(), token)
            return token


class Desk:
    """One connection, at which one thread works for whoever it says (`who`: a login or client id)."""

    def __init__(self, origin: str, tokens: Tokens, ledger: Ledger, closing: threading.Event) -> None:
        self.closing = closing
        self.patience = PATIENCE
        """Seconds after which a request without an answer is a surprise."""
        self._http = httpx.Client(base_url=origin, timeout=TIMEOUT, trust_env=False)
        self._tokens, self._ledger = tokens, ledger

    def close(self) -> None:
        self._http.close()

    def get(self, who: str, path: str, **params: Any) -> Json:
        shown = self._until_answered(who, "GET", path, {200}, params=params)[0].json()
        self._ledger.read(_things(path, shown))
        return shown

    def create(self, who: str, path: str, body: Json, key: str, not_yet: Collection[int] = ()) -> Json | None:
        """Create. `not_yet`: statuses that say that it cannot be done yet; then None."""
        expected, begun_at = {201, *not_yet}, time.monotonic()
        answer, tries = self._until_answered(who, "POST", path, expected, key=key, json=body)
        if answer.status_code in not_yet:
            return None
        return self._acknowledged(path.rpartition("/")[2], path, who, key, body, answer, tries, begun_at)

    def command(self, who: str, thing: str, command: str, body: Json, version: int) -> Json:
        """Carry out a command on the thing at that path, as of `version`, or of a newer one if that is stale."""
        name = "/".join(part for part in command.split("/") if not part.isdigit())
        return self._change(who, "POST", thing, f"{thing}/{command}", name, body, version)

    def correct(self, who: str, thing: str, changes: Json, version: int) -> Json:
        """Correct what is recorded there (a merge patch); in the ledger the command `correct`."""
        return self._change(who, "PATCH", thing, thing, "correct", changes, version)

    def _change(
        self, who: str, method: str, thing: str, path: str, name: str, body: Json, version: int
    ) -> Json:
        key, tries, begun_at = uuid.uuid4().hex, 0, time.monotonic()
        while True:
            answer, more = self._until_answered(
                who, method, path, {200, 412}, key=key, version=version, json=body, begun=tries > 0
            )
            tries += more
            if answer.status_code == 200:
                return self._acknowledged(name, path, who, key, body, answer, tries, begun_at)
            version = self._until_answered(who, "GET", thing, {200}, begun=True)[0].json()["version"]

    def again(self, done: Done) -> Json:
        """Send what was acknowledged once more; the answer. It does not come into the ledger."""
        expected = {201} if done.command in ("appeals", "referrals") else {200}
        method = "PATCH" if done.command == "correct" else "POST"
        return self._until_answered(
            done.who, method, done.path, expected, key=done.key, version=1, json=done.body
        )[0].json()

    def _acknowledged(
        self,
        command: str,
        path: str,
        who: str,
        key: str,
        body: Json,
        answer: httpx.Response,
        tries: int,
        begun_at: float,
    ) -> Json:
        thing, now = answer.json(), time.monotonic()
        self._ledger.add(
            Done(
                command=command,
                path=path,
                who=who,
                key=key,
                body=body,
                answer=thing,
                tries=tries,
                waited=now - begun_at,
                at=now,
            )
        )
        return thing

    def _until_answered(
        self,
        who: str,
        method: str,
        path: str,
        expected: Collection[int],
        key: str | None = None,
        version: int | None = None,
        begun: bool = False,
        **more: Any,
    ) -> tuple[httpx.Response, int]:
        """The answer, and after how many tries. What has `begun` is brought to its end also while the load closes."""
        if self.closing.is_set() and not begun:
            raise LetGo
        end, tries = time.monotonic() + self.patience, 0
        headers = {"Authorization": f"Bearer {self._tokens.of(who)}", "Accept-Language": "en"}
        if key is not None:
            headers["Idempotency-Key"] = key
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        while time.monotonic() < end:
            tries += 1
            try:
                answer = self._http.request(method, path, headers=headers, **more)
            except httpx.TransportError as error:
                self._ledger.count(type(error).__name__, path)
            else:
                self._ledger.count(f"{answer.status_code}" if is_clean(answer) else "503 bare", path)
                if answer.status_code in expected:
                    return answer, tries
                if answer.status_code not in NO_ANSWER:
                    self._ledger.surprise(
                        f"{method} {_shape(path)}: {answer.status_code} {_slug(answer)}, try {tries}"
                    )
                    raise LetGo
            time.sleep(PAUSE)
        self._ledger.surprise(f"{method} {_shape(path)}: no answer in {self.patience:.0f} s")
        raise LetGo


def is_clean(answer: httpx.Response) -> bool:
    """Whether an answer that something is away is a problem document that says when to come again."""
    problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
    return answer.status_code != 503 or (problem and answer.headers.get("Retry-After", "").isdigit())


def _things(path: str, shown: Json) -> list[str]:
    """What somebody has read: a list of one thing is logged like the thing itself, and one of more as a list, which is not counted here."""
    if "items" not in shown:
        return [path]
    return [f"{path}/{row['id']}" for row in shown["items"]] if len(shown["items"]) == 1 else []


def _shape(path: str) -> str:
    """The path without its ids."""
    return "/".join("…" if len(part) == 36 else part for part in path.split("/"))


def _slug(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("type", ""))
    except ValueError:
        return ""
