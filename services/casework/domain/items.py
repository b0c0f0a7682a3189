"""What is open in a case: derived from its state, so that no state can forget it.

`settle` is called by every command as its last step. It looks at what the case now asks for (`_wanted`) and keeps of what was open
whatever is still asked for: its due time and how often it was raised stay, also when the case changes hands. What is newly asked
for is due by the policy, from now on. Where another rule takes the place of one for the same work (danger has become known), the
earlier of the two times counts.

| state | the case's own items | owner |
|---|---|---|
| assessment | `assess` | holder |
| planning | `plan`; once a draft is there and was not sent back, `sign` | holder |
| approval | `approve` | center |
| implementation | `review`; `carry-out` while a measure is open | holder |
| closing | `approve-closing`, and nothing else: what waits meanwhile comes back if the closing is returned | center |
| closed | nothing | |

Beside them `measure-<n>` for every open measure of an approved plan, always the holder's: `refer` (a partner has to be found),
`await-partner` (one was asked, or has begun), `deliver`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.casework.domain.case import Case, Measure
from services.casework.domain.policy import Policy
from services.casework.domain.telling import Decision, tell
from shared.calendar import Deadlines
from shared.events import CaseOverdue, OpenItem, Owner

RULES = (
    *("assess", "assess-danger", "plan", "plan-urgent", "sign", "approve", "carry-out", "review"),
    *("measure-refer", "measure-await-partner", "measure-deliver", "approve-closing"),
)
"""The policy's lines that a case goes by."""
SYSTEM = "system"
"""The actor of what happens because time has passed."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """An item that the state asks for. `due_on`: the day of a rule that needs one; `at_latest`: a day that ends the term early."""

    item: str
    rule: str
    owner: Owner
    due_on: date | None = None
    at_latest: date | None = None


def settle(
    case: Case,
    now: datetime,
    policy: Policy,
    *,
    done: Collection[str] = (),
    waiting: Collection[OpenItem] | None = None,
) -> Case:
    """The case with the open items of its state. `done`: items that the command has finished: where the same is asked for again,
    its time begins anew. `waiting`: what was open before, if it is not what the case has open now."""
    before = {item.item: item for item in (case.open if waiting is None else waiting)}
    items = (
        _kept(before.get(wanted.item) if wanted.item not in done else None, wanted, now, policy.deadlines)
        for wanted in _wanted(case, policy)
    )
    return replace(case, open=tuple(items))


def raise_overdue(case: Case, now: datetime, policy: Policy) -> Decision | None:
    """What the clock does: items past their due time are raised. None where there are none."""
    items, raised = policy.deadlines.raise_due(case.open, now)
    if not raised:
        return None
    case = replace(case, open=items)
    return case, [tell(CaseOverdue, case, SYSTEM, now, items=tuple(item.item for item in raised))]


def wake_at(case: Case, deadlines: Deadlines) -> datetime | None:
    """When the clock has to look at the case next."""
    times = (deadlines.raise_at(item) for item in case.open)
    return min((time for time in times if time is not None), default=None)


def _kept(before: OpenItem | None, wanted: _Wanted, now: datetime, deadlines: Deadlines) -> OpenItem:
    fresh = deadlines.open(wanted.item, wanted.rule, wanted.owner, now, wanted.due_on)
    if wanted.at_latest is not None:
        end = deadlines.calendar.end_of_working_day(wanted.at_latest)
        fresh = replace(fresh, due_at=min(fresh.due_at, end))
    if before is None or before.next_action != fresh.next_action:
        return fresh
    due_at = fresh.due_at if wanted.due_on else min(before.due_at, fresh.due_at)
    return replace(fresh, due_at=due_at, raised=before.raised if due_at == before.due_at else 0)


def _wanted(case: Case, policy: Policy) -> Iterator[_Wanted]:
    holder = Owner(kind="staff", id=case.holder)
    center = Owner(kind="center", id=case.center_id)
    running = case.running_measures
    if case.state == "closed":
        return
    if case.state == "closing":
        yield _Wanted(item="approve-closing", rule="approve-closing", owner=center)
        return
    if case.state == "assessment":
        yield _Wanted(item="assess", rule="assess-danger" if case.in_danger else "assess", owner=holder)
    elif case.state == "planning" and case.draft and (case.draft.signatures or not case.draft.returned_at):
        yield _Wanted(item="sign", rule="sign", owner=holder)
    elif case.state == "planning":
        urgent = case.in_danger or case.level in policy.levels.crisis
        yield _Wanted(item="plan", rule="plan-urgent" if urgent else "plan", owner=holder)
    elif case.state == "approval":
        yield _Wanted(item="approve", rule="approve", owner=center)
    elif case.state == "implementation":
        yield _Wanted(item="review", rule="review", owner=holder)
        if running:
            last = max(measure.due_on for measure in running)
            yield _Wanted(item="carry-out", rule="carry-out", owner=holder, due_on=last)
    for measure in running:
        yield _of_measure(measure, holder)


def _of_measure(measure: Measure, holder: Owner) -> _Wanted:
    item = f"measure-{measure.n}"
    if measure.asked:
        return _Wanted(item=item, rule="measure-await-partner", owner=holder, due_on=measure.due_on)
    is_for_a_partner = measure.responsible.type == "agency" or measure.was_referred
    if is_for_a_partner and measure.state == "planned":
        return _Wanted(item=item, rule="measure-refer", owner=holder, at_latest=measure.due_on)
    return _Wanted(item=item, rule="measure-deliver", owner=holder, due_on=measure.due_on)
