"""A sender's process dies, or stands still, between any two steps: the SMS leaves once, and the message says so."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from services.notifications import sending
from services.notifications.domain import message as domain
from services.notifications.sender import file as file_module
from services.notifications.store import message_id
from shared.events import cut
from tests.service.notifications.tools import envelope, outbox, registered, subject_of
from tests.service.spine.tools import ROOT, eventually

LEAVE, PATIENCE = timedelta(milliseconds=900), timedelta(milliseconds=1100)
"""What stands still must get as far as its step within its leave, also on a busy machine."""
ATTEMPTING = Path(__file__).with_name("attempting.py")
STEPS = (
    "before-find",
    "after-find",
    "before-ask",
    "after-ask",
    "before-save-1",
    "after-save-1",
    "before-send",
    "torn",
    "unsynced",
    "after-send",
    "before-save-2",
    "after-save-2",
)


class Others:
    """Another process that makes attempts (see `attempting.py`)."""

    def __init__(self, settings) -> None:
        self.data_dir = ""
        self._process = subprocess.Popen(
            [sys.executable, str(ATTEMPTING), msgspec.json.encode(settings).decode()],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def kill_at(self, step: str, id: str) -> None:
        """An attempt that is killed at a step."""
        assert self._tell(f"try {id} {step} KILL 10000 {self.data_dir}")[1] == "killed", step

    def stop_at(self, step: str, id: str, leave: timedelta) -> int:
        """An attempt that stands still at a step; its pid. `leave`: how long it may go on."""
        pid, outcome = self._tell(
            f"try {id} {step} STOP {leave // timedelta(milliseconds=1)} {self.data_dir}"
        )
        assert outcome == "stopped", step
        return pid

    def go_on(self, pid: int) -> None:
        """It goes on, and comes to its end without an error."""
        assert self._tell(f"continue {pid}") == (pid, "ended 0")

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _tell(self, command: str) -> tuple[int, str]:
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        pid, _, outcome = self._process.stdout.readline().strip().partition(" ")
        return int(pid), outcome


@pytest.fixture(scope="module")
def other_process(session_service):
    process = Others(session_service.settings)
    yield process
    process.close()


@pytest.fixture
def others(other_process, settings):
    other_process.data_dir = settings.data_dir
    return other_process


def with_patience(service, patience: timedelta):
    """The policy's seconds are milliseconds here, so that the tests are short."""
    return replace(service, policy=replace(service.policy, patience=patience))


def a_message(service, family: str) -> str:
    """A message that waits, due now; nobody has tried it yet."""
    now = service.store.now()
    event = registered(family, occurred_at=cut(now))
    id = message_id("appeal-registered", subject_of(event), "registered")
    service.store.messages.react(
        id,
        lambda _: domain.create(
            template="appeal-registered",
            message_class="answer",
            about=subject_of(event),
            person_id=event.person_id,
            family_id=event.family_id,
            center_id=event.center_id,
            holder=event.holder,
            restricted=False,
            file_version=1,
            expires_at=now + timedelta(hours=1),
            now=now,
        ),
        envelope(event),
    )
    return id


def try_until(service, id: str, state: str) -> None:
    """Make attempts, as the clock does, until the message is in this state."""

    def attempted() -> bool:
        sending.attempt(service, id)
        return service.store.messages.get(id).state.state == state

    eventually(attempted)


def references(service) -> list[str]:
    return [sms["reference"] for sms in outbox(service)]


def test_killed_between_any_two_steps_it_leaves_once(live, intake, others):
    service = with_patience(live, timedelta(milliseconds=50))  # who was killed sends nothing any more
    messages = {}
    for step in STEPS:
        intake.allow(f"{step}-person")
        id = messages[step] = a_message(service, step)
        others.kill_at(step, id)
        # a torn line is in the file until somebody looks, so each message is brought to its end before the next one
        try_until(service, id, "sent")
    assert references(service) == list(messages.values())
    for id in messages.values():
        sending.attempt(service, id)
        events = service.store.messages.collection.find_one({"_id": id})["outbox"]
        assert [entry["type"].endswith("message-sent.v1") for entry in events].count(True) == 1
    assert references(service) == list(messages.values())


PAUSED = ("after-ask", "after-save-1", "before-send", "after-send")


def test_paused_past_its_leave_it_adds_nothing(live, intake, others):
    service = with_patience(live, PATIENCE)
    messages, paused = {}, []
    for step in PAUSED:
        intake.allow(f"{step}-person")
        id = messages[step] = a_message(service, step)
        paused.append(others.stop_at(step, id, LEAVE))
    for id in messages.values():
        try_until(service, id, "sent")
    for pid in paused:
        others.go_on(pid)
    assert sorted(references(service)) == sorted(messages.values())
    assert {service.store.messages.get(id).state.state for id in messages.values()} == {"sent"}


@pytest.mark.parametrize("step", ["torn", "unsynced"])
def test_paused_in_the_middle_of_writing_nobody_can_tell(live, intake, others, step, monkeypatch):
    monkeypatch.setattr(file_module, "LOCK_SECONDS", 0.05)
    service = with_patience(live, timedelta(0))
    intake.allow("f1-person")
    id = a_message(service, "f1")
    pid = others.stop_at(step, id, LEAVE)
    sending.attempt(service, id)
    assert service.store.messages.get(id).state.state == "sending"
    others.go_on(pid)
    assert service.store.messages.get(id).state.state == "sent"
    assert references(service) == [id]


def test_paused_while_consent_is_withdrawn_it_sends_nothing(live, intake, others):
    service = with_patience(live, PATIENCE)
    messages, paused = {}, []
    for step in PAUSED[:-1]:
        intake.allow(f"{step}-person")
        id = messages[step] = a_message(service, step)
        paused.append(others.stop_at(step, id, LEAVE))
    for step, id in messages.items():
        intake.refuse(f"{step}-person", "no-consent")
        try_until(service, id, "suppressed")
    for pid in paused:
        others.go_on(pid)
    assert references(service) == []
    assert {service.store.messages.get(id).state.reason for id in messages.values()} == {"no-consent"}


def test_it_is_the_leave_that_stops_a_paused_sender(live, intake, others):
    """The same with an attempt that never loses its leave: it must go wrong, or the test above proves nothing."""
    service = with_patience(live, timedelta(0))
    intake.allow("f1-person")
    id = a_message(service, "f1")
    pid = others.stop_at("before-send", id, timedelta(hours=1))
    intake.refuse("f1-person", "no-consent")
    try_until(service, id, "suppressed")
    others.go_on(pid)
    assert references(service) == [id]


def test_two_at_once(live, intake, others):
    intake.allow("f1-person")
    id = a_message(live, "f1")
    pid = others.stop_at("after-ask", id, timedelta(hours=1))
    sending.attempt(live, id)  # overtakes it
    assert live.store.messages.get(id).state.state == "sent"
    others.go_on(pid)
    assert references(live) == [id]
    assert len(intake.asked) == 2
