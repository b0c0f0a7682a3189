"""What people do with cases: one function per command. Load, may he?, decide, save.

Each gives the case as it stands afterwards. All raise NotFound (it does not exist, or may not be read), Forbidden (may be read,
not acted on), WrongState, Invalid, and what the aggregate store raises. The holder and the supervisors of the center may do all of
them, except those at the end, which are the head's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import NoReturn

from pymongo.errors import DuplicateKeyError

from services.casework.domain import carrying_out, closing, opening, planning
from services.casework.domain.case import Case
from services.casework.domain.planning import Line
from services.casework.domain.telling import Decision
from services.casework.reading import actable, headed
from services.casework.service import Casework
from shared.access import Actor
from shared.aggregate import Ask, Saved
from shared.i18n import N_
from shared.refusals import Invalid, WrongState

Decide = Callable[..., Decision]


# ---------------------------------------------------------------------------------------------- assessment and plan


def record_assessment(
    casework: Casework,
    actor: Actor,
    ask: Ask,
    id: str,
    *,
    domains: Mapping[str, int],
    note: str | None = None,
) -> Saved[Case]:
    """Record an assessment of need: each of the ten domains, 0 (no need) to 4 (crisis)."""
    return _act(casework, actor, ask, id, partial(planning.record_assessment, domains=domains, note=note))


def draft_plan(
    casework: Casework,
    actor: Actor,
    ask: Ask,
    id: str,
    *,
    goals: Sequence[str],
    measures: Sequence[Line],
    reason: str | None = None,
) -> Saved[Case]:
    """Write a plan, or a new version of it. Earlier signatures are void."""
    decide = partial(planning.draft_plan, goals=goals, lines=measures, reason=reason)
    return _act(casework, actor, ask, id, decide)


def sign_plan(
    casework: Casework, actor: Actor, ask: Ask, id: str, *, by: str, method: str, person_id: str | None = None
) -> Saved[Case]:
    """Record that the worker or the family has signed the plan."""
    decide = partial(planning.sign_plan, by=by, person_id=person_id, method=method)
    return _act(casework, actor, ask, id, decide)


# ---------------------------------------------------------------------------------------------- carrying it out


def start_measure(casework: Casework, actor: Actor, ask: Ask, id: str, *, n: int) -> Saved[Case]:
    """Work on a measure has begun."""
    return _act(casework, actor, ask, id, partial(carrying_out.start_measure, n=n))


def deliver_measure(
    casework: Casework,
    actor: Actor,
    ask: Ask,
    id: str,
    *,
    n: int,
    given_on: date,
    condition: str,
    quantity: int | None = None,
    note: str | None = None,
) -> Saved[Case]:
    """A measure was given."""
    given = {"given_on": given_on, "condition": condition, "quantity": quantity, "note": note}
    return _act(casework, actor, ask, id, partial(carrying_out.deliver_measure, n=n, **given))


def cancel_measure(
    casework: Casework, actor: Actor, ask: Ask, id: str, *, n: int, reason: str
) -> Saved[Case]:
    """A measure will not be given; referrals that ask for it end."""
    return _act(casework, actor, ask, id, partial(carrying_out.cancel_measure, n=n, reason=reason))


def give_help(
    casework: Casework,
    actor: Actor,
    ask: Ask,
    id: str,
    *,
    kind: str,
    given_on: date,
    condition: str,
    note: str | None = None,
) -> Saved[Case]:
    """Help was given without a plan."""
    given = {"kind": kind, "given_on": given_on, "condition": condition, "note": note}
    return _act(casework, actor, ask, id, partial(carrying_out.give_help, **given))


def record_visit(
    casework: Casework,
    actor: Actor,
    ask: Ask,
    id: str,
    *,
    members: Sequence[str],
    left_at: datetime,
    arrived_at: datetime,
    departed_at: datetime,
    findings: str,
    decision: str,
) -> Saved[Case]:
    """A mobile group was with the family."""
    times = {"left_at": left_at, "arrived_at": arrived_at, "departed_at": departed_at}
    decide = partial(
        carrying_out.record_visit, members=members, **times, findings=findings, decision=decision
    )
    return _act(casework, actor, ask, id, decide)


def record_review(
    casework: Casework, actor: Actor, ask: Ask, id: str, *, outcome: str, level: str, note: str
) -> Saved[Case]:
    """Look back at the plan: it is kept, or written anew."""
    decide = partial(carrying_out.record_review, outcome=outcome, level=level, note=note)
    return _act(casework, actor, ask, id, decide)


def propose_closure(
    casework: Casework, actor: Actor, ask: Ask, id: str, *, reason: str, note: str
) -> Saved[Case]:
    """Propose to close the case."""
    return _act(casework, actor, ask, id, partial(closing.propose_closure, reason=reason, note=note))


# ---------------------------------------------------------------------------------------------- the head


def approve_plan(casework: Casework, actor: Actor, ask: Ask, id: str) -> Saved[Case]:
    """Approve the plan: its measures run. Forbidden for the one who signed it as the worker."""
    return _head(casework, actor, ask, id, planning.approve_plan)


def return_plan(casework: Casework, actor: Actor, ask: Ask, id: str, *, reason: str) -> Saved[Case]:
    """Send the plan back; its signatures are void."""
    return _head(casework, actor, ask, id, partial(planning.return_plan, reason=reason))


def approve_closure(casework: Casework, actor: Actor, ask: Ask, id: str) -> Saved[Case]:
    """Close the case; measures that are still open are cancelled."""
    return _head(casework, actor, ask, id, closing.approve_closure)


def return_closure(casework: Casework, actor: Actor, ask: Ask, id: str, *, reason: str) -> Saved[Case]:
    """Do not close the case: it goes on where it was."""
    return _head(casework, actor, ask, id, partial(closing.return_closure, reason=reason))


def assign(casework: Casework, actor: Actor, ask: Ask, id: str, *, holder: str, reason: str) -> Saved[Case]:
    """Give the case to another active member of the center's staff."""

    def decide(case: Case, **by: object) -> Decision:
        if not casework.store.staff.is_active(holder, case.center_id):
            raise Invalid({"holder": [N_("Is not an active worker or supervisor of the center.")]})
        return opening.assign(case, holder, reason, **by)

    return _head(casework, actor, ask, id, decide)


def reopen(casework: Casework, actor: Actor, ask: Ask, id: str, *, reason: str) -> Saved[Case]:
    """Open a closed case again: its holder holds it, or, where he is not active any more, whoever has the fewest cases.

    WrongState where the family has another open case by now.
    """

    def decide(case: Case, **by: object) -> Decision:
        if case.state == "closed" and casework.store.open_case_of(case.family_id):
            _another_is_open()
        return closing.reopen(case, _holder_again(casework, case, actor), reason, **by)

    try:
        return _head(casework, actor, ask, id, decide)
    except DuplicateKeyError:  # it was opened since we looked
        _another_is_open()


# ---------------------------------------------------------------------------------------------- what they share


def _act(casework: Casework, actor: Actor, ask: Ask, id: str, decide: Decide) -> Saved[Case]:
    actable(casework, actor, id)
    return _change(casework, actor, ask, id, decide)


def _head(casework: Casework, actor: Actor, ask: Ask, id: str, decide: Decide) -> Saved[Case]:
    headed(casework, actor, id)
    return _change(casework, actor, ask, id, decide)


def _change(casework: Casework, actor: Actor, ask: Ask, id: str, decide: Decide) -> Saved[Case]:
    by = {"actor": actor.sub, "now": ask.now, "policy": casework.policy}
    return casework.store.cases.change(id, lambda case: decide(case, **by), ask)


def _holder_again(casework: Casework, case: Case, actor: Actor) -> str:
    if casework.store.staff.is_active(case.holder, case.center_id):
        return case.holder
    return casework.store.next_holder(case.center_id) or actor.sub


def _another_is_open() -> NoReturn:
    raise WrongState([], N_("The family has another case that is open."))
