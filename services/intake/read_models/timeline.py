"""The timeline of a family: what has happened to it, across the four services, in the reader's language.

A row per event, under the event's id, so that an event handled twice is there once. A row holds the type and the few codes that
its sentence needs; the sentence is made when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pymongo.collection import Collection as Documents
from pymongo.errors import BulkWriteError

from shared.events.base import PREFIX
from shared.events.cloudevents import Envelope
from shared.keyset import Position, keyset_filter

SORT = (("occurred_at", -1), ("sequence", -1), ("_id", -1))
DUPLICATE_KEY = 11000
KEPT = (
    "outcome",
    "body",
    "how",
    "items",
    "fields",
    "scopes",
    "level",
    "n",
    "kind",
    "by",
    "method",
    "service_kind",
)
KEPT_TOO = (
    "agency_id",
    "reason_code",
    "reason",
    "state",
    "template",
    "given_on",
    "condition",
    "previous_holder",
)


class Timeline:
    def __init__(self, collection: Documents) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("family_id", 1), *SORT], name="family")

    def apply(self, envelopes: Sequence[Envelope]) -> None:
        """Take in a batch of events (a read model of the consumer). Applying any of them again changes nothing."""
        if not envelopes:
            return
        try:
            self.collection.insert_many([_row(envelope) for envelope in envelopes], ordered=False)
        except BulkWriteError as error:
            told = error.details
            if told["writeConcernErrors"] or any(
                each["code"] != DUPLICATE_KEY for each in told["writeErrors"]
            ):
                raise

    def find(
        self, family_id: str, position: Position | None, limit: int, services: Collection[str] = ()
    ) -> list[dict[str, Any]]:
        """Rows of a family, newest first; at most `limit`, after `position`; of all services, or of these."""
        of_these = {"service": {"$in": list(services)}} if services else {}
        query = {"$and": [{"family_id": family_id}, of_these, keyset_filter(SORT, position)]}
        return list(self.collection.find(query).sort(list(SORT)).limit(limit))


def _row(envelope: Envelope) -> dict[str, Any]:
    event = envelope.base()
    return {
        "_id": envelope.id,
        "type": envelope.type,
        "name": name_of(envelope.type),
        "service": envelope.source.removeprefix("/"),
        "subject": envelope.subject,
        "sequence": envelope.sequence,
        "family_id": event.family_id,
        "occurred_at": event.occurred_at,
        "actor": event.actor,
        "said": {name: envelope.data[name] for name in (*KEPT, *KEPT_TOO) if name in envelope.data},
    }


def name_of(type: str) -> str:
    """`kz.birtereze.intake.appeal-registered.v1` → `appeal-registered`"""
    return type.removeprefix(PREFIX + ".").split(".")[1]
