"""6: kill -9 of mongod under load, each time in the moment in which a client has its answer; it is started again at once.

What was acknowledged is there, and the people go on soon: the longest time in which nobody was answered is measured.
"""

from __future__ import annotations

import itertools

from tests.faults import scale
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Differences, Scenario

STALL = 10.0
"""Seconds within which somebody is answered again."""


def harm(rig: Rig) -> None:
    for _ in range(rig.times(3, 3, scale.kills_in_one())):
        rig.go_on(rig.chance.randint(5, 30))
        rig.at_an_acknowledgement()
        rig.kill("mongod")
        rig.go_on(1)
        rig.wait_ready("mongod")


def shows(rig: Rig) -> Differences:
    answered = [done.at for done in rig.ledger.done[rig.begun_with :]]
    longest = max((after - before for before, after in itertools.pairwise(answered)), default=0.0)
    rig.notes.append(f"nobody was answered for at most {longest:.1f} s")
    return {"stall": f"nobody was answered for {longest:.0f} s"} if longest > STALL else {}


SCENARIO = Scenario(
    number=6,
    name="mongod killed",
    harm=harm,
    shows=shows,
    broken={"w1": frozenset({"appeals", "referrals", "events", "documents"})},
)
