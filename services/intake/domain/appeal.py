"""An appeal: from its registration in the journal until nothing is left to do for it.

It is closed when all its open items are done and, after *open-case*, when its case has it. `danger`, `restricted`, `file_version`
are the family's: every write of the family's danger updates its appeals in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from services.intake.domain import danger as dangers
from services.intake.domain.family import Family
from services.intake.domain.items import (
    SYSTEM,
    Items,
    Notice,
    Remark,
    codes,
    handed_over,
    notice,
    staff,
    to_be_told,
    without,
)
from services.intake.domain.policy import Policy
from shared.events import (
    AppealAssigned,
    AppealClosed,
    AppealEvent,
    AppealItemsChanged,
    AppealOverdue,
    AppealRegistered,
    AppealScreened,
    Danger,
    Event,
    NoticeGiven,
    OpenItem,
)
from shared.refusals import WrongState

CHANNELS = ("window", "phone", "agency", "signal", "sms")
STATES = ("registered", "screened", "closed")
OUTCOMES = ("open-case", "consultation", "redirect", "not-needed")
HOW_TOLD = ("phone", "paper", "system")

TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "registered": {"screening": "screened", "notices": "registered", "assign": "registered"},
    "screened": {"notices": "screened", "assign": "screened"},
    "closed": {},
}
"""State → command → next state. From *screened* an appeal closes by itself, when nothing is open any more."""

SCREENING, ASK_CONSENT, ASK_DANGER, CASE_OPENING = "screening", "ask-consent", "ask-danger", "case-opening"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Who sent the family, and under which number there."""

    agency_id: str | None = None
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Appeal:
    number: str
    state: str
    center_id: str
    channel: str
    person_id: str
    family_id: str
    grounds: tuple[str, ...]
    danger: Danger
    restricted: bool
    file_version: int
    need: str
    received_on: date
    registered_at: datetime
    holder: str
    open: Items
    outcome: str | None = None
    case_id: str | None = None
    source: Source | None = None
    warnings: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    remarks: tuple[Remark, ...] = ()


Decision = tuple[Appeal, list[Event]]


def say(kind: type[AppealEvent], appeal: Appeal, actor: str, now: datetime, **more: Any) -> AppealEvent:
    """An event of the appeal as it stands."""
    return kind(
        family_id=appeal.family_id,
        person_id=appeal.person_id,
        center_id=appeal.center_id,
        actor=actor,
        occurred_at=now,
        holder=appeal.holder,
        open=appeal.open,
        number=appeal.number,
        state=appeal.state,
        danger=appeal.danger,
        restricted=appeal.restricted,
        file_version=appeal.file_version,
        **more,
    )


def decided(appeal: Appeal, actor: str, now: datetime, kind: type[AppealEvent], **more: Any) -> Decision:
    """What has happened, and that the appeal is closed where nothing is left to do for it."""
    if appeal.state == "screened" and not appeal.open:
        appeal = replace(appeal, state="closed")
        closed = say(AppealClosed, appeal, actor, now, outcome=appeal.outcome, case_id=appeal.case_id)
        return appeal, [say(kind, appeal, actor, now, **more), closed]
    return appeal, [say(kind, appeal, actor, now, **more)]


def after(appeal: Appeal, command: str) -> str:
    """The state after a command. Raises WrongState with the commands that are open now."""
    commands = TRANSITIONS[appeal.state]
    if command not in commands:
        raise WrongState(allowed=sorted(commands))
    return commands[command]


def first_items(
    said: Danger, *, consented: bool, received_on: date, actor: str, now: datetime, policy: Policy
) -> Items:
    """What waits to be done about a new appeal, for who registers it. `said`: the danger told in it.

    The screening counts from the day on which the appeal was received, all else from now.
    """
    kinds = dangers.present(said)
    calendar, owner = policy.deadlines.calendar, staff(actor)
    received = now if received_on == calendar.today(now) else calendar.at(received_on, calendar.opens)
    items = [policy.deadlines.open(SCREENING, policy.screening(kinds), owner, received)]
    if not consented:
        items.append(policy.deadlines.open(ASK_CONSENT, ASK_CONSENT, owner, now))
    if not dangers.all_asked(said):
        items.append(policy.deadlines.open(ASK_DANGER, ASK_DANGER, owner, now))
    return (*items, *to_be_told(items, kinds, actor, now, policy))


# Commands -----------------------------------------------------------------------------------------


def register(
    *,
    number: str,
    center_id: str,
    channel: str,
    person_id: str,
    family_id: str,
    family: Family,
    grounds: tuple[str, ...],
    said: Danger,
    need: str,
    received_on: date,
    scopes: tuple[str, ...],
    source: Source | None,
    warnings: tuple[str, ...],
    differs: tuple[str, ...],
    consented: bool,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision:
    """A new appeal, held by who registers it.

    `said`: the danger told in this appeal, which `family` has taken in already; `scopes`: the consents that hold now, and
    `consented` whether those suffice to work on it.
    """
    items = first_items(
        said, consented=consented, received_on=received_on, actor=actor, now=now, policy=policy
    )
    appeal = Appeal(
        number=number,
        state="registered",
        center_id=center_id,
        channel=channel,
        person_id=person_id,
        family_id=family_id,
        grounds=grounds,
        danger=family.danger,
        restricted=family.restricted,
        file_version=family.file_version,
        need=need,
        received_on=received_on,
        registered_at=now,
        holder=actor,
        open=items,
        source=source,
        warnings=warnings,
        differs=differs,
    )
    registered = say(
        AppealRegistered,
        appeal,
        actor,
        now,
        channel=channel,
        grounds=grounds,
        scopes=scopes,
        received_on=received_on,
        source_agency_id=source.agency_id if source else None,
    )
    return appeal, [registered]


def screen(appeal: Appeal, *, outcome: str, note: str, actor: str, now: datetime, policy: Policy) -> Decision:
    """The first assessment of need. After *open-case* the appeal waits until casework has it."""
    state = after(appeal, "screening")
    items = without(appeal.open, SCREENING)
    if outcome == "open-case":
        items += (policy.deadlines.open(CASE_OPENING, CASE_OPENING, staff(appeal.holder), now),)
    appeal = replace(appeal, state=state, outcome=outcome, open=items)
    return decided(
        _remarked(appeal, "screening", note, actor, now), actor, now, AppealScreened, outcome=outcome
    )


def tell(appeal: Appeal, given: Notice, now: datetime) -> Decision:
    """A body has been told. Its notice is open: see `items.waits_for`."""
    state = after(appeal, "notices")
    appeal = replace(
        appeal,
        state=state,
        notices=(*appeal.notices, given),
        open=without(appeal.open, notice(given.body)),
    )
    return decided(
        appeal, given.actor, now, NoticeGiven, body=given.body, told_at=given.told_at, how=given.how
    )


def assign(appeal: Appeal, *, holder: str, reason: str, actor: str, now: datetime) -> Decision:
    """Another member of staff answers for the appeal, and for all that is still to be done about it."""
    state, previous = after(appeal, "assign"), appeal.holder
    appeal = replace(appeal, state=state, holder=holder, open=handed_over(appeal.open, holder))
    appeal = _remarked(appeal, "assign", reason, actor, now)
    return decided(appeal, actor, now, AppealAssigned, previous_holder=previous)


# What happens elsewhere ---------------------------------------------------------------------------


def follow(
    appeal: Appeal,
    family: Family,
    *,
    raised: tuple[str, ...],
    told_here: bool,
    asked: bool,
    actor: str,
    now: datetime,
    policy: Policy,
) -> Decision | None:
    """The appeal after the danger of its family was said anew; None where nothing changes for it.

    `raised`: kinds of danger that were not known before; an open appeal is screened the sooner for them, and is where the bodies
    are told of them if it is the one (`told_here`). `asked`: every kind was asked for.
    """
    items = without(appeal.open, ASK_DANGER) if asked else appeal.open
    if appeal.state != "closed":
        items = tuple(_sooner(item, raised, now, policy) for item in items)
        items += to_be_told(items, raised, appeal.holder, now, policy) if told_here else ()
    if (appeal.danger, appeal.open) == (family.danger, items):
        return None
    appeal = replace(
        appeal, danger=family.danger, restricted=family.restricted, file_version=family.file_version
    )
    return _with_items(appeal, items, actor, now)


def consent_asked(appeal: Appeal, actor: str, now: datetime) -> Decision:
    """The person has answered: consented or refused."""
    return _with_items(appeal, without(appeal.open, ASK_CONSENT), actor, now)


def has_case(appeal: Appeal, case_id: str, actor: str, now: datetime) -> Decision | None:
    """A case has the appeal: one was opened for it, or it was attached to the family's. None where that is known already."""
    if appeal.case_id == case_id and CASE_OPENING not in codes(appeal.open):
        return None
    return _with_items(replace(appeal, case_id=case_id), without(appeal.open, CASE_OPENING), actor, now)


def raise_overdue(appeal: Appeal, now: datetime, policy: Policy) -> Decision | None:
    """The appeal after what is overdue was raised; None where nothing is."""
    items, late = policy.deadlines.raise_due(appeal.open, now)
    if not late:
        return None
    overdue = tuple(item.item for item in late)
    return decided(replace(appeal, open=items), SYSTEM, now, AppealOverdue, items=overdue)


def _with_items(appeal: Appeal, items: Items, actor: str, now: datetime) -> Decision:
    """The appeal with these items, and the word of it where they are others."""
    if items == appeal.open:
        return appeal, []
    before, now_open = codes(appeal.open), codes(items)
    opened, done = tuple(sorted(now_open - before)), tuple(sorted(before - now_open))
    appeal = replace(appeal, open=items)
    return decided(appeal, actor, now, AppealItemsChanged, opened=opened, done=done, case_id=appeal.case_id)


def _sooner(item: OpenItem, kinds: tuple[str, ...], now: datetime, policy: Policy) -> OpenItem:
    """A screening that is due later than this danger allows is due sooner."""
    if item.item != SCREENING or not kinds:
        return item
    sooner = policy.deadlines.open(SCREENING, policy.screening(kinds), item.owner, now)
    return sooner if sooner.due_at < item.due_at else item


def _remarked(appeal: Appeal, about: str, text: str, actor: str, now: datetime) -> Appeal:
    return replace(appeal, remarks=(*appeal.remarks, Remark(at=now, actor=actor, about=about, text=text)))
