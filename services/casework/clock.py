"""What falls due in casework: items past their time are raised, and an event tells of it. The rules are in the domain."""

from __future__ import annotations

from datetime import datetime

from services.casework.domain.items import raise_overdue
from services.casework.service import Casework
from shared.clock import Schedule


def tick(casework: Casework, id: str, now: datetime) -> None:
    """Raise what is overdue in one case. `now` is the database's time."""
    casework.store.cases.tick(id, lambda case: raise_overdue(case, now, casework.policy))


def schedule(casework: Casework) -> Schedule:
    """What the worker's clock looks after."""
    return Schedule(stores=[casework.store.cases], tick=lambda store, id, now: tick(casework, id, now))
