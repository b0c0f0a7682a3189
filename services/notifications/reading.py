"""Who may read a message: the one rule of `shared.access`, over the family's file and what the message itself knows."""

from __future__ import annotations

from services.notifications.domain.message import Message
from services.notifications.service import Notifications
from shared.access import Actor, File, Known, may_read, with_word_of
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


def holder_now(known: Known | None, about: str, otherwise: str) -> str:
    """Who answers for a message: who holds the family's case; without one, what the message is about; else `otherwise`.

    It follows from what is known of the family and not from the event that asks, so the order in which events came does not
    matter. Of several cases the open one counts (there is at most one).
    """
    sources = known.sources if known else {}
    cases = [source for source in sources.values() if source.subject == "case"]
    if cases:
        return max(cases, key=lambda case: (case.is_open, case.sequence)).holder
    return sources[about].holder if about in sources else otherwise
