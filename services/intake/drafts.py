"""Drafts of appeals: what a member of staff has typed into the register page and not sent yet.

A draft is its owner's and nobody else's: it is no record of anybody, so no rule of access and no access log knows it. It is saved
under the key of its form, as it stands in the browser, and goes after the policy's days, counted from the last word typed.

When the appeal is registered the draft is emptied. Its id stays until it would have gone by itself, so that what the browser still
had on its way does not bring the draft back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared.ids import creation_id

Fields = list[tuple[str, str]]
MOST = 20
"""How many of somebody's drafts are shown, the newest first."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """`key`: the form's, with which the appeal will be registered; `fields`: name and text of each, in the form's order."""

    id: str
    key: str
    saved_at: datetime
    fields: Fields


class Drafts:
    """The collection of drafts. `days`: how long one is kept after it was last saved."""

    def __init__(self, collection: Collection, days: float) -> None:
        self.collection = collection
        self._kept = timedelta(days=days)

    def ensure_indexes(self) -> None:
        self.collection.create_index([("owner", 1), ("saved_at", -1)], name="owner")
        self.collection.create_index("expires_at", expireAfterSeconds=0, name="expires_at")

    def save(self, owner: str, key: str, fields: Iterable[tuple[str, str]], at: datetime) -> None:
        """Keep what stands in the form; nothing if its appeal is registered already."""
        id = draft_id(owner, key)
        kept = {
            "owner": owner,
            "key": key,
            "fields": [list(field) for field in fields],
            **self._until(at),
        }
        try:
            self.collection.update_one({"_id": id, "ended": {"$ne": True}}, {"$set": kept}, upsert=True)
        except DuplicateKeyError:
            return

    def end(self, owner: str, key: str, at: datetime) -> None:
        """The appeal is registered, or the draft is not wanted any more."""
        empty = {"owner": owner, "ended": True, "fields": [], **self._until(at)}
        self.collection.update_one({"_id": draft_id(owner, key)}, {"$set": empty}, upsert=True)

    def own(self, owner: str, at: datetime) -> list[Draft]:
        """The owner's drafts, the newest first."""
        found = self.collection.find(self._of(owner, at)).sort("saved_at", -1).limit(MOST)
        return [_draft(document) for document in found]

    def find(self, owner: str, id: str, at: datetime) -> Draft | None:
        """A draft of the owner's."""
        document = self.collection.find_one({"_id": id, **self._of(owner, at)})
        return _draft(document) if document else None

    def _until(self, at: datetime) -> dict[str, datetime]:
        return {"saved_at": at, "expires_at": at + self._kept}

    def _of(self, owner: str, at: datetime) -> dict[str, Any]:
        # The database removes what has expired within a minute or so; nobody is to see it in between.
        return {"owner": owner, "ended": {"$ne": True}, "expires_at": {"$gt": at}}


def draft_id(owner: str, key: str) -> str:
    """Id of what this owner types into the form with this key."""
    return creation_id("draft", owner, key)


def _draft(document: Mapping[str, Any]) -> Draft:
    return Draft(
        id=document["_id"],
        key=document["key"],
        saved_at=document["saved_at"],
        fields=[(name, text) for name, text in document["fields"]],
    )
