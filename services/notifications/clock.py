"""What falls due: a message whose time to leave has come, and one that still asks for something."""

from __future__ import annotations

from datetime import datetime

from services.notifications import sending
from services.notifications.domain import message as domain
from services.notifications.service import Notifications
from shared.aggregate import Aggregates
from shared.clock import Schedule


def tick(service: Notifications, store: Aggregates, id: str, now: datetime) -> None:
    """Raise what is overdue, and try a message that waits."""
    store.tick(id, lambda message: domain.raise_overdue(message, now, service.policy.deadlines))
    sending.attempt(service, id)


def schedule(service: Notifications) -> Schedule:
    """What the worker's clock looks after."""
    return Schedule(
        stores=[service.store.messages], tick=lambda store, id, now: tick(service, store, id, now)
    )
