"""How long a citizen waits for the SMS that says that she was heard: ten appeals a second, evenly, for a minute.

From the moment at which the appeal should have left the window (`load.lines`) until the sender has the SMS, by the time that it
writes beside it: registration, relay, log, consumer, the contact's door, and the sender's own file on a disk.
"""

from __future__ import annotations

import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.load.lines import Lines, Request
from benchmarks.load.told import quantile
from benchmarks.results import Row
from services.notifications.store import message_id
from shared.embedded.demo.messages import read_outbox
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.demo.teller import local
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.callers import until

WORKER = "worker.astana"
A_SECOND, SECONDS, WARM = 10, 60, 5
WANTED = 1.0
PATIENCE = 30.0
"""Seconds after which an SMS counts as one that did not leave."""


def rows() -> list[Row]:
    return measured(SECONDS)


def measured(seconds: float) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-sms-") as folder,
        Stack(Path(folder) / "data", free_base()) as stack,
    ):
        waits = sorted(waited(stack, WARM + seconds)[WARM * A_SECOND :])
    p99 = quantile(waits, 0.99)
    return [
        Row(
            name=f"appeal → SMS at the sender, {A_SECOND} a second, p99 in s",
            value=p99,
            unit="s",
            wanted=WANTED,
            at="most",
            ours=p99,
        )
    ]


def waited(stack: Stack, seconds: float) -> list[float]:
    """How long each of the citizens waited for her SMS, in the order in which they came."""
    headers = {"Authorization": f"Bearer {stack.user_token(WORKER)}", "Content-Type": "application/json"}
    schedule = [n / A_SECOND for n in range(int(A_SECOND * seconds))]
    appeals: dict[int, str] = {}
    numbers = iter(range(len(schedule)))

    def appeal() -> Request:
        n = next(numbers)

        def heard(answer: bytes) -> None:
            appeals[n] = json.loads(answer)["id"]

        body = json.dumps(appeal_of(somebody("kk"))).encode()
        once = {**headers, "Idempotency-Key": uuid.uuid4().hex}
        return Request("appeal", "POST", "/intake/v1/appeals", once, body, heard)

    lines, begun = Lines(stack.port), time.time()
    lines.keep(schedule, appeal)
    lines.close()
    if len(appeals) < len(schedule):
        raise RuntimeError(f"{len(schedule) - len(appeals)} appeals were not registered")
    left = left_at(
        stack.data_dir, {message_id("appeal-registered", id, "registered") for id in appeals.values()}
    )
    due = {message_id("appeal-registered", appeals[n], "registered"): begun + schedule[n] for n in appeals}
    return [left[id] - due[id] for id in sorted(due, key=due.__getitem__)]


def left_at(data_dir: Path, references: set[str]) -> dict[str, float]:
    """Message → when its SMS left, once all of them have."""

    def all_of_them() -> Any:
        sms = {each["reference"]: local(each["at"]).timestamp() for each in read_outbox(data_dir)}
        return references <= sms.keys() and sms

    return until(all_of_them, "all SMS have left", PATIENCE)
