"""1: kill -9 of a web process, before a command is written (or its transaction committed), and before its answer leaves.

The client repeats what was not answered, with the same key. What was acknowledged is there, once; sent once more when all is over,
it answers with the same id and makes nothing new. Nobody waits long for his answer: what a transaction holds whose process is dead
is let go soon.
"""

from __future__ import annotations

from tests.faults import scale
from tests.faults.desk import LetGo
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario

TARGETS = [
    (service, point)
    for service in ("intake", "casework", "referrals")
    for point in ("web:committed", "command:before-write")
]
SENT_ONCE_MORE = 15
ANSWERED_WITHIN = 20.0
"""Seconds in which everybody has his answer: a process to start, and a transaction of the dead one to run out."""


def harm(rig: Rig) -> None:
    for n in range(rig.times(2, len(TARGETS), scale.kills_in_one())):
        rig.hit(*TARGETS[n % len(TARGETS)])


def shows(rig: Rig) -> Differences:
    desk = rig.desk()
    try:
        again = [*rig.ledger.sent_again()[-SENT_ONCE_MORE:], *rig.ledger.done[-SENT_ONCE_MORE:]]
        others = [done.command for done in again if desk.again(done)["id"] != done.subject]
    except LetGo:
        others = rig.ledger.surprises[-1:]
    finally:
        desk.close()
    longest = max(done.waited for done in rig.ledger.done[rig.begun_with :])
    rig.notes.append(f"longest wait for an answer {longest:.1f} s")
    found = {"same-key": f"another id: {others}"} if others else {}
    if longest > ANSWERED_WITHIN:
        found["stall"] = f"somebody waited {longest:.0f} s for his answer"
    return found


SCENARIO = Scenario(
    number=1,
    name="web killed",
    harm=harm,
    shows=shows,
    broken={
        "publish-first": frozenset({"repeats", "order"}),
        "no-dedupe": frozenset({"answers", "appeals", "referrals", "same-key"}),
    },
)
