"""Who may read a message: the one rule of `shared.access`, over the family's file and what the message itself knows."""

from __future__ import annotations

from services.notifications.domain.message import Message
from services.notifications.service import Notifications
from shared.access import Actor, File, may_read, with_word_of
from shared.aggregate import Saved
from shared.refusals import NotFound


def readable(service: Notifications, actor: Actor, id: str) -> Saved[Message]:
    """The message, if the caller may read it; else NotFound, whether it exists or not."""
    saved = service.store.messages.get(id)
    if not may_read(actor, file_of(service, saved.state)):
        raise NotFound
    return saved


def file_of(service: Notifications, message: Message) -> File:
    """What is known of the family's file, and what the message says itself: its word is never older."""
    return with_word_of(
        service.store.files.file(message.family_id),
        center_id=message.center_id,
        restricted=message.restricted,
        holder=message.holder,
        holds=bool(message.open),
    )
