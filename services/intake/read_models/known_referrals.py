"""What intake knows of referrals, from their events: whom it may disclose a person's fields to.

One document per referral, replaced only by a newer `sequence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.collection import Collection

from services.intake.domain.doors import KnownReferral
from shared.events.cloudevents import Envelope

SOURCE = "/referrals"


class KnownReferrals:
    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def apply(self, envelopes: Sequence[Envelope]) -> None:
        """Take in a batch of events (a read model of the consumer). Applying any of them again changes nothing."""
        newest: dict[str, Envelope] = {}
        for envelope in envelopes:
            known = newest.get(envelope.subject)
            if envelope.source == SOURCE and (known is None or known.sequence < envelope.sequence):
                newest[envelope.subject] = envelope
        if newest:
            self.collection.bulk_write([_newer(envelope) for envelope in newest.values()], ordered=False)

    def find(self, referral_id: str) -> KnownReferral | None:
        document = self.collection.find_one({"_id": referral_id}, {"_id": 0})
        return msgspec.convert(document, KnownReferral) if document else None


def _newer(envelope: Envelope) -> UpdateOne:
    data = envelope.data
    row: dict[str, Any] = {
        "_id": envelope.subject,
        "sequence": envelope.sequence,
        **{
            name: data[name]
            for name in ("person_id", "family_id", "agency_id", "service_kind", "disclose", "state")
        },
    }
    newer = {"$lt": [{"$ifNull": ["$sequence", ""]}, envelope.sequence]}
    return UpdateOne(
        {"_id": envelope.subject},
        [{"$replaceWith": {"$cond": [newer, {"$literal": row}, "$$ROOT"]}}],
        upsert=True,
    )
