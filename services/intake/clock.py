"""What falls due in intake: items of appeals and of families that are overdue are raised. When and how often, the policy says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.intake.service import Intake
from services.intake.use_cases import appeals, families
from shared.clock import Schedule

RAISE: dict[str, Callable[[Intake, str, datetime], None]] = {
    "appeal": appeals.raise_overdue,
    "family": families.raise_overdue,
}


def schedule(intake: Intake) -> Schedule:
    """What the worker's clock looks after. `now` is the database's time."""
    return Schedule(
        stores=[intake.store.appeals, intake.store.families],
        tick=lambda store, id, now: RAISE[store.subject](intake, id, now),
    )
