"""What was acknowledged: kept by the clients, so that it can be held against what the system has."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Done:
    """One acknowledged request that created or changed something.

    `command`: `appeals` and `referrals` for creates, else as the path ends, without the number of a measure (`plan/sign`,
    `measures/start`). `answer`: the body of the acknowledgement. `tries`: how often it was sent. `waited`: seconds
    from the first time until the answer. `at`: when that came, by the monotonic clock.
    """

    command: str
    path: str
    who: str
    key: str
    body: dict[str, Any]
    answer: dict[str, Any]
    tries: int
    waited: float
    at: float

    @property
    def subject(self) -> str:
        """Id of what was created or changed."""
        return self.answer["id"]


@dataclass
class Ledger:
    """All of it. May be used by several threads.

    `answers`: how requests were answered, readings included: by status, or the error of the connection; `503 bare` is
    one that does not say when to come again, or is no problem document. `to_appeals`: the same of new appeals alone. `readings`: how
    often each thing was shown, by `/service/…/id`, and `/service/…/id/client`. `surprises`: answers that nobody should ever get, whatever
    dies when. `withdrawn`: template and subject of each SMS that may not leave any more: the person has said so.
    """

    done: list[Done] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    to_appeals: Counter[str] = field(default_factory=Counter)
    readings: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    withdrawn: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, done: Done) -> None:
        with self._lock:
            self.done.append(done)

    def count(self, answer: str, path: str) -> None:
        with self._lock:
            self.answers[answer] += 1
            self.to_appeals[answer] += path.endswith("/appeals")

    def read(self, paths: Iterable[str]) -> None:
        with self._lock:
            self.readings.update(paths)

    def surprise(self, text: str) -> None:
        with self._lock:
            self.surprises.append(text)

    def of(self, *commands: str) -> list[Done]:
        return [done for done in self.done if done.command in commands]

    def sent_again(self) -> list[Done]:
        """The acknowledged requests that had to be sent more than once."""
        return [done for done in self.done if done.tries > 1]
