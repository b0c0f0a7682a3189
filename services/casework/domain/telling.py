"""How a case tells what has happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.casework.domain.case import Case, Measure
from shared.events import Event
from shared.events.casework import CaseEvent, MeasureEvent

Decision = tuple[Case, Sequence[Event]]
"""The case after a command, and the events that tell of it."""


def tell(kind: type[CaseEvent], case: Case, actor: str, now: datetime, /, **facts: Any) -> CaseEvent:
    """An event of the case as it is *after* the change: its holder, and all that is open now."""
    return kind(
        family_id=case.family_id,
        person_id=case.person_id,
        center_id=case.center_id,
        actor=actor,
        occurred_at=now,
        holder=case.holder,
        open=case.open,
        number=case.number,
        state=case.state,
        restricted=case.restricted,
        level=case.level,
        **facts,
    )


def tell_measure(
    kind: type[MeasureEvent], case: Case, measure: Measure, actor: str, now: datetime, **facts: Any
) -> CaseEvent:
    """An event of one measure of the case."""
    named = {"n": measure.n, "kind": measure.kind, "referral_id": measure.referral_id}
    return tell(kind, case, actor, now, **named, **facts)
