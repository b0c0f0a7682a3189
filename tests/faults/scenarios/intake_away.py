"""22: intake is away, killed or standing still, while a partner opens the client's fields and while an SMS is due.

The partner is told at once, and cleanly, that it cannot be done now: never what was known before. The SMS waits, and leaves once
when intake is back.
"""

from __future__ import annotations

import contextlib
import signal
import time
import uuid
from collections.abc import Iterator
from functools import partial

import httpx

from tests.callers import appeal, until
from tests.faults.desk import Desk, Json, is_clean
from tests.faults.load import HEAD, WORKERS, by_agency, plan, refer, to_its_end
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario
from tests.system.family import DISCLOSE

AGENCY, KIND = "agency-employment-astana", "employment"
"""Not the one of the load, which would carry out at once what it is asked for."""
LATEST = 3.0
"""Seconds after which a partner must know; the product says so after two, and the machine is busy. The broken build takes five."""
LEAVES_WITHIN = 60.0
"""Seconds in which an SMS leaves after intake's return: the pause after the last attempt, and some more."""


def harm(rig: Rig) -> None:
    desk = rig.desk()
    try:
        shown, *due = _family(desk)
        _accept(desk, shown)
        client = until(lambda: _seen(_open(rig, shown)), "the partner sees the client")
        ways = (_stopped, _killed)[: rig.times(1, 2, 2)]
        for away, referral in zip(ways, due, strict=False):
            with away(rig):
                _look(rig, shown)
                _accept(desk, referral)
                until(partial(_is_held, rig, referral["id"]), "the SMS that is due waits")
                if rig.scale != "short":
                    _look(rig, shown)
            again = until(lambda: _seen(_open(rig, shown)), "the partner sees the client again")
            assert again == client, "the partner sees another client"
            until(partial(_has_left, rig, referral["id"]), "the SMS leaves", LEAVES_WITHIN)
    finally:
        desk.close()


def _family(desk: Desk) -> list[Json]:
    """Three referrals of one family to the agency."""
    consent = {"given": True, "scopes": ["processing", "sms", f"share:{KIND}"]}
    made = desk.create(WORKERS[0], "/intake/v1/appeals", appeal(consent=consent), uuid.uuid4().hex)
    path, screening = f"/intake/v1/appeals/{made['id']}", {"outcome": "open-case", "note": "Was here."}
    desk.command(WORKERS[0], path, "screening", screening, made["version"])
    cases = until(lambda: desk.get(HEAD, "/casework/v1/cases", appeal_id=made["id"])["items"], "a case")
    case = to_its_end(plan(desk, cases[0], [by_agency("employment", AGENCY)] * 3))
    return [to_its_end(refer(desk, case, n, KIND)) for n in (1, 2, 3)]


def _accept(desk: Desk, referral: Json) -> None:
    desk.command(AGENCY, f"/referrals/v1/referrals/{referral['id']}", "accept", {}, referral["version"])


# ---------------------------------------------------------------------- away


@contextlib.contextmanager
def _killed(rig: Rig) -> Iterator[None]:
    rig.keeper.held.add("intake")
    rig.kill("intake")
    try:
        yield
    finally:
        rig.keeper.held.discard("intake")
    rig.wait_ready("intake")


@contextlib.contextmanager
def _stopped(rig: Rig) -> Iterator[None]:
    rig.hits["stop intake"] += 1
    rig.stack.signal("intake", signal.SIGSTOP)
    try:
        yield
    finally:
        rig.stack.signal("intake", signal.SIGCONT)


# ---------------------------------------------------------------------- what is seen


def _open(rig: Rig, referral: Json) -> httpx.Response:
    """The partner opens the client's fields."""
    path = f"/referrals/v1/referrals/{referral['id']}/client"
    headers = {"Authorization": f"Bearer {rig.tokens.of(AGENCY)}"}
    return httpx.get(f"{rig.origin}{path}", headers=headers, timeout=30, trust_env=False)


def _seen(answer: httpx.Response) -> Json | None:
    return answer.json() if answer.status_code == 200 else None


def _look(rig: Rig, referral: Json) -> None:
    """What the partner is told while intake is away, and how soon."""
    begun = time.monotonic()
    answer = _open(rig, referral)
    seconds = time.monotonic() - begun
    rig.notes.append(f"the partner is told {answer.status_code} after {seconds:.1f} s")
    if seconds > LATEST:
        rig.wrong["late"] = f"the partner was told after {seconds:.1f} s"
    if answer.status_code != 503 or not is_clean(answer):
        rig.wrong["clean"] = f"the partner was told {answer.status_code}"
    if known := [name for name in DISCLOSE if name in answer.json()]:
        rig.wrong["old-data"] = f"the partner was shown {known} while intake was away"


def _message(rig: Rig, referral_id: str) -> Json:
    told = {"about": referral_id, "template": "referral-accepted"}
    return rig.world.database("notifications")["messages"].find_one(told) or {}


def _is_held(rig: Rig, referral_id: str) -> bool:
    message = _message(rig, referral_id)
    return (message.get("state"), message.get("reason")) == ("held", "contact-away")


def _has_left(rig: Rig, referral_id: str) -> bool:
    return _message(rig, referral_id).get("state") == "sent"


SCENARIO = Scenario(
    number=22,
    name="intake away",
    harm=harm,
    logs=("embedded",),  # nothing of it goes by the log
    broken={
        "kept-answers": frozenset({"old-data"}),
        "patient": frozenset({"late"}),
    },
)
