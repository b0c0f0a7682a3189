"""A referral: a partner agency is asked to help a family, answers, does it, and says what was done.

Everything that may happen stands in `TRANSITIONS`; what is open in a state stands in `ITEM`. Two things follow from the tables and
are held by property tests: a command that the table does not have in a state is refused, naming those it has; and there is no
state in which something has to be done and nothing is open.

    requested ─accept→ accepted ─start→ in-progress ⇄ on-hold      the agency has `answer`, then `carry-out`
        │ reject, expire   │ fail              │ complete
        ▼                  ▼                   ▼
    rejected, expired    failed             completed               the holder has `choose-another`, until he acknowledges
                                                                    or another referral replaces this one
    `cancel` (the holder, or the end of the measure or the case) → cancelled, from every state that is not an end.

The agency is late (with its answer or with its work) → the holder gets `chase` beside it. No answer for so long after it was due →
the clock lets the referral expire. How long is policy, by priority (`policy/deadlines.toml`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from services.referrals.domain.case import KnownCase
from services.referrals.domain.directory import Service
from shared.calendar import Deadlines
from shared.events import (
    Event,
    OpenItem,
    Owner,
    ReferralAccepted,
    ReferralAcknowledged,
    ReferralAssigned,
    ReferralCancelled,
    ReferralCompleted,
    ReferralExpired,
    ReferralFailed,
    ReferralHeld,
    ReferralOverdue,
    ReferralRejected,
    ReferralRequested,
    ReferralResumed,
    ReferralStarted,
)
from shared.i18n import N_
from shared.refusals import Invalid, WrongState

PRIORITIES = ("routine", "urgent", "danger")
DISCLOSABLE = ("name", "birth_date", "iin", "phone", "address", "language", "need", "danger")
"""Fields of the client that a referral may name: the agency sees these, after it has accepted."""

_ENDS = {"complete": "completed", "fail": "failed", "cancel": "cancelled"}

TRANSITIONS: dict[str, dict[str, str]] = {
    "requested": {"accept": "accepted", "reject": "rejected", "cancel": "cancelled", "expire": "expired"},
    "accepted": {"start": "in-progress", "hold": "on-hold", **_ENDS},
    "in-progress": {"hold": "on-hold", **_ENDS},
    "on-hold": {"resume": "in-progress", **_ENDS},
    "rejected": {"acknowledge": "rejected"},
    "failed": {"acknowledge": "failed"},
    "expired": {"acknowledge": "expired"},
    "completed": {},
    "cancelled": {},
}
"""State → {command: the state after it}. (Gravity's codes, and the clock's `expired`.)"""

ITEM = {
    "requested": "answer",
    "accepted": "carry-out",
    "in-progress": "carry-out",
    "on-hold": "carry-out",
    "rejected": "choose-another",
    "failed": "choose-another",
    "expired": "choose-another",
}
"""State → what has to be done in it. Where two states have the same, it goes on with the due time that it had."""

STATES = tuple(TRANSITIONS)
UNSUCCESSFUL = frozenset({"rejected", "failed", "expired"})
ENDED = UNSUCCESSFUL | {"completed", "cancelled"}
ACCEPTED = frozenset(STATES) - ENDED - {"requested"}
"""The agency has agreed and is not done: only now are the client's fields open to it."""
BY_AGENCY = frozenset({"accept", "reject", "start", "hold", "resume", "complete", "fail"})
BY_CLOCK = frozenset({"expire"})
AGENCY_ITEMS = frozenset({"answer", "carry-out"})
RULES = tuple(
    f"{rule}-{priority}"
    for rule in ("answer", "expire", "carry-out", "chase", "choose-another")
    for priority in PRIORITIES
)
"""The rules that the policy has to have."""
SYSTEM = "system"
"""The actor of what the clock does."""

EVENTS: dict[str, type[Event]] = {
    "accept": ReferralAccepted,
    "reject": ReferralRejected,
    "start": ReferralStarted,
    "hold": ReferralHeld,
    "resume": ReferralResumed,
    "complete": ReferralCompleted,
    "fail": ReferralFailed,
    "cancel": ReferralCancelled,
    "expire": ReferralExpired,
}
"""Command → the event that tells of it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A line of the history: since when it was in which state, by whom. `note` is free text and never leaves this service."""

    state: str
    at: datetime
    actor: str
    reason_code: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the agency did. `summary` is free text and never leaves this service."""

    summary: str
    given_on: date
    condition: str | None = None


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """The holder took note of a referral that came to nothing, or sent another one in its place (`replaced_by`)."""

    at: datetime
    actor: str
    note: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Referral:
    """The state of a referral."""

    number: str
    case_id: str
    person_id: str | None
    family_id: str
    center_id: str
    measure: int | None
    service_id: str
    service_kind: str
    agency_id: str
    priority: str
    reason: str
    disclose: tuple[str, ...]
    replaces: str | None
    requested_at: datetime
    case_sequence: str
    """The newest event of the case that was known at the request: what the case said up to then does not concern this referral."""
    state: str
    holder: str
    open: tuple[OpenItem, ...]
    history: tuple[Change, ...]
    expires_at: datetime | None
    """When the clock gives up waiting for the answer; None once there is one."""
    restricted: bool
    file_version: int
    """Version of the family's file in intake that `restricted` was read from."""
    reason_code: str | None = None
    result: Result | None = None
    acknowledged: Acknowledgement | None = None


Decision = tuple[Referral, Sequence[Event]]


# ---------------------------------------------------------------------------------------------- what people do


def request(
    *,
    number: str,
    case_id: str,
    case: KnownCase,
    measure: int | None,
    service: Service,
    priority: str,
    reason: str,
    disclose: Sequence[str],
    replaces: str | None,
    restricted: bool,
    file_version: int,
    actor: str,
    now: datetime,
    deadlines: Deadlines,
) -> Decision:
    """Ask the agency of `service`. Raises WrongState where case or measure has ended, Invalid where there is no such measure."""
    if case.is_closed:
        raise WrongState(allowed=[], detail=N_("The case is closed."))
    if measure is not None and case.measure(measure) is None:
        raise Invalid({"measure": [N_("The case has no measure with this number.")]})
    if measure is not None and not case.has_open(measure):
        raise WrongState(allowed=[], detail=N_("The measure was delivered or cancelled."))
    asked = Referral(
        number=number,
        case_id=case_id,
        person_id=case.person_id,
        family_id=case.family_id,
        center_id=case.center_id,
        measure=measure,
        service_id=service.id,
        service_kind=service.kind,
        agency_id=service.agency_id,
        priority=priority,
        reason=reason,
        disclose=tuple(dict.fromkeys(disclose)),
        replaces=replaces,
        requested_at=now,
        case_sequence=case.sequence,
        state="requested",
        holder=case.holder,
        open=(),
        history=(Change(state="requested", at=now, actor=actor),),
        expires_at=None,
        restricted=restricted,
        file_version=file_version,
    )
    answer = _item(asked, "answer", now, deadlines)
    expires_at = deadlines.due(f"expire-{priority}", answer.due_at)
    asked = replace(asked, open=(answer,), expires_at=expires_at)
    return asked, [_event(ReferralRequested, asked, actor, now, replaces=replaces)]


def change(
    referral: Referral,
    command: str,
    *,
    actor: str,
    now: datetime,
    deadlines: Deadlines,
    reason_code: str | None = None,
    note: str | None = None,
    result: Result | None = None,
) -> Decision:
    """Carry out any command of the table that leads to another state; its event tells the others. Raises WrongState."""
    state = state_after(referral, command)
    after = replace(
        referral,
        state=state,
        open=_open_after(referral, state, now, deadlines),
        expires_at=None,
        reason_code=reason_code,
        result=result,
        history=(
            *referral.history,
            Change(state=state, at=now, actor=actor, reason_code=reason_code, note=note),
        ),
    )
    facts: dict[str, Any] = {}
    if reason_code is not None:
        facts["reason_code"] = reason_code
    if result is not None:
        facts |= {"given_on": result.given_on, "condition": result.condition}
    return after, [_event(EVENTS[command], after, actor, now, **facts)]


def acknowledge(referral: Referral, *, actor: str, now: datetime, note: str | None = None) -> Decision:
    """End the holder's `choose-another`. Raises WrongState where there is none."""
    state_after(referral, "acknowledge")
    after = replace(referral, open=(), acknowledged=Acknowledgement(at=now, actor=actor, note=note))
    return after, [_event(ReferralAcknowledged, after, actor, now)]


def be_replaced(referral: Referral, by: str, *, actor: str, now: datetime) -> Decision:
    """The referral `by` takes the place of this one. Raises WrongState where it may still succeed, or was replaced before.

    It comes in time after an acknowledgement as well: the holder has thought better of it.
    """
    before = referral.acknowledged or Acknowledgement(at=now, actor=actor)
    if referral.state not in UNSUCCESSFUL or before.replaced_by:
        raise WrongState(allowed=commands(referral))
    after = replace(referral, open=(), acknowledged=replace(before, replaced_by=by))
    return after, [_event(ReferralAcknowledged, after, actor, now, replaced_by=by)]


# ---------------------------------------------------------------------------------------------- what follows from elsewhere


def withdraw(
    referral: Referral, *, reason_code: str, actor: str, now: datetime, deadlines: Deadlines
) -> Decision | None:
    """Its measure or its case has ended: nothing is wanted of the agency any more, nor of the holder. None: nothing was."""
    allowed = commands(referral)
    if "cancel" in allowed:
        return change(referral, "cancel", actor=actor, now=now, deadlines=deadlines, reason_code=reason_code)
    if "acknowledge" in allowed:
        return acknowledge(referral, actor=actor, now=now)
    return None


def assign(referral: Referral, holder: str, *, actor: str, now: datetime) -> Decision | None:
    """The case has another holder. None: he answers for it already."""
    if referral.holder == holder:
        return None
    owner = Owner(kind="staff", id=holder)
    items = (replace(item, owner=owner) if item.owner.kind == "staff" else item for item in referral.open)
    after = replace(referral, holder=holder, open=tuple(items))
    return after, [_event(ReferralAssigned, after, actor, now, previous_holder=referral.holder)]


def restrict(referral: Referral, restricted: bool, file_version: int) -> Decision | None:
    """What intake says of the family's file in that version. No event: everybody hears it from intake. None: not news."""
    if file_version <= referral.file_version:
        return None
    return replace(referral, restricted=restricted, file_version=file_version), []


# ---------------------------------------------------------------------------------------------- the clock


def tick(referral: Referral, *, now: datetime, deadlines: Deadlines) -> Decision | None:
    """What has fallen due by `now`: it expires, or what is late is raised and the holder chases the agency. None: nothing."""
    if referral.expires_at is not None and referral.expires_at <= now:
        return change(referral, "expire", actor=SYSTEM, now=now, deadlines=deadlines)
    items, raised = deadlines.raise_due(referral.open, now)
    if not raised:
        return None
    late = any(item.item in AGENCY_ITEMS for item in raised)
    if late and not any(item.item == "chase" for item in items):
        items = (*items, _item(referral, "chase", now, deadlines))
    after = replace(referral, open=items)
    codes = tuple(item.item for item in raised)
    return after, [_event(ReferralOverdue, after, SYSTEM, now, items=codes)]


def wake_at(referral: Referral, deadlines: Deadlines) -> datetime | None:
    """When the clock has to look at it next."""
    times = [referral.expires_at, *(deadlines.raise_at(item) for item in referral.open)]
    return min((time for time in times if time is not None), default=None)


# ---------------------------------------------------------------------------------------------- what is possible, and open


def commands(referral: Referral) -> list[str]:
    """What a person may do with it now."""
    return [
        command
        for command in TRANSITIONS[referral.state]
        if command not in BY_CLOCK and not (command == "acknowledge" and referral.acknowledged)
    ]


def state_after(referral: Referral, command: str) -> str:
    """The state to which the command leads. Raises WrongState."""
    known = TRANSITIONS[referral.state]
    allowed = commands(referral)
    if command not in known or (command not in allowed and command not in BY_CLOCK):
        raise WrongState(allowed=allowed)
    return known[command]


def _open_after(referral: Referral, state: str, now: datetime, deadlines: Deadlines) -> tuple[OpenItem, ...]:
    item = ITEM.get(state)
    if item is None:
        return ()
    if item == ITEM.get(referral.state):
        return referral.open
    return (_item(referral, item, now, deadlines),)


def _item(referral: Referral, item: str, now: datetime, deadlines: Deadlines) -> OpenItem:
    agency = Owner(kind="agency", id=referral.agency_id)
    owner = agency if item in AGENCY_ITEMS else Owner(kind="staff", id=referral.holder)
    return deadlines.open(item, f"{item}-{referral.priority}", owner, start=now)


def _event(kind: type[Event], referral: Referral, actor: str, now: datetime, **facts: Any) -> Event:
    return kind(
        family_id=referral.family_id,
        person_id=referral.person_id,
        center_id=referral.center_id,
        actor=actor,
        occurred_at=now,
        holder=referral.holder,
        open=referral.open,
        number=referral.number,
        case_id=referral.case_id,
        measure=referral.measure,
        service_id=referral.service_id,
        service_kind=referral.service_kind,
        agency_id=referral.agency_id,
        priority=referral.priority,
        disclose=referral.disclose,
        state=referral.state,
        restricted=referral.restricted,
        **facts,
    )
