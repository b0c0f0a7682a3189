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
from tests.faults.desk import PATIENCE, Desk, Json, LetGo, Tokens
from tests.faults.ledger import Ledger
from tests.system.family import DISCLOSE, DOMAINS, today

WORKERS = ("worker.astana", "worker2.astana")
HEAD = "supervisor.astana"
AGENCY = "agency-health-astana"
WAYS = ("whole", "case", "whole", "consultation")
"""How far families go, in turn."""
MOST_WAITING = 6
"""Families of one window under way at once; the longest waiting is left where it is when there are more."""
PAUSES = (0.05, 0.2)
"""Seconds between two steps of a window: this shapes the load."""

Way = Generator[None, None, None]
Part = Generator[None, None, Json]
"""A part of a family's way, and what is there at its end."""


class Load:
    """Everybody at work."""

    def __init__(self, origin: str, tokens: Tokens, ledger: Ledger, seed: int, windows: int = 3) -> None:
        self.failures: list[BaseException] = []
        self.slowness = 1.0
        self._closing = threading.Event()
        self._desks = [Desk(origin, tokens, ledger, self._closing) for _ in range(windows + 1)]
        runs = [
            _Window(desk, WORKERS[n % 2], random.Random(seed + n), self).run
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

    def slow_down(self, slowness: float) -> None:
        """From now on the windows wait so many times longer than usual between two steps, and everybody for an answer: while the log
        is away for ten minutes, intake knows nothing yet of a new referral, and tells the partner that much (503)."""
        self.slowness = slowness
        for desk in self._desks:
            desk.patience = PATIENCE * slowness

    def _guarded(self, run: Any) -> None:
        try:
            run()
        except BaseException as failure:
            self.failures.append(failure)


class _Window:
    def __init__(self, desk: Desk, worker: str, chance: random.Random, load: Load) -> None:
        self._desk, self._worker, self._chance, self._load = desk, worker, chance, load
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
        time.sleep(self._chance.uniform(*PAUSES) * self._load.slowness)


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
    holder, path = case["holder"], f"/casework/v1/cases/{case['id']}"
    measures = [by_agency("medical", AGENCY), measure("housing", {"type": "center"})]
    case = yield from plan(desk, case, measures)
    case = desk.command(holder, path, "measures/2/start", {}, case["version"])
    yield
    yield from refer(desk, case)
    given = {"given_on": today().isoformat(), "condition": "home"}
    desk.command(holder, path, "measures/2/deliver", given, case["version"])


def plan(desk: Desk, case: Json, measures: list[Json]) -> Part:
    """From a new case to its approved plan. Gives the case."""
    holder, path = case["holder"], f"/casework/v1/cases/{case['id']}"
    family = {"by": "family", "person_id": case["person_id"], "method": "paper"}
    for who, command, body in (
        (holder, "assessment", {"domains": dict.fromkeys(DOMAINS, 1), "note": "As told."}),
        (holder, "plan", {"goals": ["A home"], "measures": measures}),
        (holder, "plan/sign", {"by": "worker", "method": "paper"}),
        (holder, "plan/sign", family),
        (HEAD, "plan/approve", {}),
    ):
        case = desk.command(who, path, command, body, case["version"])
        yield
    return case


def refer(desk: Desk, case: Json, n: int = 1, service_kind: str = "health") -> Part:
    """A partner is asked for a measure of the plan. Gives the referral."""
    body = {
        "case_id": case["id"],
        "measure": n,
        "service_kind": service_kind,
        "priority": "routine",
        "reason": "Needs it.",
        "disclose": DISCLOSE,
    }
    path, key, not_yet = "/referrals/v1/referrals", uuid.uuid4().hex, {404, 409, 422}
    while (referral := desk.create(case["holder"], path, body, key, not_yet)) is None:
        yield  # the case has not arrived there yet, or not as it is now
    yield
    return referral


def measure(kind: str, responsible: Json) -> Json:
    """A measure of a plan."""
    return {"kind": kind, "responsible": responsible, "due_on": (today() + timedelta(days=20)).isoformat()}


def by_agency(kind: str, agency: str) -> Json:
    return measure(kind, {"type": "agency", "agency_id": agency})


def to_its_end(part: Part) -> Json:
    """Go a part of a way without doing anything else meanwhile."""
    while True:
        try:
            next(part)
        except StopIteration as end:
            return end.value
        time.sleep(0.03)


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
