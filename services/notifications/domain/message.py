"""A message: one fact told to one citizen by SMS. No text and no phone, ever; those exist only while it leaves.

    created → held ⇄ sending → sent → delivered | undeliverable          ends: suppressed, expired, failed

`TRANSITIONS` is all that may happen, and to what it leads. Every function here is one of its commands: it takes a message and plain
arguments and gives the message after it, with the events that tell of it; where the table does not have it, it raises WrongState.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.calendar import Deadlines
from shared.events import (
    Event,
    MessageAcknowledged,
    MessageAssigned,
    MessageCreated,
    MessageDelivered,
    MessageExpired,
    MessageFailed,
    MessageHeld,
    MessageOverdue,
    MessageSent,
    MessageSuppressed,
    MessageUndeliverable,
    Moment,
    OpenItem,
    Owner,
)
from shared.refusals import WrongState

SYSTEM = "system"
"""Who does what no person does."""
TELL_ANOTHER_WAY = "tell-another-way"
TOO_OLD = "too-old"
"""Reason of a message that expired before anything held it up."""

_WAITING = {
    "hold": "held",
    "begin": "sending",
    "confirm": "sent",  # the sender has it already: what was known of that here got lost
    "suppress": "suppressed",
    "expire": "expired",
}
TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "created": _WAITING,
    "held": _WAITING,
    "sending": {"hold": "held", "confirm": "sent", "expire": "expired", "fail": "failed"},
    "sent": {"deliver": "delivered", "give-up": "undeliverable"},
    "undeliverable": {"acknowledge": "undeliverable"},
    "expired": {"acknowledge": "expired"},
    "failed": {"acknowledge": "failed"},
    "delivered": {},
    "suppressed": {},
}
WAITING = tuple(state for state, commands in TRANSITIONS.items() if "expire" in commands)
"""States in which it still has to leave."""
ON_ITS_WAY = (*WAITING, "sent")
"""States in which something may still go wrong, so that it matters who holds it."""
COMMANDS = ("acknowledge",)
"""What a person may do; the rest is done by reactions and by `sending`."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it is stored. `about`: subject of the event that it tells of (an appeal, a referral, a case)."""

    template: str
    message_class: str
    about: str
    person_id: str
    family_id: str
    center_id: str | None
    state: str
    reason: str | None = None
    """Why it is held, was suppressed, has expired or failed: a code."""
    language: str | None = None
    """Known when it has been sent."""
    created_at: Moment
    expires_at: Moment
    try_at: Moment
    """While it waits: before this moment nobody tries."""
    tries: int = 0
    """Attempts at sending so far. Each begins with a number of its own, so that one that was overtaken is noticed."""
    sending_since: Moment | None = None
    sent_at: Moment | None = None
    delivered_at: Moment | None = None
    acknowledged_at: Moment | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    """How the citizen was told another way. It stays here: no event has it."""
    restricted: bool
    file_version: int
    """Version of the family's file that `restricted` comes from; -1 where it is a guess."""
    holder: str
    open: tuple[OpenItem, ...] = ()


Decision = tuple[Message, Sequence[Event]]


def create(
    *,
    template: str,
    message_class: str,
    about: str,
    person_id: str,
    family_id: str,
    center_id: str | None,
    holder: str,
    restricted: bool,
    file_version: int,
    expires_at: datetime,
    now: datetime,
) -> Decision:
    """There is something to tell. `expires_at`: until when the fact is worth telling."""
    message = Message(
        template=template,
        message_class=message_class,
        about=about,
        person_id=person_id,
        family_id=family_id,
        center_id=center_id,
        state="created",
        created_at=now,
        expires_at=expires_at,
        try_at=now,
        restricted=restricted,
        file_version=file_version,
        holder=holder,
    )
    return message, [_event(MessageCreated, message, now, expires_at=expires_at)]


# ---------------------------------------------------------------------- on its way


def is_due(message: Message, now: datetime, patience: timedelta) -> bool:
    """Whether an attempt may be made: it waits and its time has come, or an attempt has been going on for longer than it may."""
    if message.state == "sending":
        return message.sending_since + patience <= now
    return message.state in WAITING and min(message.try_at, message.expires_at) <= now


def hold(message: Message, reason: str, until: datetime, now: datetime) -> Decision:
    """Wait until `until`. Told once per reason, not once per attempt."""
    told = (message.state, message.reason) == ("held", reason)
    held = replace(_moved(message, "hold"), reason=reason, try_at=until, sending_since=None)
    return held, [] if told else [_event(MessageHeld, held, now, reason=reason, until=until)]


def put_off(message: Message, reason: str, now: datetime, pauses: Sequence[timedelta]) -> Decision:
    """An attempt has failed: wait for the pause that the policy has after so many, the last one from then on."""
    tries = message.tries if message.state == "sending" else message.tries + 1  # `begin` has counted it
    pause = pauses[min(tries, len(pauses)) - 1]
    return hold(replace(message, tries=tries), reason, now + pause, now)


def begin(message: Message, now: datetime) -> Decision:
    """Hand it to the sender: saved before that is done, so that whoever comes after a crash asks the sender first."""
    return replace(_moved(message, "begin"), sending_since=now, tries=message.tries + 1), []


def confirm(message: Message, language: str, at: datetime, now: datetime) -> Decision:
    """The sender has it, since `at`."""
    sent = replace(_moved(message, "confirm"), reason=None, language=language, sent_at=at, sending_since=None)
    return sent, [_event(MessageSent, sent, now, language=language)]


def suppress(message: Message, reason: str, now: datetime) -> Decision:
    """It must not be sent."""
    suppressed = replace(_moved(message, "suppress"), reason=reason)
    return suppressed, [_event(MessageSuppressed, suppressed, now, reason=reason)]


def expire(message: Message, now: datetime, deadlines: Deadlines) -> Decision:
    """What it tells is too old. The reason stays what held it up."""
    return _tell_another_way(message, "expire", MessageExpired, message.reason or TOO_OLD, now, deadlines)


def fail(message: Message, reason: str, now: datetime, deadlines: Deadlines) -> Decision:
    """The sender refused it."""
    return _tell_another_way(message, "fail", MessageFailed, reason, now, deadlines)


# ---------------------------------------------------------------------- after it has left


def deliver(message: Message, at: datetime, now: datetime) -> Decision:
    """The telephone has it, since `at`."""
    delivered = replace(_moved(message, "deliver"), delivered_at=at)
    return delivered, [_event(MessageDelivered, delivered, now)]


def give_up(message: Message, reason: str, now: datetime, deadlines: Deadlines) -> Decision:
    """The network could not deliver it."""
    return _tell_another_way(message, "give-up", MessageUndeliverable, reason, now, deadlines)


# ---------------------------------------------------------------------- what people do


def acknowledge(message: Message, note: str, actor: str, now: datetime) -> Decision:
    """The citizen has been told another way."""
    if not message.open:
        raise WrongState(allowed(message))
    done = replace(
        _moved(message, "acknowledge"), note=note, acknowledged_at=now, acknowledged_by=actor, open=()
    )
    return done, [_event(MessageAcknowledged, done, now, actor=actor)]


def assign(message: Message, holder: str, actor: str, now: datetime) -> Decision | None:
    """This member of staff answers for it, and for what it still asks for.

    None where nothing changes, or nothing can become of it any more.
    """
    if holder == message.holder or not (message.open or message.state in ON_ITS_WAY):
        return None
    owner = Owner(kind="staff", id=holder)
    items = tuple(replace(item, owner=owner) for item in message.open)
    assigned = replace(message, holder=holder, open=items)
    event = _event(MessageAssigned, assigned, now, actor=actor, previous_holder=message.holder)
    return assigned, [event]


def raise_overdue(message: Message, now: datetime, deadlines: Deadlines) -> Decision | None:
    """Raise what is overdue by one level. None where nothing is."""
    items, raised = deadlines.raise_due(message.open, now)
    if not raised:
        return None
    after = replace(message, open=items)
    return after, [_event(MessageOverdue, after, now, items=tuple(item.item for item in raised))]


def allowed(message: Message) -> list[str]:
    """The commands that a person may give now."""
    return [command for command in COMMANDS if message.open and command in TRANSITIONS[message.state]]


def wake_at(message: Message, deadlines: Deadlines, patience: timedelta) -> datetime | None:
    """When the clock has to look at it next.

    What was just created is tried at once by whoever created it; the clock comes only where that did not happen.
    """
    if message.state == "created":
        return message.created_at + patience
    if message.state == "sending":
        return message.sending_since + patience
    if message.state in WAITING:
        return min(message.try_at, message.expires_at)
    return min(filter(None, map(deadlines.raise_at, message.open)), default=None)


# ---------------------------------------------------------------------- parts of the above


def _moved(message: Message, command: str) -> Message:
    if command not in TRANSITIONS[message.state]:
        raise WrongState(allowed(message))
    return replace(message, state=TRANSITIONS[message.state][command])


def _tell_another_way(
    message: Message, command: str, kind: type[Event], reason: str, now: datetime, deadlines: Deadlines
) -> Decision:
    """It did not reach the citizen: its holder has to."""
    owner = Owner(kind="staff", id=message.holder)
    item = deadlines.open(TELL_ANOTHER_WAY, TELL_ANOTHER_WAY, owner, now)
    after = replace(_moved(message, command), reason=reason, sending_since=None, open=(item,))
    return after, [_event(kind, after, now, reason=reason)]


def _event(
    kind: type[Event], message: Message, now: datetime, *, actor: str = SYSTEM, **more: object
) -> Event:
    return kind(
        family_id=message.family_id,
        person_id=message.person_id,
        center_id=message.center_id,
        actor=actor,
        occurred_at=now,
        holder=message.holder,
        open=message.open,
        template=message.template,
        message_class=message.message_class,
        state=message.state,
        restricted=message.restricted,
        about=message.about,
        **more,
    )
