"""Patience with wrong passwords, kept in memory: there is one issuer process, and it forgets when it is started again."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable


class Attempts:
    """At most `limit` failures of one login within `seconds`; then the login waits, even with the right password."""

    def __init__(self, limit: int, seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._failures: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=limit))
        self._lock = threading.Lock()

    def wait(self, login: str) -> int:
        """Seconds until this login may be tried again; 0 when it may be tried now."""
        with self._lock:
            failures = self._failures.get(login)
            if not failures or len(failures) < self._limit:
                return 0
            return max(0, round(failures[0] + self._seconds - self._clock()))

    def failed(self, login: str) -> None:
        with self._lock:
            self._failures[login].append(self._clock())

    def succeeded(self, login: str) -> None:
        with self._lock:
            self._failures.pop(login, None)
