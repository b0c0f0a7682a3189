"""18: everybody is told to end (SIGTERM) under load, and the disk is full.

Each web process has a request in hand when it is told to end: that is answered, and the process ends in time, as does each worker.
They come back with their log lines going to a disk that is full (`/dev/full`), and go on all the same. Then the database has no
room: it dies, again and again, and people are told so cleanly. When there is room again all goes on by itself. So it is with the
broker, where there is one; only that nobody is told anything.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.callers import until
from tests.faults.disk import take_room
from tests.faults.inside.orders import IN_HAND
from tests.faults.load import HEAD
from tests.faults.parts import SERVICES, WORKERS
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import on_each_log

READINGS = {
    "intake": "/intake/v1/worklist",
    "casework": "/casework/v1/cases",
    "referrals": "/referrals/v1/referrals",
    "notifications": "/notifications/v1/messages",
}
"""What each web process has in hand."""
ENDED_WITHIN = 10.0
AWAY = 3.0
"""Seconds for which the disk stays full after the database has died of it."""
UNCLEAN = ("500", "502", "504", "503 bare")
"""What nobody may be told meanwhile."""


def harm(rig: Rig) -> None:
    before = Counter(rig.ledger.answers)
    with _log_lines_nowhere(rig):
        rig.go_on(15)
        _no_room(rig)
    if rig.scale != "short":
        _end_all(rig)
        rig.go_on(10)
    told = Counter(rig.ledger.answers) - before
    rig.notes.append(f"503: {told['503']}; no answer: {sum(told[name] for name in told if name.isalpha())}")
    if unclean := {answer: told[answer] for answer in UNCLEAN if told[answer]}:
        rig.wrong["clean"] = f"told while something was away: {unclean}"


def _end_all(rig: Rig) -> None:
    """First the web processes, each with a request in hand, then the workers."""
    for service in SERVICES:
        rig.wait_ready(service)
    seen = len(rig.journal.lines())
    with ThreadPoolExecutor(len(SERVICES)) as people:
        asked = {service: people.submit(_ask, rig, path) for service, path in READINGS.items()}
        until(lambda: _lingering(rig, seen) == set(SERVICES), "each web process has a request in hand")
        _in_time(rig, SERVICES)
    if unanswered := {service: ask.result() for service, ask in asked.items() if ask.result() != "200"}:
        rig.wrong["in-hand"] = f"in hand and not answered: {unanswered}"
    for worker in WORKERS:
        rig.wait_ready(worker)
    _in_time(rig, WORKERS)


def _lingering(rig: Rig, seen: int) -> set[str]:
    return {line.part for line in rig.journal.lines()[seen:] if line.what == "linger"}


def _in_time(rig: Rig, parts: tuple[str, ...]) -> None:
    ended = rig.end(parts)
    rig.notes.append(f"ended in {max(each.seconds for each in ended.values()):.1f} s")
    if late := {part: each for part, each in ended.items() if each.seconds > ENDED_WITHIN or each.code}:
        rig.wrong["end"] = f"told to end: {late}"


def _ask(rig: Rig, path: str) -> str:
    """What came of a request: its status, or the error of the connection."""
    headers = {"Authorization": f"Bearer {rig.tokens.of(HEAD)}", "X-Request-Id": IN_HAND}
    try:
        answer = httpx.get(f"{rig.origin}{path}", headers=headers, timeout=30, trust_env=False)
    except httpx.TransportError as error:
        return type(error).__name__
    return str(answer.status_code)


@contextlib.contextmanager
def _log_lines_nowhere(rig: Rig) -> Iterator[None]:
    """All are told to end, and while the block lasts those that come back cannot write a line of their logs (ENOSPC)."""
    logs = [rig.stack.log_file(part) for part in (*SERVICES, *WORKERS)]
    for log in logs:
        log.rename(log.with_suffix(".kept"))
        log.symlink_to("/dev/full")
    try:
        _end_all(rig)
        yield
    finally:
        for log in logs:
            log.unlink()
            log.with_suffix(".kept").rename(log)


def _no_room(rig: Rig) -> None:
    """The database has no room for a while."""
    died = rig.keeper.deaths("mongod")
    with rig.keeper.full_disk():
        until(lambda: rig.keeper.deaths("mongod") > died, "the database dies of a full disk")
        time.sleep(AWAY)  # this is the fault: how long there is no room
    rig.hits["disk full"] += 1
    rig.go_on(10)
    if rig.broker:
        _no_room_for_the_log(rig)


def _no_room_for_the_log(rig: Rig) -> None:
    """The broker dies of a full disk; people are served meanwhile, as with a log that is away for another reason."""
    take_room(rig.broker.pid)
    until(lambda: rig.broker.code is not None, "the broker dies of a full disk", 30.0)
    rig.hits["disk full"] += 1
    rig.go_on(5)
    rig.broker.start()
    rig.go_on(10)


SCENARIOS = on_each_log(
    {
        "embedded": {"abrupt": frozenset({"in-hand"}), "away-is-a-bug": frozenset({"clean", "answers"})},
        "kafka": {"trusting": frozenset({"order", "documents"})},  # the others do not go by the log
    },
    number=18,
    name="told to end, disk full",
    harm=harm,
)
