"""The read side: messages as they are shown, one by one and in lists, and the templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notifications.domain.message import Message
from services.notifications.domain.templates import Template
from services.notifications.reading import readable
from services.notifications.service import Notifications
from services.notifications.store import NEWEST_FIRST
from shared.access import SOMETHING_OPEN, Actor, may_read, reading_filter
from shared.aggregate import Saved
from shared.keyset import Position, first, keyset_filter


def message(service: Notifications, actor: Actor, id: str, now: datetime) -> Saved[Message]:
    """One message. Raises NotFound where there is none that the caller may read."""
    saved = readable(service, actor, id)
    note_reading(service, actor, now, "message", [saved])
    return saved


def messages(
    service: Notifications,
    actor: Actor,
    now: datetime,
    *,
    limit: int,
    after: Position | None,
    state: str | None = None,
    person_id: str | None = None,
    family_id: str | None = None,
    waiting: bool = False,
) -> tuple[Sequence[Saved[Message]], Position | None]:
    """Messages that the caller may read, the newest first, and the position of the next page if there is one.

    Of a person or a family whose file he may read, all; without them, those of his center. `waiting`: only those of which the
    citizen has to be told another way.
    """
    asked = {"state": state, "person_id": person_id, "family_id": family_id}
    query = [
        {name: value for name, value in asked.items() if value is not None},
        dict(SOMETHING_OPEN) if waiting else {},
        _may_be_read(service, actor, person_id, family_id),
        keyset_filter(NEWEST_FIRST, after),
    ]
    shown, last = first(service.store.find_messages({"$and": query}, limit + 1), limit)
    note_reading(service, actor, now, "messages", shown)
    return shown, last and (last.state.created_at, last.id)


def sent_since(service: Notifications, family_id: str, since: datetime) -> int:
    """How many SMS have left for a family since then. Whether the family may be read, the caller has asked."""
    sent = {"family_id": family_id, "sent_at": {"$gte": since}}
    return service.store.messages.collection.count_documents(sent)


def templates(service: Notifications, after: Position | None, limit: int) -> tuple[Sequence[Template], Any]:
    """What is told, in the order of the names."""
    names = sorted(name for name in service.policy.templates if after is None or name > after[0])
    shown, last = first(names, limit)
    return [service.policy.templates[name] for name in shown], last and (last,)


def note_reading(
    service: Notifications, actor: Actor, now: datetime, what: str, shown: Sequence[Saved[Message]]
) -> None:
    """Write the line of the access log, before the answer leaves."""
    families = [saved.state.family_id for saved in shown]
    subject = shown[0].id if what == "message" else None
    service.store.access_log.write(actor, now, what=what, family_ids=families, subject=subject)


def _may_be_read(
    service: Notifications, actor: Actor, person_id: str | None, family_id: str | None
) -> dict[str, Any]:
    """The reading rule as a filter."""
    if person_id is None and family_id is None:
        return reading_filter(actor, service.store.files.held_by(actor.sub))
    families = [family_id] if family_id else service.store.families_of(person_id)
    files = service.store.files.files(families)
    return {"family_id": {"$in": [id for id in families if may_read(actor, files.get(id))]}}
