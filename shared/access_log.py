"""The access log: who saw whose file. A line is written, durably, before the answer that shows it leaves.

    log.write(actor, at, what="family", family_ids=[family_id])
    log.write(actor, at, what="worklist", family_ids=shown)          one line for a list, with every family on it

A line that cannot be written means that the answer is not given. Lines hold ids and codes; `why` is a code or a referral's id.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo.collection import Collection

from shared.access import Actor

ORDER_OF_ROLES = ("supervisor", "worker", "partner", "service", "auditor", "regional", "national", "registry")


class AccessLog:
    """The lines of one service, in a collection that is only ever added to."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("family_ids", 1), ("at", -1), ("_id", -1)], name="file")

    def write(
        self,
        actor: Actor,
        at: datetime,
        *,
        what: str,
        family_ids: Iterable[str],
        subject: str | None = None,
        why: str | None = None,
    ) -> None:
        """Add a line; nothing where no family is shown. Raises PyMongoError where it cannot be kept."""
        families = sorted(set(family_ids))
        if not families:
            return
        line: dict[str, Any] = {
            "_id": str(uuid.uuid4()),
            "at": at,
            "actor": actor.sub,
            "role": next((role for role in ORDER_OF_ROLES if role in actor.roles), "none"),
            "what": what,
            "family_ids": families,
            "subject": subject,
            "why": why,
        }
        self.collection.insert_one(line)

    def find(self, family_id: str, position: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        """Documents of a family's readings, newest first. `position`: a further filter (keyset paging), or {}."""
        query = {"family_ids": family_id, **position}
        return list(self.collection.find(query).sort([("at", -1), ("_id", -1)]).limit(limit))
