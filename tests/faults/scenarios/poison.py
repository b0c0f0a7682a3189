"""10: poison on the log, and a bug in the handlers for a part of the families.

Not JSON, no envelope → dead letter. A version that nobody knows, data that lack what is declared in a message of nearly a megabyte →
parked with its key. An event at which a handler fails → parked, and what comes later of its key waits behind it, while the
families without poison go on as fast as before (at most twice the lag). Mended, what is parked is handled in order, by itself, while
new events of those keys arrive.
"""

from __future__ import annotations

import statistics
import uuid
from datetime import UTC, datetime

from shared.events import AppealRegistered, AppealScreened, CaseOpened, ReferralRequested, topic, type_of
from shared.events.cloudevents import SPEC_VERSION, moment
from shared.log import Message
from shared.parking import Parking
from tests.callers import until
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario

BUGS = {
    "casework": type_of(ReferralRequested),
    "intake": type_of(CaseOpened),
    "notifications": type_of(AppealRegistered),
}
"""Service → the event at which it fails. What comes later of the same key would be handled, were it not for the order."""
PERCENT = 25
"""Of the families, with a bug."""
NOISE = 0.1
"""Seconds of lag that are not looked at: below it a busy machine says more than the product."""
LARGE = 900_000


def harm(rig: Rig) -> None:
    rig.go_on(rig.times(30, 60, 150))
    before = _now()
    for service, type in BUGS.items():
        rig.orders.bug(service, percent=PERCENT, types=(type,))
    _poison(rig)
    rig.go_on(rig.times(30, 60, 150))
    until(lambda: _parked(rig, "intake") and _parked(rig, "notifications"), "something is parked", 10.0)
    parked = {service: _parked(rig, service) for service in BUGS}
    mended = _now()
    rig.orders.mend()
    rig.go_on(rig.times(10, 15, 50))
    _clear_away(rig)
    _compare_lags(rig, before, mended)
    rig.notes.append(f"parked: {parked}")


def _poison(rig: Rig) -> None:
    """On intake's topic, which everybody reads."""
    rig.hits["poison"] += 4
    unknown, large = str(uuid.uuid4()), str(uuid.uuid4())
    rig.strangers |= {unknown, large}
    screened = type_of(AppealScreened)
    rig.world.event_log.append(
        topic("intake"),
        [
            Message("not-json", _headers(screened, str(uuid.uuid4())), b"\\x00{not json"),
            Message("no-envelope", {"content-type": "application/json"}, b"{}"),
            Message(unknown, _headers(screened.replace(".v1", ".v9"), unknown), _data()),
            Message(large, _headers(screened, large), _data("x" * LARGE)),
        ],
    )


def _headers(type: str, subject: str) -> dict[str, str]:
    return {
        "ce_id": str(uuid.uuid4()),
        "ce_type": type,
        "ce_source": "/intake",
        "ce_subject": subject,
        "ce_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "ce_specversion": SPEC_VERSION,
        "ce_sequence": "0001-000000000001",
        "ce_partitionkey": subject,
    }


def _data(filling: str = "") -> bytes:
    """What every event says, and nothing of what this one has to say."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return (
        f'{{"family_id":"{uuid.uuid4()}","person_id":null,"center_id":"center-71-1","actor":"test","occurred_at":"{now}",'
        f'"holder":"worker.astana","open":[],"filling":"{filling}"}}'
    ).encode()


def _parked(rig: Rig, service: str) -> int:
    return rig.world.database(service)["parked"].count_documents({"key": {"$nin": sorted(rig.strangers)}})


def _clear_away(rig: Rig) -> None:
    """What was parked by the bug goes by itself; what nobody can ever handle is given up by a person, and so are dead letters."""
    until(lambda: not any(_parked(rig, service) for service in BUGS), "what was parked is handled", 60.0)
    for service, dead, parked in (
        ("intake", 2, 0),
        ("casework", 2, 2),
        ("referrals", 2, 2),
        ("notifications", 2, 2),
    ):
        parking = Parking(rig.world.database(service))

        def everything_is_there(parking: Parking = parking, dead: int = dead, parked: int = parked) -> bool:
            return (len(parking.list_dead()), len(_strangers(parking, rig))) == (dead, parked)

        until(everything_is_there, f"{service} has {dead} dead letters and {parked} parked strangers")
        for letter in parking.list_dead():
            parking.drop_dead(letter["_id"])
        for message in _strangers(parking, rig):
            parking.drop(message["_id"])


def _strangers(parking: Parking, rig: Rig) -> list[dict]:
    return [message for message in parking.list() if message["key"] in rig.strangers]


def _compare_lags(rig: Rig, before: datetime, mended: datetime) -> None:
    """How long after its screening an appeal's case was opened, of the families without a bug."""
    opened = {
        appeal: case["opened_at"]
        for case in rig.world.documents("casework", "cases")
        for appeal in case["appeal_ids"]
    }
    lags: dict[bool, list[float]] = {False: [], True: []}
    for envelope in rig.world.log():
        family = envelope.data.get("family_id", "")
        if envelope.type != type_of(AppealScreened) or envelope.subject not in opened:
            continue
        screened = moment(envelope.data["occurred_at"])
        if uuid.UUID(family).int % 100 >= PERCENT and screened < mended:
            lags[screened >= before].append((opened[envelope.subject] - screened).total_seconds())
    calm, poisoned = statistics.median(lags[False]), statistics.median(lags[True])
    rig.notes.append(f"lag {calm * 1000:.0f} ms, with poison {poisoned * 1000:.0f} ms")
    if poisoned > max(2 * calm, NOISE):
        rig.wrong["lag"] = f"of the others: {poisoned:.3f} s, {calm:.3f} s before"


def _now() -> datetime:
    return datetime.now(UTC)


SCENARIO = Scenario(
    number=10,
    name="poison",
    harm=harm,
    broken={
        "no-parking": frozenset({"effects-in-order", "appeals", "told"}),
        "overtaking": frozenset({"effects-in-order"}),
    },
)
