"""Who may read a family's file, and who may act on it: one rule for every route, list, search hit, panel and count.

    may_read(actor, file)    the file's center is mine; and if it is restricted, I hold it or something open in it, or supervise
    may_act(actor, holder, center_id)    I hold it, or supervise its center

What a service needs for the rule it keeps per family from events (`FamilyFiles`, a read model), one value per source: an appeal, a
case, a referral each say their own center, holder and open items, and the newest word of each source counts, whatever the order of
arrival between sources. `danger` and `restricted` have one authority, the family's file in intake; events carry its version
(`file_version`) and the highest is right. A file that has not arrived yet is nobody's: it is treated as restricted.

`reading_filter` is the same rule as a MongoDB filter, for lists; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Collection as Many
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.collection import Collection

from shared import mongo
from shared.events import CATALOGUE, declared
from shared.events.cloudevents import Envelope

CENTER_ROLES = frozenset({"worker", "supervisor"})


@dataclass(frozen=True)
class Actor:
    """Who asks. `sub` is the login or the client's id; the rest comes from the claims of the token."""

    sub: str
    roles: frozenset[str]
    client_id: str = ""
    center_id: str | None = None
    region: str | None = None
    agency_id: str | None = None
    name: str | None = None

    def is_a(self, role: str) -> bool:
        return role in self.roles


@dataclass(frozen=True)
class File:
    """What the rule needs to know of a family's file. `holders`: who holds it or something open in it."""

    center_ids: frozenset[str]
    restricted: bool
    holders: frozenset[str]


def with_word_of(
    heard: File | None, *, center_id: str | None, restricted: bool, holder: str, holds: bool
) -> File:
    """The file as it was heard of, and what one of the family's documents says itself, which is never older.

    `holds`: whether the document's holder holds the file by it (something is open in it, or it is the family's case). A family of
    which nothing else was heard is taken for restricted.
    """
    return File(
        center_ids=(heard.center_ids if heard else frozenset()) | ({center_id} if center_id else frozenset()),
        restricted=heard is None or heard.restricted or restricted,
        holders=(heard.holders if heard else frozenset()) | ({holder} if holds else frozenset()),
    )


def may_read(actor: Actor, file: File | None) -> bool:
    """The one rule. `None`: nothing of the family has arrived here yet."""
    if file is None or not (actor.roles & CENTER_ROLES):
        return False
    if actor.center_id is None or actor.center_id not in file.center_ids:
        return False
    return not file.restricted or actor.is_a("supervisor") or actor.sub in file.holders


def may_act(actor: Actor, holder: str, center_id: str | None) -> bool:
    """Whether a member of staff who may read it may also act on it: its holder, or a supervisor of its center."""
    if actor.is_a("supervisor") and center_id is not None and actor.center_id == center_id:
        return True
    return actor.is_a("worker") and actor.sub == holder


SOMETHING_OPEN: Mapping[str, Any] = {"open.0": {"$exists": True}}
"""Filter for an aggregate in which something is open."""


def reading_filter(
    actor: Actor, held: Many[str], is_open: Mapping[str, Any] = SOMETHING_OPEN
) -> dict[str, Any]:
    """`may_read` over documents with `center_id, family_id, restricted, holder, open`, as a filter of a list.

    `held`: ids of the restricted files that the actor holds or holds something open in (`FamilyFiles.held_by`). `is_open` tells
    documents in which something is open: who holds one of these holds something open in the file, though the read model may not
    have heard of it yet. Who only ever held one that is done holds nothing.
    """
    if not (actor.roles & CENTER_ROLES) or actor.center_id is None:
        return {"_id": {"$in": []}}
    if actor.is_a("supervisor"):
        return {"center_id": actor.center_id}
    mine = [{"restricted": False}, {"holder": actor.sub, **is_open}, {"family_id": {"$in": list(held)}}]
    return {"center_id": actor.center_id, "$or": mine}


@dataclass(frozen=True)
class Source:
    """The newest word of one aggregate about a family."""

    sequence: str
    subject: str
    center_id: str | None
    holder: str
    owners: tuple[str, ...]
    """Staff who own an open item of it."""
    is_open: bool


@dataclass(frozen=True)
class Known:
    """All that has been heard of a family."""

    sources: dict[str, Source] = field(default_factory=dict)
    restricted: bool = True
    file_version: int = -1
    danger: dict[str, bool | None] | None = None
    center_ids: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()


def heard(known: Known, envelope: Envelope) -> Known:
    """What is known of a family after one more event of one of its aggregates. Pure; an older event changes nothing."""
    data = envelope.data
    before = known.sources.get(envelope.subject)
    if before is not None and before.sequence >= envelope.sequence:
        return known
    event = envelope.base()
    owners = tuple(item.owner.id for item in event.open if item.owner.kind == "staff")
    subject = _subject(envelope.type, before)
    source = Source(envelope.sequence, subject, event.center_id, event.holder, owners, bool(event.open))
    sources = {**known.sources, envelope.subject: source}
    restricted, file_version, danger = known.restricted, known.file_version, known.danger
    if envelope.source == "/intake" and data.get("file_version", -1) > file_version:
        restricted, file_version, danger = data["restricted"], data["file_version"], data.get("danger")
    centers = {s.center_id for s in sources.values() if s.center_id and s.subject in ("appeal", "case")}
    return Known(sources, restricted, file_version, danger, tuple(sorted(centers)), _holders(sources))


def _holders(sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Who holds the file (its cases; without one, its appeals) or something open in it."""
    open_ones = [s for s in sources.values() if s.is_open]
    cases = [s for s in sources.values() if s.subject == "case"]
    file = cases or [s for s in sources.values() if s.subject == "appeal"]
    people = {s.holder for s in (*open_ones, *file)} | {owner for s in open_ones for owner in s.owners}
    return tuple(sorted(people))


def _subject(type: str, before: Source | None) -> str:
    """The kind of aggregate that an event is of; of a type that is not declared here yet, the kind known from before."""
    kind = CATALOGUE.get(type)
    if kind is not None:
        return declared(kind).subject
    return before.subject if before else "unknown"


class FamilyFiles:
    """The read model behind `may_read`: one document per family, made of events of all its aggregates."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def ensure_indexes(self) -> None:
        self.collection.create_index([("holders", 1), ("restricted", 1)], name="holders")

    def known(self, family_id: str) -> Known | None:
        document = self.collection.find_one({"_id": family_id})
        return known_from(document) if document else None

    def file(self, family_id: str) -> File | None:
        """What the rule needs, or None where nothing of the family has arrived."""
        known = self.known(family_id)
        return _file(known) if known else None

    def known_of(self, family_ids: Many[str]) -> dict[str, Known]:
        """All that has been heard of these families, of those that anything was heard of."""
        found = self.collection.find({"_id": {"$in": list(family_ids)}})
        return {document["_id"]: known_from(document) for document in found}

    def files(self, family_ids: Many[str]) -> dict[str, File]:
        """What the rule needs of these families, of those that anything was heard of."""
        return {family_id: _file(known) for family_id, known in self.known_of(family_ids).items()}

    def held_by(self, sub: str) -> list[str]:
        """Ids of the restricted files that `sub` holds, or holds something open in."""
        return [d["_id"] for d in self.collection.find({"holders": sub, "restricted": True}, {"_id": 1})]

    def apply(self, envelopes: Sequence[Envelope]) -> None:
        """Take in a batch of events (a read model of the consumer). Applying any of them again changes nothing."""
        families: dict[str, list[Envelope]] = {}
        for envelope in envelopes:
            family_id = envelope.data.get("family_id")
            if family_id:
                families.setdefault(family_id, []).append(envelope)
        while not self._save(self._writes(families)):
            continue  # somebody else has changed one meanwhile; those that are written have nothing new the second time

    def _writes(self, families: Mapping[str, list[Envelope]]) -> list[UpdateOne]:
        """What writes down what each family's events add, on the document as it is now."""
        found = {d["_id"]: d for d in self.collection.find({"_id": {"$in": list(families)}})}
        writes = []
        for family_id, envelopes in families.items():
            before = found.get(family_id)
            known = start = known_from(before) if before else Known()
            for envelope in envelopes:
                known = heard(known, envelope)
            if known is not start:
                writes.append(_write(family_id, known, before))
        return writes

    def _save(self, writes: Sequence[UpdateOne]) -> bool:
        return mongo.write_all(self.collection, writes)


def _write(family_id: str, known: Known, before: Mapping[str, Any] | None) -> UpdateOne:
    revision = before["revision"] if before else 0
    return UpdateOne(
        {"_id": family_id, "revision": revision},
        {"$set": {**msgspec.to_builtins(known), "revision": revision + 1}},
        upsert=before is None,
    )


def known_from(document: Mapping[str, Any]) -> Known:
    """What has been heard of a family, from its document as a query found it."""
    return msgspec.convert({k: v for k, v in document.items() if k not in ("_id", "revision")}, Known)


def _file(known: Known) -> File:
    return File(frozenset(known.center_ids), known.restricted, frozenset(known.holders))
