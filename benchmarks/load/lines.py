"""The open schedule, and the connections that keep it: nobody waits with a request for what became of the one before."""

from __future__ import annotations

import http.client
import itertools
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

LINES = 192
"""Connections, each with a thread: more than all services take at once, so that it is never the load that waits."""
TIMEOUT = 30.0


@dataclass(frozen=True)
class Request:
    """One request. `heard` is given the answer's body where it succeeded."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    heard: Callable[[bytes], None] = lambda body: None


@dataclass(frozen=True)
class Outcome:
    """What became of a request. `seconds`: from when it should have left; `status` 0: no answer."""

    kind: str
    due: float
    seconds: float
    status: int


def poisson(rate: float, seconds: float, chance: Random) -> list[float]:
    """Moments of people who do not know of each other, so many a second."""
    moments = itertools.accumulate(iter(lambda: chance.expovariate(rate), None))
    return list(itertools.takewhile(lambda at: at < seconds, moments))


class Lines:
    """Connections to the gateway, each with a thread that sends what is due and waits for the answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._due: queue.SimpleQueue[tuple[float, Request] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(LINES)]
        for thread in self._threads:
            thread.start()

    def keep(self, schedule: Sequence[float], ask: Callable[[], Request]) -> list[Outcome]:
        """A request at each of these moments, in seconds from now; returns when all have their answer."""
        begun = time.monotonic()
        for at in schedule:
            time.sleep(max(0.0, begun + at - time.monotonic()))
            self._due.put((begun + at, ask()))
        return [self._outcomes.get() for _ in schedule]

    def close(self) -> None:
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        while (next := self._due.get()) is not None:
            due, request = next
            status = self._ask(line, request)
            self._outcomes.put(Outcome(request.kind, due, time.monotonic() - due, status))
        line.close()

    @staticmethod
    def _ask(line: http.client.HTTPConnection, request: Request) -> int:
        try:
            line.request(request.method, request.path, request.body, dict(request.headers))
            answer = line.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return 0
        if answer.status in (200, 201):
            request.heard(body)
        elif answer.status == 503 and not answer.headers["Retry-After"]:
            return 0  # whoever is refused has to be told when to come back
        return answer.status
