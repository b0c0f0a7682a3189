"""23: a person takes back her leave to be written to while a message waits. It is not sent, and says why.

| it waits, for | and she |
|---|---|
| the sender is away | withdraws her consent |
| it is not the hour that she has said is safe | says that SMS are not safe |
| intake is away | tells of violence at home |
"""

from __future__ import annotations

import contextlib
import fcntl
import signal
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared.calendar import ALMATY
from tests.callers import appeal, until
from tests.faults.desk import Desk, Json
from tests.faults.load import WORKERS
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario
from tests.oracle import UNDER_WAY

WORKER = WORKERS[0]
SENDER, DOOR = "notifications-worker", "intake"
BEFORE_ITS_HOUR = timedelta(seconds=10)
"""At least so long a message waits for its hour: it must be said meanwhile that it may not leave."""
DECIDED_WITHIN = 90.0
"""Seconds in which it is decided on: the longest pause between two attempts here, or a minute and some more until its hour."""
REASONS = {
    "consents/withdraw": "no-consent",
    "correct": "sms-not-safe",
    "danger": "domestic-violence",
}
"""What was said → the reason that the message gives."""


def harm(rig: Rig) -> None:
    desk = rig.desk()
    try:
        its_hour = [] if rig.scale == "short" else [_it_is_not_the_hour(rig, desk)]
        for message in (_sender_is_away(rig, desk), _intake_is_away(rig, desk), *its_hour):
            until(partial(_is_decided, rig, message), "it is decided on", DECIDED_WITHIN)
    finally:
        desk.close()


def _sender_is_away(rig: Rig, desk: Desk) -> str:
    with _sender_away(rig):
        made = _appeal(desk)
        message = _held(rig, made, "sender-away")
        path = f"/intake/v1/persons/{made['person_id']}"
        version = desk.get(WORKER, path)["version"]
        desk.command(WORKER, path, "consents/withdraw", {"scopes": ["sms"]}, version)
        _taken_back(rig, made)
    return message


def _it_is_not_the_hour(rig: Rig, desk: Desk) -> str:
    opens = datetime.now(ALMATY) + BEFORE_ITS_HOUR + timedelta(minutes=1)  # cut to the minute below
    hours = {"from": f"{opens:%H:%M}", "to": f"{opens - timedelta(hours=1):%H:%M}"}
    made = _appeal(desk, safe_contact={"sms": "yes", "hours": hours})
    message = _held(rig, made, "hours")
    path = f"/intake/v1/persons/{made['person_id']}"
    desk.correct(WORKER, path, {"safe_contact": {"sms": "no"}}, desk.get(WORKER, path)["version"])
    _taken_back(rig, made)
    return message


def _intake_is_away(rig: Rig, desk: Desk) -> str:
    """The message waits for intake, where also has to be written down what she says: the sender's process stands still meanwhile."""
    with _standing_still(rig):
        made = _appeal(desk)
        rig.keeper.held.add(DOOR)
        rig.kill(DOOR)
    message = _held(rig, made, "contact-away")
    with _standing_still(rig):
        rig.keeper.held.discard(DOOR)
        rig.wait_ready(DOOR)
        path = f"/intake/v1/families/{made['family_id']}"
        said = {"life": None, "child": None, "domestic_violence": True, "reason": "As told."}
        desk.command(WORKER, path, "danger", said, desk.get(WORKER, path)["version"])
        _taken_back(rig, made)
    return message


# ---------------------------------------------------------------------- away


@contextlib.contextmanager
def _sender_away(rig: Rig) -> Iterator[None]:
    """Somebody else has the sender's file for himself."""
    path = rig.stack.data_dir / "sms" / "outbox.jsonl"
    until(path.exists, "an SMS has left")
    rig.hits["sender away"] += 1
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _standing_still(rig: Rig) -> Iterator[None]:
    rig.hits[f"stop {SENDER}"] += 1
    rig.stack.signal(SENDER, signal.SIGSTOP)
    try:
        yield
    finally:
        rig.stack.signal(SENDER, signal.SIGCONT)


# ---------------------------------------------------------------------- messages


def _appeal(desk: Desk, **more: Any) -> Json:
    return desk.create(WORKER, "/intake/v1/appeals", appeal(**more), uuid.uuid4().hex)


def _about(made: Json) -> tuple[str, str]:
    """The message that tells of this appeal: its template, its subject."""
    return "appeal-registered", made["id"]


def _held(rig: Rig, made: Json, reason: str) -> str:
    """The message, as soon as it waits for that."""
    template, about = _about(made)
    waiting = {"template": template, "about": about, "state": "held", "reason": reason}
    return until(lambda: _messages(rig).find_one(waiting), f"the message waits ({reason})")["_id"]


def _taken_back(rig: Rig, made: Json) -> None:
    rig.ledger.withdrawn.add(_about(made))


def _is_decided(rig: Rig, id: str) -> bool:
    return _messages(rig).find_one({"_id": id})["state"] not in UNDER_WAY


def _messages(rig: Rig) -> Any:
    return rig.world.database("notifications")["messages"]


def shows(rig: Rig) -> Differences:
    """What was taken back is not sent and says why, in its document and on the log."""
    told = {event.subject: event.data.get("reason") for event in rig.world.log() if "message-" in event.type}
    wrong = []
    for done in rig.ledger.of(*REASONS):
        about = [made.subject for made in rig.ledger.of("appeals") if _is_hers(made.answer, done.subject)]
        for message in _messages(rig).find({"template": "appeal-registered", "about": {"$in": about}}):
            got = message["state"], message["reason"], told.get(message["_id"])
            reason = REASONS[done.command]
            if got != ("suppressed", reason, reason):
                wrong.append(f"after {done.command}: {got}")
    return {"withdrawn": "; ".join(wrong)} if wrong else {}


def _is_hers(appeal: Json, subject: str) -> bool:
    return subject in (appeal["person_id"], appeal["family_id"])


SCENARIO = Scenario(
    number=23,
    name="consent withdrawn",
    harm=harm,
    shows=shows,
    logs=("embedded",),  # nothing of it goes by the log
    broken={"asked-early": frozenset({"withdrawn", "told"})},
)
