"""Brings a message out: one attempt at a time, and never a second SMS.

An attempt asks, in this order: has it left already (the sender knows it by its reference, the message's id)? is it too old? is it
the operators' hour? does the contact door allow it, at this moment? is it the citizen's hour? Only then:

    sending (saved) → handed to the sender → sent (saved)

- A process that dies in between leaves a message in `sending`. After the policy's patience the next attempt begins by asking the
  sender, so that what has left is `sent`, and what has not is tried again.
- A process that is *paused* in between must not wake up and send on an answer of yesterday: its leave ends `send_within` after the
  attempt began, the sender looks at that under its own lock, and others have `patience`, which is longer. All times are the
  database's or monotonic.
- An attempt has a number; one that was overtaken changes nothing any more.
- Intake or the sender away: it is held, and tried again with growing pauses, until it is too old.

What the door tells (phone, hours) lives as long as the attempt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from services.notifications.contact import NOT_ALLOWED, Contact
from services.notifications.domain import message as domain
from services.notifications.domain.hours import Window, first_permitted
from services.notifications.domain.message import Decision, Message
from services.notifications.sender import Receipt, Refused, SenderAway, Sms, TooLate
from services.notifications.service import Notifications
from shared import telemetry
from shared.aggregate import Saved
from shared.refusals import Unavailable, WrongState

log_lines = telemetry.logger()

HOURS = "hours"
CONTACT_AWAY = "contact-away"
SENDER_AWAY = "sender-away"
INTERRUPTED = "interrupted"


def attempt(service: Notifications, id: str) -> None:
    """Do what can be done for a message now; nothing where it is not its time. Errors of the database pass through."""
    before = time.monotonic() + service.policy.send_within.total_seconds()
    now = service.store.now()
    saved = service.store.messages.find(id)
    if saved is None or not domain.is_due(saved.state, now, service.policy.patience):
        return
    if _ends_at_once(service, saved, now):
        return
    contact = _contact(service, saved, now)
    if contact is not None:
        _hand_over(service, saved, contact, now, before)


def _ends_at_once(service: Notifications, saved: Saved[Message], now: datetime) -> bool:
    """Look what became of earlier attempts. True where that ends this one: it has left already, is too old, was interrupted, or
    the sender cannot tell; the message then says so."""
    message = saved.state
    away = False
    try:
        receipt = service.sender.find(saved.id)
    except SenderAway as error:
        log_lines.warning("sender does not answer", message_id=saved.id, exc_info=error)
        receipt, away = None, True
    if receipt is not None:
        _confirm(service, saved.id, receipt)
    elif message.expires_at <= now:
        _save(service, saved, lambda message: domain.expire(message, now, service.policy.deadlines))
    elif message.state == "sending":
        if not away:  # else it stays as it is, until the sender can tell
            _save(service, saved, lambda message: domain.hold(message, INTERRUPTED, now, now))
    elif away:
        _put_off(service, saved, SENDER_AWAY, now)
    else:
        return False
    return True


def _contact(service: Notifications, saved: Saved[Message], now: datetime) -> Contact | None:
    """Where it may go to, now. None where it may not, or not yet; the message then says why."""
    message = saved.state
    operators = service.policy.windows(message.message_class)
    if _waits(service, saved, operators, now):
        return None
    try:
        contact = service.door.ask(message.person_id, saved.id, message.template)
    except Unavailable:
        _put_off(service, saved, CONTACT_AWAY, now)
        return None
    if not contact.allowed:
        reason = contact.reason or NOT_ALLOWED
        _save(service, saved, lambda message: domain.suppress(message, reason, now))
        return None
    return None if _waits(service, saved, (*operators, *contact.windows), now) else contact


def _waits(service: Notifications, saved: Saved[Message], windows: tuple[Window, ...], now: datetime) -> bool:
    """Whether it has to wait for one of the windows; then it is held until all are open, or until it is too old."""
    permitted = first_permitted(now, windows) or saved.state.expires_at
    if permitted == now:
        return False
    until = min(permitted, saved.state.expires_at)
    _save(service, saved, lambda message: domain.hold(message, HOURS, until, now))
    return True


def _hand_over(
    service: Notifications, saved: Saved[Message], contact: Contact, now: datetime, before: float
) -> None:
    begun = _save(service, saved, lambda message: domain.begin(message, now))
    if begun is None:
        return  # another process was faster
    language, text = service.policy.templates[begun.state.template].text(contact.language)
    sms = Sms(reference=begun.id, phone=contact.phone, text=text, language=language)
    try:
        receipt = service.sender.send(sms, before)
    except Refused as error:
        reason = error.reason
        _save(service, begun, lambda message: domain.fail(message, reason, now, service.policy.deadlines))
    except TooLate:
        _save(service, begun, lambda message: domain.hold(message, INTERRUPTED, now, now))
    except SenderAway as error:
        log_lines.warning("sender is away", message_id=begun.id, exc_info=error)
        _put_off(service, begun, SENDER_AWAY, now)
    else:
        _confirm(service, begun.id, receipt)


def _put_off(service: Notifications, saved: Saved[Message], reason: str, now: datetime) -> None:
    """A failed attempt: try again after the policy's pause."""
    _save(service, saved, lambda message: domain.put_off(message, reason, now, service.policy.pauses))


def _confirm(service: Notifications, id: str, receipt: Receipt) -> None:
    """The sender has it: that is true whoever's attempt it was."""
    now = service.store.now()

    def decide(message: Message) -> Decision | None:
        try:
            return domain.confirm(message, receipt.language, receipt.at, now)
        except WrongState:  # known already
            return None

    service.store.messages.tick(id, decide)


def _save(
    service: Notifications, saved: Saved[Message], decide: Callable[[Message], Decision]
) -> Saved[Message] | None:
    """Save a decision of this attempt. None where somebody else has moved the message on meanwhile."""

    def unless_overtaken(message: Message) -> Decision | None:
        if (message.state, message.tries) != (saved.state.state, saved.state.tries):
            return None
        return decide(message)

    after = service.store.messages.tick(saved.id, unless_overtaken)
    return after if after is not None and after.changed else None
