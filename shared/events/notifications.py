"""Events of notifications: one kind of aggregate, the message to a citizen. No text, no phone."""

from __future__ import annotations

from dataclasses import dataclass

from shared.events.base import Event, Moment, event


@dataclass(frozen=True, kw_only=True)
class MessageEvent(Event):
    """Every event of a message says which template tells which fact, and how far it got."""

    template: str
    message_class: str
    state: str
    restricted: bool
    about: str
    """Subject of the event that the message tells of: an appeal, a referral, a case."""


@event("notifications", "message-created", subject="message")
class MessageCreated(MessageEvent):
    """There is something to tell the citizen."""

    expires_at: Moment


@event("notifications", "message-held", subject="message")
class MessageHeld(MessageEvent):
    """The message waits: for a permitted hour, for intake, or for the sender. `until`: when it is tried again."""

    reason: str
    until: Moment


@event("notifications", "message-sent", subject="message")
class MessageSent(MessageEvent):
    """The sender has taken the message. `language`: the language it was written in."""

    language: str


@event("notifications", "message-delivered", subject="message")
class MessageDelivered(MessageEvent):
    """The telephone has it."""


@event("notifications", "message-undeliverable", subject="message")
class MessageUndeliverable(MessageEvent):
    """The network gave up; the holder tells the citizen another way."""

    reason: str


@event("notifications", "message-suppressed", subject="message")
class MessageSuppressed(MessageEvent):
    """The message must not be sent: no consent, no safe contact, or domestic violence."""

    reason: str


@event("notifications", "message-expired", subject="message")
class MessageExpired(MessageEvent):
    """What it tells is older than the policy allows; the holder tells the citizen another way."""

    reason: str


@event("notifications", "message-failed", subject="message")
class MessageFailed(MessageEvent):
    """The sender refused it, or nobody can say whether it left; the holder tells the citizen another way."""

    reason: str


@event("notifications", "message-acknowledged", subject="message")
class MessageAcknowledged(MessageEvent):
    """The holder has told the citizen another way."""


@event("notifications", "message-assigned", subject="message")
class MessageAssigned(MessageEvent):
    """The case has another holder, who answers for what its messages still ask for (`holder`)."""

    previous_holder: str


@event("notifications", "message-overdue", subject="message")
class MessageOverdue(MessageEvent):
    """Items of the message passed their due time and were raised one level. `items`: their codes."""

    items: tuple[str, ...]
