"""1: kill -9 of a web process, before a command is written (or its transaction committed), and before its answer leaves.

The client repeats what was not answered, with the same key. What was acknowledged is there, once; sent once more when all is over,
it answers with the same id and makes nothing new. Nobody waits long for his answer once he is left in peace: what a transaction holds
whose process is dead is let go soon.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults import scale
from tests.faults.desk import LetGo
from tests.faults.journal import Line
from tests.faults.ledger import Done
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario

TARGETS = [
    (service, point)
    for point in ("web:committed", "command:before-write")
    for service in ("intake", "casework", "referrals")
]
SENT_ONCE_MORE = 15
ANSWERED_WITHIN = 20.0
"""Seconds in which everybody has his answer: a process to start, and a transaction of the dead one to run out. They begin anew with
each kill that can have hit his request once more; in a long run somebody is hit three times running."""


def harm(rig: Rig) -> None:
    for n in range(rig.times(4, len(TARGETS), scale.kills_in_one())):
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
    done = rig.ledger.done[rig.begun_with :]
    kills = [line for line in rig.journal.lines() if line.what == "kill"]
    longest = max(_in_peace(one, kills) for one in done)
    rig.notes.append(
        f"longest wait for an answer {max(one.waited for one in done):.1f} s, {longest:.1f} of it in peace"
    )
    found = {"same-key": f"another id: {others}"} if others else {}
    if longest > ANSWERED_WITHIN:
        found["stall"] = f"somebody waited {longest:.0f} s for his answer"
    return found


def _in_peace(done: Done, kills: Sequence[Line]) -> float:
    """How long somebody has waited for his answer since a process was killed that it needed: one of the service that he asked, or of
    intake, which the others ask."""
    service = done.path.split("/")[1]
    hits = [kill.at for kill in kills if kill.part in (service, "intake") and kill.at < done.at]
    return done.at - max([done.at - done.waited, *hits])


SCENARIO = Scenario(
    number=1,
    name="web killed",
    harm=harm,
    shows=shows,
    broken={
        "publish-first": frozenset({"repeats", "order"}),
        "no-dedupe": frozenset({"answers", "appeals", "referrals", "same-key"}),
        "noted-later": frozenset({"readings"}),
    },
)
