"""What is seen of a stack from outside, and what does not hold of what was promised.

Everywhere without the strangers: subjects of events that no service has told, but a scenario has put on the log.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import httpx

from tests import oracle
from tests.faults import claims
from tests.faults.journal import Journal
from tests.faults.ledger import Ledger
from tests.faults.parts import SERVICES


def counted(world: oracle.World) -> dict[str, int]:
    """What there is so far: `events`, `repeats`, `sms`."""
    return oracle.counted(oracle.Picture(world.log(), {}, world.sms()))


def handled(journal: Journal, strangers: Collection[str]) -> claims.Handled:
    """What has taken effect so far."""
    return {
        service: [(key, sequence) for key, sequence in journal.handled(service) if key not in strangers]
        for service in SERVICES
    }


def picture(world: oracle.World, strangers: Collection[str]) -> oracle.Picture:
    """Everything there is. Make it at rest, as `World.picture`."""
    whole = world.picture()
    intake = whole.documents["intake"]
    for name in ("timeline", "worklist"):
        rows = {id: row for id, row in intake[name].items() if row["subject"] not in strangers}
        intake = {**intake, name: rows}
    log = [envelope for envelope in whole.log if envelope.subject not in strangers]
    return replace(whole, log=log, documents={**whole.documents, "intake": intake})


def differences(
    world: oracle.World, ledger: Ledger, journal: Journal, strangers: Collection[str], rest_seconds: float
) -> tuple[dict[str, str], dict[str, int]]:
    """What does not hold, by the name of the check, and what was counted. Waits for rest, at most so many seconds."""
    found = {}
    try:
        world.at_rest(rest_seconds)
    except AssertionError as unrest:
        found["at-rest"] = str(unrest)
    there = picture(world, strangers)
    found |= oracle.differences(there)
    found |= claims.differences(there, ledger, handled(journal, strangers))
    breaches = {service: _breaches(world.stack.origin, service) for service in SERVICES}
    if any(breaches.values()):
        found["breaches"] = str(breaches)
    return found, oracle.counted(there)


def _breaches(origin: str, service: str) -> float:
    """How many open items of the service lack an owner, a next action or a due time, as it says itself."""
    page = httpx.get(f"{origin}/{service}/metrics", trust_env=False).text
    lines = [line for line in page.splitlines() if line.startswith("birtereze_open_items_in_breach{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) if lines else float("nan")
