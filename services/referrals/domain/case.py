"""What has to be known of a case in order to refer from it: who holds it, whether it is closed, which measures it has.

It is kept from casework's events alone. The newest event (by `sequence`) counts: an older one changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.events import (
    CATALOGUE,
    CaseClosed,
    Event,
    MeasureCancelled,
    MeasureDelivered,
    MeasureReset,
    MeasureStarted,
    PlanDrafted,
)
from shared.events.casework import MeasureEvent
from shared.events.cloudevents import Envelope

STATE_AFTER: dict[type[Event], str] = {
    MeasureStarted: "started",
    MeasureDelivered: "delivered",
    MeasureCancelled: "cancelled",
    MeasureReset: "planned",
}
"""Event → the state in which it leaves its measure; any other event of a measure leaves it as it was."""
OPEN = frozenset({"planned", "started"})


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of the case's plans, by its number."""

    n: int
    kind: str
    state: str = "planned"


@dataclass(frozen=True, kw_only=True)
class KnownCase:
    """A case as far as it concerns referrals. `sequence`: the newest event that was heard of it."""

    sequence: str
    family_id: str
    person_id: str | None
    center_id: str
    holder: str
    state: str
    measures: tuple[Measure, ...] = ()

    @property
    def is_closed(self) -> bool:
        return self.state == "closed"

    def measure(self, n: int) -> Measure | None:
        """The measure with that number, or None where no plan of the case has had it."""
        return next((measure for measure in self.measures if measure.n == n), None)

    def has_open(self, n: int) -> bool:
        """Whether there is such a measure, neither delivered nor cancelled."""
        measure = self.measure(n)
        return measure is not None and measure.state in OPEN


def heard(known: KnownCase | None, envelope: Envelope) -> KnownCase:
    """What is known after one more event of the case; an event that is not newer changes nothing.

    A type that is not in the catalogue yet still says who holds the case and in which state it is. Raises UnreadableData.
    """
    if known is not None and known.sequence >= envelope.sequence:
        return known
    event = envelope.event() if envelope.type in CATALOGUE else envelope.base()
    return KnownCase(
        sequence=envelope.sequence,
        family_id=event.family_id,
        person_id=event.person_id,
        center_id=event.center_id or "",
        holder=event.holder,
        state=envelope.data["state"],
        measures=_measures(known.measures if known else (), event),
    )


def _measures(before: tuple[Measure, ...], event: Event) -> tuple[Measure, ...]:
    match event:
        case PlanDrafted():
            drafted = (Measure(n=line.n, kind=line.kind) for line in event.measures)
            begun = [measure for measure in before if measure.state != "planned"]
            return _by_number([*drafted, *begun])  # what was begun under the old plan stays as it is
        case MeasureEvent():
            old = next((measure for measure in before if measure.n == event.n), None)
            state = STATE_AFTER.get(type(event), old.state if old else "planned")
            return _by_number([*before, Measure(n=event.n, kind=event.kind, state=state)])
        case CaseClosed():
            return tuple(
                Measure(n=each.n, kind=each.kind, state="cancelled") if each.state in OPEN else each
                for each in before
            )
        case _:
            return before


def _by_number(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """In the order of their numbers; of two with one number the later one."""
    last = {measure.n: measure for measure in measures}
    return tuple(last[n] for n in sorted(last))
