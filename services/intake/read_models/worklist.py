"""The worklist: everything that waits to be done, of all services, made of `open` in their events and of nothing else.

Two collections. `subjects` has one document per aggregate with the newest `sequence` heard of it, kept when nothing is open, so
that a late copy cannot bring anything back. `items` has one document per open item (`<subject>:<item>`), which is what a page
reads, sorted by due time on an index. An item that is done stays as a row with `open: false` and the sequence that ended it.

Rows hold ids; names are joined when they are shown. `restricted` stands on each row, so that a list can be filtered by the one
rule of access; it follows the family's file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pymongo import UpdateMany, UpdateOne
from pymongo.collection import Collection

from shared.access import Actor, FamilyFiles, reading_filter
from shared.events import CATALOGUE, Event, declared
from shared.events.cloudevents import Envelope
from shared.keyset import Position, keyset_filter

SORT = (("due_at", 1), ("_id", 1))
ABOUT = {"intake": "appeal", "casework": "case", "referrals": "referral", "notifications": "message"}
SEEN_BY_SUPERVISORS = 1
"""An item raised so often is on the supervisors' own list too (contract: *Holder and open items*)."""


class Worklist:
    """The read model and its queries. `files` has taken in the same events before."""

    def __init__(self, subjects: Collection, items: Collection, files: FamilyFiles) -> None:
        self.subjects = subjects
        self.items = items
        self.files = files

    def ensure_indexes(self) -> None:
        for fields in (("owner.id",), ("holder",), ("holder", "owner.kind"), ("center_id",)):
            self.items.create_index(
                [*((field, 1) for field in fields), *SORT],
                name="_".join(fields).replace(".", "_"),
                partialFilterExpression={"open": True},
            )
        self.items.create_index([("subject", 1)], name="subject_open", partialFilterExpression={"open": True})
        self.items.create_index(
            [("family_id", 1), *SORT], name="family_open", partialFilterExpression={"open": True}
        )
        self.items.create_index([("family_id", 1), ("restricted", 1)], name="family_restricted")

    # ------------------------------------------------------------------ taking in

    def apply(self, envelopes: Sequence[Envelope]) -> None:
        """Take in a batch of events (a read model of the consumer). Applying any of them again changes nothing."""
        told: dict[str, dict[str, Envelope]] = {}
        for envelope in envelopes:
            told.setdefault(envelope.subject, {})[envelope.sequence] = envelope
        if not told:
            return
        history = {subject: [by[sequence] for sequence in sorted(by)] for subject, by in told.items()}
        self.subjects.bulk_write([_newer_subject(events[-1]) for events in history.values()], ordered=False)
        stored = self.subjects.find({"_id": {"$in": list(history)}}, {"sequence": 1})
        current = [history[d["_id"]] for d in stored if d["sequence"] == history[d["_id"]][-1].sequence]
        files = self.files.files({events[-1].data["family_id"] for events in current})
        writes: list[UpdateOne | UpdateMany] = []
        for events in current:
            file = files.get(events[-1].data["family_id"])
            writes += _item_writes(events, restricted=file is None or file.restricted)
        writes += [
            UpdateMany(
                {"family_id": family, "restricted": not file.restricted},
                {"$set": {"restricted": file.restricted}},
            )
            for family, file in files.items()
        ]
        if writes:
            # Ordered: an item's row is written, then what is gone is closed, then the whole file's restriction is set.
            self.items.bulk_write(writes, ordered=True)

    # ------------------------------------------------------------------ reading

    def has(self, subject: str, sequence: str) -> bool:
        """Whether what a subject said up to `sequence` stands here. Its document is written before its items: as long as one of
        them is open on the word of an older event, the newer one is still being written."""
        heard = self.subjects.find_one({"_id": subject, "sequence": {"$gte": sequence}})
        if heard is None:
            return False
        behind = {"subject": subject, "open": True, "sequence": {"$lt": heard["sequence"]}}
        return self.items.find_one(behind, {"_id": 1}) is None

    def of_family(self, family_id: str) -> list[dict[str, Any]]:
        """All open items of a family, by due time. Whether the family may be read, the caller has asked."""
        return list(self.items.find({"family_id": family_id, "open": True}).sort(list(SORT)))

    def find(
        self, actor: Actor, filters: Mapping[str, Any], position: Position | None, limit: int
    ) -> list[dict[str, Any]]:
        """Rows that the actor may read, by due time; at most `limit`, after `position`. `filters`: see `_filter`."""
        query = {"$and": [*self._readable(actor, filters), keyset_filter(SORT, position)]}
        return list(self.items.find(query).sort(list(SORT)).limit(limit))

    def count(self, actor: Actor, filters: Mapping[str, Any], most: int) -> int:
        """How many rows there are, counted up to `most`."""
        return self.items.count_documents({"$and": self._readable(actor, filters)}, limit=most)

    def _readable(self, actor: Actor, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        held = self.files.held_by(actor.sub)
        every = reading_filter(actor, held, is_open={})  # every row is of an open item
        return [{"open": True}, every, *_filters(actor, filters)]


def _newer_subject(envelope: Envelope) -> UpdateOne:
    newer = {"$lt": [{"$ifNull": ["$sequence", ""]}, envelope.sequence]}
    document = {"$literal": {"_id": envelope.subject, "sequence": envelope.sequence}}
    return UpdateOne(
        {"_id": envelope.subject}, [{"$replaceWith": {"$cond": [newer, document, "$$ROOT"]}}], upsert=True
    )


def _item_writes(events: Sequence[Envelope], *, restricted: bool) -> list[UpdateOne | UpdateMany]:
    """One write per item that these events of one subject (in order) tell of, and one that closes all older ones.

    An item that one of them opens and a later one ends is written too, as ended: the rows are the same however the events were
    cut into batches, and whoever still writes the first of them late finds a newer row.
    """
    rows: dict[str, dict[str, Any]] = {}
    for envelope in events:
        is_open = {row["_id"]: row for row in _rows(envelope, envelope.base(), restricted)}
        ended = {
            id: {**row, "open": False, "sequence": envelope.sequence}
            for id, row in rows.items()
            if row["open"] and id not in is_open
        }
        rows |= ended | is_open
    first = events[0]
    gone = {
        "subject": first.subject,
        "item": {"$nin": [item.item for item in first.base().open]},
        "open": True,
        "sequence": {"$lt": first.sequence},
    }
    closed = {"$set": {"open": False, "sequence": first.sequence}}
    return [*(_newer_row(row) for row in rows.values()), UpdateMany(gone, closed)]


def _newer_row(row: dict[str, Any]) -> UpdateOne:
    newer = {"$lt": [{"$ifNull": ["$sequence", ""]}, row["sequence"]]}
    return UpdateOne(
        {"_id": row["_id"]}, [{"$replaceWith": {"$cond": [newer, {"$literal": row}, "$$ROOT"]}}], upsert=True
    )


def _rows(envelope: Envelope, event: Event, restricted: bool) -> list[dict[str, Any]]:
    return [
        {
            "_id": f"{envelope.subject}:{item.item}",
            "subject": envelope.subject,
            "kind": kind_of(envelope),
            "service": envelope.source.removeprefix("/"),
            "sequence": envelope.sequence,
            "open": True,
            "item": item.item,
            "owner": msgspec.to_builtins(item.owner),
            "holder": event.holder,
            "center_id": event.center_id,
            "family_id": event.family_id,
            "person_id": event.person_id,
            "next_action": item.next_action,
            "due_at": item.due_at,
            "raised": item.raised,
            "restricted": restricted,
        }
        for item in event.open
    ]


def kind_of(envelope: Envelope) -> str:
    """appeal, family, case, referral or message; of a type that is not declared here yet, what its service is about."""
    kind = CATALOGUE.get(envelope.type)
    return declared(kind).subject if kind else ABOUT[envelope.source.removeprefix("/")]


def _filters(actor: Actor, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The filters of the contract; `owner` and `holder` know `me`. `now` is when `overdue` is asked. `view` is the pages' own:
    `mine` (what I have to do, and what partners do for me), `center`, `nobody` (what is the center's)."""
    found: list[dict[str, Any]] = []
    if view := filters.get("view"):
        found.append(_view(actor, view))
    if owner := filters.get("owner"):
        found.append(_mine(actor) if owner == "me" else {"owner.id": owner})
    if holder := filters.get("holder"):
        found.append({"holder": actor.sub if holder == "me" else holder})
    found += [{name: filters[name]} for name in ("center_id", "service") if filters.get(name)]
    if (overdue := filters.get("overdue")) is not None:
        found.append({"due_at": {"$lt" if overdue else "$gte": filters["now"]}})
    if due_before := filters.get("due_before"):
        found.append({"due_at": {"$lt": due_before}})
    return found


def _view(actor: Actor, view: str) -> dict[str, Any]:
    if view == "mine":
        return {"$or": [_mine(actor), {"holder": actor.sub, "owner.kind": "agency"}]}
    of_center = {"center_id": actor.center_id}
    return {**of_center, "owner.kind": "center"} if view == "nobody" else of_center


def _mine(actor: Actor) -> dict[str, Any]:
    """A worker's own items; a supervisor's own, the center's, and what was raised to him."""
    if not actor.is_a("supervisor"):
        return {"owner.id": actor.sub}
    raised = {"center_id": actor.center_id, "raised": {"$gte": SEEN_BY_SUPERVISORS}}
    return {"$or": [{"owner.id": actor.sub}, {"owner.id": actor.center_id}, raised]}
