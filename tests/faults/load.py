"""People at work: windows that take families their way, and a partner agency that answers.

    with Load(origin, tokens, ledger, seed=7):
        …                                   # they work until the `with` ends; what was sent is brought to its end

    appeal → screening → assessment → plan → signatures → approval → referral → (partner: accept, start, complete)
                                                              └────→ own measure: start, deliver

A window goes from family to family: one whose next step has to wait for another service waits, and the window takes the next one
or registers a new one. So whatever stands still, appeals go on coming in. Each window is a thread with a connection of its own.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Generator
from datetime import timedelta
from typing import Any

from tests.callers import appeal
from tests.faults.desk import Desk, Json, LetGo, Tokens
from tests.faults.ledger import Ledger
from tests.system.family import DISCLOSE, DOMAINS, today

WORKERS = ("worker.astana", "worker2.astana")
HEAD = "supervisor.astana"
AGENCY = "agency-health-astana"
WAYS = ("whole", "case", "whole", "consultation")
"""How far families go, in turn."""
MOST_WAITING = 6
"""Families of one window under way at once; the longest waiting is left where it is when there are more."""

Way = Generator[None, None, None]


class Load:
    """Everybody at work."""

    def __init__(
        self,
        origin: str,
        tokens: Tokens,
        ledger: Ledger,
        seed: int,
        windows: int = 3,
        pauses: tuple[float, float] = (0.05, 0.2),
    ) -> None:
        """`pauses`: from and to how many seconds a window waits between two steps: this shapes the load."""
        self.failures: list[BaseException] = []
        self._closing = threading.Event()
        self._desks = [Desk(origin, tokens, ledger, self._closing) for _ in range(windows + 1)]
        runs = [
            _Window(desk, WORKERS[n % 2], random.Random(seed + n), pauses).run
            for n, desk in enumerate(self._desks[1:])
        ]
        runs.append(_Partner(self._desks[0]).run)
        self._threads = [threading.Thread(target=self._guarded, args=(run,), daemon=True) for run in runs]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()
        for desk in self._desks:
            desk.close()

    def _guarded(self, run: Any) -> None:
        try:
            run()
        except BaseException as failure:
            self.failures.append(failure)


class _Window:
    def __init__(
        self, desk: Desk, worker: str, chance: random.Random, pauses: tuple[float, float]
    ) -> None:
        self._desk, self._worker, self._chance, self._pauses = desk, worker, chance, pauses
        self._waiting: deque[Way] = deque(maxlen=MOST_WAITING)

    def run(self) -> None:
        ways = itertools.cycle(WAYS)
        while not self._desk.closing.is_set():
            for _ in range(len(self._waiting)):
                self._go_on(self._waiting.popleft())
            self._go_on(_family(self._desk, self._worker, next(ways)))

    def _go_on(self, way: Way) -> None:
        """One step of a family's way; then it waits for its turn, unless that was its end."""
        try:
            next(way)
        except (StopIteration, LetGo):
            return
        self._waiting.append(way)
        time.sleep(self._chance.uniform(*self._pauses))


def _family(desk: Desk, worker: str, goes: str) -> Way:
    """A family's way; each `yield` lets others have their turn, and is where it waits."""
    made = desk.create(worker, "/intake/v1/appeals", appeal(), uuid.uuid4().hex)
    yield
    outcome = "consultation" if goes == "consultation" else "open-case"
    path = f"/intake/v1/appeals/{made['id']}"
    desk.command(worker, path, "screening", {"outcome": outcome, "note": "Was here."}, made["version"])
    if goes == "whole":
        while not (found := desk.get(HEAD, "/casework/v1/cases", appeal_id=made["id"])["items"]):
            yield
        yield from _help(desk, found[0])


def _help(desk: Desk, case: Json) -> Way:
    holder, path, due = (
        case["holder"],
        f"/casework/v1/cases/{case['id']}",
        (today() + timedelta(days=20)).isoformat(),
    )
    measures = [
        {"kind": "medical", "responsible": {"type": "agency", "agency_id": AGENCY}, "due_on": due},
        {"kind": "housing", "responsible": {"type": "center"}, "due_on": due},
    ]
    family = {"by": "family", "person_id": case["person_id"], "method": "paper"}
    for who, command, body in (
        (holder, "assessment", {"domains": dict.fromkeys(DOMAINS, 1), "note": "As told."}),
        (holder, "plan", {"goals": ["A home"], "measures": measures}),
        (holder, "plan/sign", {"by": "worker", "method": "paper"}),
        (holder, "plan/sign", family),
        (HEAD, "plan/approve", {}),
        (holder, "measures/2/start", {}),
    ):
        case = desk.command(who, path, command, body, case["version"])
        yield
    referral, key = _referral(case), uuid.uuid4().hex
    while desk.create(holder, "/referrals/v1/referrals", referral, key, not_yet={404, 409, 422}) is None:
        yield  # the case has not arrived there yet, or not as it is now
    yield
    given = {"given_on": today().isoformat(), "condition": "home"}
    desk.command(holder, path, "measures/2/deliver", given, case["version"])


def _referral(case: Json) -> Json:
    return {
        "case_id": case["id"],
        "measure": 1,
        "service_kind": "health",
        "priority": "routine",
        "reason": "Needs a doctor.",
        "disclose": DISCLOSE,
    }


class _Partner:
    """The health agency, which looks into its inbox and does what it is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def run(self) -> None:
        while not self._desk.closing.wait(0.1):
            try:
                asked = self._desk.get(AGENCY, "/referrals/v1/inbox", state="requested", limit=50)["items"]
                for referral in asked:
                    self._give(referral["id"])
            except LetGo:
                continue

    def _give(self, id: str) -> None:
        path = f"/referrals/v1/referrals/{id}"
        given = {"summary": "Seen.", "given_on": today().isoformat(), "condition": "home"}
        version = self._desk.get(AGENCY, path)["version"]
        for command, body in (("accept", {}), ("start", {}), ("complete", {"result": given})):
            version = self._desk.command(AGENCY, path, command, body, version)["version"]
            if command == "start":
                self._desk.get(AGENCY, f"{path}/client")  # the client's fields, by intake's door
