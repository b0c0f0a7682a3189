"""What falls due in referrals: late agencies are chased, and what was never answered expires. The rules are in the domain."""

from __future__ import annotations

from datetime import datetime

from services.referrals.domain import referral as domain
from services.referrals.service import Referrals
from shared.clock import Schedule


def tick(referrals: Referrals, id: str, now: datetime) -> None:
    """Do what is due for one referral. `now` is the database's time. An answer that came just before wins: it is decided anew."""
    referrals.store.referrals.tick(
        id, lambda referral: domain.tick(referral, now=now, deadlines=referrals.policy.deadlines)
    )


def schedule(referrals: Referrals) -> Schedule:
    """What the worker's clock looks after."""
    return Schedule(stores=[referrals.store.referrals], tick=lambda store, id, now: tick(referrals, id, now))
