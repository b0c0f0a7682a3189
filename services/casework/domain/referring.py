"""What partners say about the measures that they were asked for.

A measure keeps, of every open referral for it, its newest word: asked, or accepted. From these words follows which referral counts:
the newest that was accepted, else the newest that was asked. So it does not matter in which order the words of two referrals
arrive: a late word of a referral that was replaced changes nothing in the end. Words of one referral come in their order.

| word | the measure |
|---|---|
| requested | waits for the partner (`await-partner`) |
| accepted, begun | is started; `await-partner` goes on, for now the partner carries it out |
| rejected, failed, expired, cancelled | is planned again, next action `refer`, unless another referral counts |
| completed | is delivered, whichever referral did it |

A measure that is delivered or cancelled, or of a plan that was written anew, hears nothing more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from services.casework.domain.case import Asked, Case, Measure
from services.casework.domain.items import settle
from services.casework.domain.policy import Policy
from services.casework.domain.telling import Decision, tell_measure
from shared.events import MeasureDelivered, MeasureReferred, MeasureReset, MeasureStarted
from shared.events.casework import MeasureEvent


def asked(
    case: Case, n: int, referral_id: str, accepted: bool, *, actor: str, now: datetime, policy: Policy
) -> Decision | None:
    """A partner was asked for the measure, or has accepted it. None where that is not news."""
    measure = _open(case, n)
    if measure is None:
        return None
    word = Asked(referral_id=referral_id, accepted=accepted)
    changed = _weighed(replace(measure, asked=(*_others(measure, referral_id), word), was_referred=True))
    kind = MeasureStarted if changed.state != measure.state else MeasureReferred
    return _told(case, measure, changed, kind, actor, now, policy)


def ended(
    case: Case, n: int, referral_id: str, *, actor: str, now: datetime, policy: Policy
) -> Decision | None:
    """A referral has ended without help. None where the measure did not wait for it."""
    measure = _open(case, n)
    if measure is None or all(each.referral_id != referral_id for each in measure.asked):
        return None
    changed = _weighed(replace(measure, asked=_others(measure, referral_id), state="planned"))
    kind = MeasureReferred if changed.asked else MeasureReset
    return _told(case, measure, changed, kind, actor, now, policy)


def completed(
    case: Case,
    n: int,
    referral_id: str,
    *,
    given_on: date,
    condition: str | None,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision | None:
    """A partner has given the help."""
    measure = _open(case, n)
    if measure is None:
        return None
    delivered = replace(
        measure,
        state="delivered",
        referral_id=referral_id,
        asked=(),
        given_on=given_on,
        condition=condition,
    )
    case = settle(case.with_measure(delivered), now, policy)
    given = {"given_on": given_on, "condition": condition}
    return case, [tell_measure(MeasureDelivered, case, delivered, actor, now, **given)]


def _told(
    case: Case,
    before: Measure,
    after: Measure,
    kind: type[MeasureEvent],
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision | None:
    """The case with the measure as it is now, and an event where it is another referral or another state that counts."""
    if after == before:
        return None
    case = settle(case.with_measure(after), now, policy)
    if (after.referral_id, after.state) == (before.referral_id, before.state):
        return case, []
    told = replace(after, referral_id=after.referral_id or before.referral_id)
    return case, [tell_measure(kind, case, told, actor, now)]


def _open(case: Case, n: int) -> Measure | None:
    return next((measure for measure in case.open_measures if measure.n == n), None)


def _others(measure: Measure, referral_id: str) -> tuple[Asked, ...]:
    return tuple(each for each in measure.asked if each.referral_id != referral_id)


def _weighed(measure: Measure) -> Measure:
    """The measure with the referral that counts, and started where that one was accepted."""
    best = max(reversed(measure.asked), key=lambda each: each.accepted, default=None)
    state = "started" if best and best.accepted else measure.state
    return replace(measure, referral_id=best.referral_id if best else None, state=state)
