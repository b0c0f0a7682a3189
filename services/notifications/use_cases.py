"""What a person may do with a message: one function per command."""

from __future__ import annotations

from services.notifications.domain import message as domain
from services.notifications.domain.message import Message
from services.notifications.reading import readable
from services.notifications.service import Notifications
from shared.access import Actor, may_act
from shared.aggregate import Ask, Saved
from shared.refusals import Forbidden


def acknowledge(service: Notifications, actor: Actor, ask: Ask, id: str, note: str) -> Saved[Message]:
    """The citizen has been told another way: by the message's holder, or a supervisor of its center."""
    message = readable(service, actor, id).state
    if not may_act(actor, message.holder, message.center_id):
        raise Forbidden
    return service.store.messages.change(
        id, lambda message: domain.acknowledge(message, note, actor.sub, ask.now), ask
    )
