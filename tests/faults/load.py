"""Load with a ledger of its own: what was asked, and what was acknowledged. Each request is sent again, with the same
Idempotency-Key, until it has an answer; so at the end everything asked is acknowledged, and nothing else may be there.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.embedded.stack import Stack
from tests.callers import Caller, appeal, user

AGAIN = {502, 503, 504}
PATIENCE = 60.0
"""Seconds after which a request without an answer is a failure of the test."""


@dataclass
class Ledger:
    """Ids by what was acknowledged of them. Lists are only ever added to, which is safe between threads."""

    registered: list[str] = field(default_factory=list)
    screened: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


class Load:
    """Windows at work, each a thread with a connection of its own, until told to stop."""

    def __init__(self, stack: Stack, windows: int = 4) -> None:
        self.ledger = Ledger()
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        logins = ("worker.astana", "worker2.astana")
        callers = [user(stack, logins[n % len(logins)]) for n in range(windows)]
        self._threads = [threading.Thread(target=self._run, args=(caller,)) for caller in callers]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures

    def _run(self, caller: Caller) -> None:
        try:
            while not self._stop.is_set():
                self._family(caller)
        except BaseException as failure:
            self._failures.append(failure)
        finally:
            caller.close()

    def _family(self, caller: Caller) -> None:
        """An appeal, and its screening to a case."""
        made = self._insist(caller, "/intake/v1/appeals", appeal(), 201)
        self.ledger.registered.append(made["id"])
        body = {"outcome": "open-case", "note": "Needs a plan."}
        self._insist(caller, f"/intake/v1/appeals/{made['id']}/screening", body, 200, made["version"])
        self.ledger.screened.append(made["id"])

    def _insist(self, caller: Caller, path: str, body: Any, wanted: int, version: int | None = None) -> Any:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = caller.http.post(path, json=body, headers=headers)
            except httpx.TransportError as error:
                self.ledger.answers[type(error).__name__] += 1
                time.sleep(0.05)
                continue
            self.ledger.answers[str(answer.status_code)] += 1
            if answer.status_code not in AGAIN:
                return Caller.answer(answer, wanted)
            time.sleep(0.05)
        raise AssertionError(f"no answer to {path} in {PATIENCE:.0f} s")
