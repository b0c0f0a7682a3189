"""11: one event of a few families fails for a while: that a partner was asked, in casework.

That the partner has accepted, begun and given the help waits behind it, in order; the other families go on. Mended, all of it
takes its effect by itself.
"""

from __future__ import annotations

from shared.events import ReferralRequested, type_of
from tests.callers import until
from tests.faults.rig import Rig
from tests.faults.scenarios.scenario import Scenario

FAMILIES = 4
MOST_SECONDS = 40.0


def harm(rig: Rig) -> None:
    for _ in range(rig.times(1, 1, 2)):
        _once(rig)


def _once(rig: Rig) -> None:
    known = len(rig.ledger.of("appeals"))
    until(lambda: len(rig.ledger.of("appeals")) >= known + FAMILIES, "families come")
    families = [done.answer["family_id"] for done in rig.ledger.of("appeals")[known:]][:FAMILIES]
    rig.orders.bug("casework", families=tuple(families), types=(type_of(ReferralRequested),))

    def partner_has_given() -> list[str]:
        asked = {done.subject for done in rig.ledger.of("referrals") if done.answer["family_id"] in families}
        return [done.subject for done in rig.ledger.of("complete") if done.subject in asked]

    given = until(partner_has_given, "a partner has given what it was asked for", MOST_SECONDS)
    rig.go_on(20)
    behind = rig.world.database("casework")["parked"].count_documents({"key": {"$in": given}})
    rig.notes.append(f"{behind} events of one referral parked")
    rig.orders.mend()
    rig.go_on(10)


SCENARIO = Scenario(
    number=11,
    name="one family fails",
    harm=harm,
    broken={"overtaking": frozenset({"effects-in-order"})},
)
