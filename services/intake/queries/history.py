"""What has happened to a family, and who has read its file; newest first, in pages. Whether he may see it, the caller asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.intake.read_models.timeline import SORT
from services.intake.service import Intake
from shared.keyset import Position, first, keyset_filter

HAPPENED = (datetime, str, str)
"""What a position in a timeline holds."""
READ = (datetime, str)
"""What a position among the readers holds."""
READ_SORT = (("at", -1), ("_id", -1))

Rows = Sequence[dict[str, Any]]


def timeline(
    intake: Intake, family_id: str, position: Position | None, limit: int, services: Collection[str] = ()
) -> tuple[Rows, Position | None]:
    """Rows of the timeline, of all services or of these, and the position to go on from."""
    rows = intake.store.timeline.find(family_id, position, limit + 1, services)
    shown, last = first(rows, limit)
    return shown, last and tuple(last[field] for field, _ in SORT)


def readings(
    intake: Intake, family_id: str, position: Position | None, limit: int
) -> tuple[Rows, Position | None]:
    """Lines of the access log that name the family, and the position to go on from."""
    rows = intake.store.access_log.find(family_id, keyset_filter(READ_SORT, position), limit + 1)
    shown, last = first(rows, limit)
    return shown, last and (last["at"], last["_id"])
