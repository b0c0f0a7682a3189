"""What the tests of the spine share: waiting for a condition, envelopes, outboxes, a mongod of one's own, processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from shared.embedded import mongod
from shared.events.cloudevents import Envelope, from_message, to_message
from shared.log import Delivery, Log, Message, Reader

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def eventually(look: Callable[[], T], within: float = 10.0) -> T:
    """What `look` gives as soon as it is true; fails after `within` seconds."""
    end = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(0.01)


def collect(reader: Reader, count: int, within: float = 10.0) -> list[Delivery]:
    """Poll until `count` messages have come."""
    found: list[Delivery] = []
    eventually(lambda: found.extend(reader.poll(timeout=0.5)) or len(found) >= count, within)
    return found


def read_all(log: Log, topic: str, count: int) -> list[Delivery]:
    """The first `count` messages of a topic, by a group that nobody else uses."""
    reader = log.reader(f"audit-{time.monotonic_ns()}", [topic])
    try:
        return collect(reader, count) + reader.poll(timeout=0.0)
    finally:
        reader.close()


def by_key(messages: Iterable[Message]) -> dict[str, list[bytes]]:
    """Values per key, in the order they came."""
    found = defaultdict(list)
    for message in messages:
        found[message.key].append(message.value)
    return dict(found)


def sequence(number: int) -> str:
    return f"0001-{number:012d}"


def envelope(key: str, number: int, type: str = "kz.birtereze.test.thing-done.v1", **data: Any) -> Envelope:
    return Envelope(
        id=f"{key}-{number}",
        type=type,
        source="/test",
        subject=key,
        time=START + timedelta(seconds=number),
        sequence=sequence(number),
        partitionkey=key,
        traceparent=None,
        data=data,
    )


def envelopes(deliveries: Iterable[Delivery]) -> list[Envelope]:
    return [from_message(delivery.message) for delivery in deliveries]


def append(log: Log, topic: str, events: Sequence[Envelope]) -> None:
    messages = [to_message(event) for event in events]
    assert log.append(topic, messages) == list(range(len(messages)))


def document(key: str, events: int, since: datetime = START) -> dict[str, Any]:
    """An aggregate with events that wait, as the aggregate store leaves it."""
    outbox = [
        msgspec.to_builtins(envelope(key, number + 1), builtin_types=(datetime,)) for number in range(events)
    ]
    return {"_id": key, "version": 7, "sequence": sequence(events), "outbox": outbox, "pending": since}


def first_times(events: Iterable[Envelope]) -> dict[str, list[str]]:
    """Per key the sequences in the order in which each came for the first time."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for event in events:
        found[event.partitionkey].setdefault(event.sequence)
    return {key: list(sequences) for key, sequences in found.items()}


class OwnMongod:
    """A mongod that a test may kill and start again. Commands for tests (fail points) are enabled."""

    def __init__(self, folder: Path, port: int) -> None:
        self._command = [*mongod.command(folder, port), "--setParameter", "enableTestCommands=1"]
        self._port = port
        self.url = self.start()

    def start(self) -> str:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return mongod.make_ready(self._port, lambda: self._process.poll() is None)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Script:
    """A Python process that tells by lines on its standard output how far it is, and is told by lines what to do."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(path), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
