"""The aggregate store: one document, changed by one atomic write that also holds the events of that change.

An aggregate (an appeal, a case, a referral, a message) is one document. A command *loads* it, *decides* by a pure function
`state → (state, events)`, and *saves* by one targeted update with the filter `{_id, version}`:

    {_id, version, sequence, <fields of the state>, outbox: [event, …], pending: since, wake_at,
     seen: {source aggregate: sequence}, commands: [{key, command, hash, at}], created: {hash}}

    cases = Aggregates(database["cases"], Case, service="casework", subject="case", wake_at=domain.wake_at)
    saved = cases.change(case_id, lambda case: approve(case, actor, now), ask)

What it guarantees
- A change and its events are saved together or not at all; `sequence` is contiguous per aggregate, given in that same write.
- Somebody else saved in between → the decision is made again on what is there now, a bounded number of times, then `Conflict`.
  The update is targeted (`$set` what changed, `$push` the events) and never replaces the document: a replacement would put back
  events that the relay has just removed.
- `create` (from a request): the id is derived from the caller and its Idempotency-Key, so the same request twice makes one
  thing; another body under the same key is `KeyReused`.
- `change` (a command): with an Idempotency-Key that the aggregate remembers (24 hours) nothing changes and the answer is the
  state as it stands; else `If-Match` must name the current version (`Stale`), and must be there (`PreconditionRequired`).
- `react` (to an event): what is not newer than the last event seen from the same source aggregate is ignored; the ids of the
  events that follow are derived from the cause, so a second reaction tells nobody twice. It may create the aggregate.
- `tick` (the clock): neither key nor version; decides on what is there.

`wake_at(state)` says when the clock has to look at the aggregate next (or None); it is saved with it and indexed.
All writes are `w: majority, j: true` (see `shared.mongo`). Several documents in one transaction: pass the session to each call.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared import outbox, telemetry
from shared.events import Event
from shared.events.cloudevents import Envelope
from shared.refusals import Conflict, KeyReused, NotFound, PreconditionRequired, Stale

S = TypeVar("S")
Decision = tuple[S, Sequence[Event]]

REMEMBERED = timedelta(hours=24)
"""How long a command's Idempotency-Key is remembered (by time: a number of keys was overrun in 0.2 s on a hot aggregate)."""
ATTEMPTS = 25
"""How often a lost race is tried again before the caller is told."""
BOOKKEEPING = frozenset(
    {"_id", "version", "sequence", "outbox", "pending", "seen", "commands", "created", "wake_at"}
)


@dataclass(frozen=True)
class Once:
    """A create from a request: the Idempotency-Key (already part of the id) and the hash of the body."""

    key: str
    hash: str


@dataclass(frozen=True)
class Ask:
    """A command from a request. `if_match`: the version the caller saw, or None where the header was absent."""

    command: str
    key: str | None
    hash: str
    if_match: int | None
    now: datetime


@dataclass(frozen=True)
class Saved(Generic[S]):
    """An aggregate as it stands in the store. `changed`: whether the call that gave it has written. `absent`: fields of the state
    that its document does not have, since they are younger than it."""

    id: str
    version: int
    state: S
    sequence: str
    seen: Mapping[str, str]
    changed: bool = False
    absent: frozenset[str] = frozenset()


def next_number(database: Database, series: str) -> int:
    """The next number of a series (1, 2, 3 …). A number taken for something that was not saved in the end stays unused."""
    counter = database["numbers"].find_one_and_update(
        {"_id": series}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    return counter["n"]


def body_hash(body: Any) -> str:
    """Hash of a request's body, the same for the same JSON whatever the order of its members."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def state_document(state: Any) -> dict[str, Any]:
    """A state as fields of a document: times stay times, dates become ISO texts."""
    return msgspec.to_builtins(state, builtin_types=(datetime,))


def _changes(saved: Saved[Any], state: Any) -> dict[str, Any]:
    """The fields of a state that have another value than the document has, as fields of a document."""
    names = [field.name for field in fields(state)]
    changed = [name for name in names if getattr(saved.state, name) != getattr(state, name)]
    return state_document({name: getattr(state, name) for name in {*changed, *saved.absent}})


class Aggregates(Generic[S]):
    """The aggregates of one kind, in one collection. `service` and `subject` name the source and the kind of aggregate."""

    def __init__(
        self,
        collection: Collection,
        state: type[S],
        *,
        service: str,
        subject: str,
        wake_at: Callable[[S], datetime | None] = lambda state: None,
    ) -> None:
        self.collection = collection
        self.service = service
        self.subject = subject
        self._type = state
        self._fields = frozenset(field.name for field in fields(state))
        self._wake_at = wake_at

    def ensure_indexes(self) -> None:
        for field in ("pending", "wake_at"):
            self.collection.create_index(
                [(field, 1)], name=field, partialFilterExpression={field: {"$type": "date"}}
            )
        # How long the oldest event waits: `pending` goes by turns, so it does not say.
        self.collection.create_index(
            [("outbox.time", 1)],
            name="oldest_event",
            partialFilterExpression={"pending": {"$type": "date"}},
        )

    # ------------------------------------------------------------------ reading

    def find(self, id: str, session: ClientSession | None = None) -> Saved[S] | None:
        document = self.collection.find_one({"_id": id}, {"outbox": 0}, session=session)
        return self.saved(document) if document else None

    def get(self, id: str, session: ClientSession | None = None) -> Saved[S]:
        """The aggregate, or NotFound."""
        saved = self.find(id, session)
        if saved is None:
            raise NotFound
        return saved

    def saved(self, document: Mapping[str, Any], *, changed: bool = False) -> Saved[S]:
        """A document of the collection (as a query found it) as a Saved."""
        known = {name: value for name, value in document.items() if name not in BOOKKEEPING}
        return Saved(
            document["_id"],
            document["version"],
            msgspec.convert(known, self._type),
            document["sequence"],
            document.get("seen", {}),
            changed,
            self._fields - known.keys(),
        )

    # ------------------------------------------------------------------ writing

    def create(
        self, id: str, decide: Callable[[], Decision[S]], once: Once, session: ClientSession | None = None
    ) -> Saved[S]:
        """Make the aggregate `id`, or answer with it as it stands if the same request has made it before."""
        known = self._created(id, once, session)
        if known is not None:
            return known
        state, events = decide()
        try:
            return self._insert(id, state, events, {"created": {"hash": once.hash}}, None, session)
        except DuplicateKeyError:
            if session is not None:
                raise
        known = self._created(id, once, session)
        if known is None:
            raise Conflict
        return known

    def _created(self, id: str, once: Once, session: ClientSession | None) -> Saved[S] | None:
        document = self.collection.find_one({"_id": id}, {"outbox": 0}, session=session)
        if document is None:
            return None
        if document.get("created", {}).get("hash") != once.hash:
            raise KeyReused
        return self.saved(document)

    def change(
        self, id: str, decide: Callable[[S], Decision[S]], ask: Ask, session: ClientSession | None = None
    ) -> Saved[S]:
        """Carry out a command. Raises NotFound, KeyReused, PreconditionRequired, Stale, Conflict, and what `decide` raises."""

        def attempt(document: dict[str, Any] | None) -> Saved[S]:
            if document is None:
                raise NotFound
            if _repeated(document, ask):
                return self.saved(document)
            if ask.if_match is None:
                raise PreconditionRequired
            if ask.if_match != document["version"]:
                raise Stale
            saved = self.saved(document)
            return self._update(saved, *decide(saved.state), _remember(document, ask), None, session)

        return self._until_saved(id, attempt, session)

    def react(
        self,
        id: str,
        decide: Callable[[S | None], Decision[S] | None],
        cause: Envelope,
        session: ClientSession | None = None,
    ) -> Saved[S] | None:
        """Let an event of elsewhere take effect once. `decide` answers None where there is nothing to change (not remembered).

        Where the aggregate does not exist, `decide(None)` may create it; its id then comes from the business key.
        """
        source = cause.subject

        def attempt(document: dict[str, Any] | None) -> Saved[S] | None:
            if document is not None and document.get("seen", {}).get(source, "") >= cause.sequence:
                return self.saved(document)
            saved = self.saved(document) if document else None
            decision = decide(saved.state if saved else None)
            if decision is None:
                return saved
            if saved is None:
                try:
                    return self._insert(id, *decision, {"seen": {source: cause.sequence}}, cause, session)
                except DuplicateKeyError:
                    if session is not None:
                        raise
                    raise _LostRace from None
            return self._update(saved, *decision, {f"seen.{source}": cause.sequence}, cause, session)

        return self._until_saved(id, attempt, session)

    def tick(
        self, id: str, decide: Callable[[S], Decision[S] | None], session: ClientSession | None = None
    ) -> Saved[S] | None:
        """Let the clock, a process of the service itself or the transaction of a command on another aggregate change this one.

        None where it does not exist.
        """

        def attempt(document: dict[str, Any] | None) -> Saved[S] | None:
            if document is None:
                return None
            saved = self.saved(document)
            decision = decide(saved.state)
            return saved if decision is None else self._update(saved, *decision, {}, None, session)

        return self._until_saved(id, attempt, session)

    def save(self, saved: Saved[S], decision: Decision[S], session: ClientSession) -> Saved[S]:
        """Change an aggregate as it was read in the same transaction: neither key nor version, and nothing is read again."""
        try:
            return self._update(saved, *decision, {}, None, session)
        except _LostRace:
            raise Conflict from None

    # ------------------------------------------------------------------ how it is written

    def _until_saved(self, id: str, attempt: Callable, session: ClientSession | None) -> Any:
        for number in range(ATTEMPTS):
            document = self.collection.find_one({"_id": id}, {"outbox": 0}, session=session)
            try:
                return attempt(document)
            except _LostRace:
                if session is not None:
                    raise Conflict from None
                time.sleep(random.random() * 0.004 * min(number + 1, 10))  # noqa: S311  spreads the losers
        raise Conflict

    def _insert(
        self,
        id: str,
        state: S,
        events: Sequence[Event],
        bookkeeping: dict[str, Any],
        cause: Envelope | None,
        session: ClientSession | None,
    ) -> Saved[S]:
        outbox = self._envelopes(id, "", events, cause)
        document = {
            "_id": id,
            "version": 1,
            "sequence": outbox[-1]["sequence"] if outbox else "",
            **state_document(state),
            "outbox": outbox,
            "wake_at": self._wake_at(state),
            **bookkeeping,
        }
        if outbox:
            document["pending"] = outbox[-1]["time"]
        self.collection.insert_one(document, session=session)
        return self.saved(document, changed=True)

    def _update(
        self,
        saved: Saved[S],
        state: S,
        events: Sequence[Event],
        bookkeeping: dict[str, Any],
        cause: Envelope | None,
        session: ClientSession | None,
    ) -> Saved[S]:
        outbox = self._envelopes(saved.id, saved.sequence, events, cause)
        sequence = outbox[-1]["sequence"] if outbox else saved.sequence
        told = {"sequence": sequence, "wake_at": self._wake_at(state)}
        update: dict[str, Any] = {
            "$inc": {"version": 1},
            "$set": {**_changes(saved, state), **told, **bookkeeping},
        }
        if outbox:
            update["$push"] = {"outbox": {"$each": outbox}}
            # $min keeps the time since when something waits, and sets it where nothing did: the relay takes the oldest first.
            update["$min"] = {"pending": outbox[-1]["time"]}
        result = self.collection.update_one(
            {"_id": saved.id, "version": saved.version}, update, session=session
        )
        if result.matched_count != 1:
            raise _LostRace
        return Saved(saved.id, saved.version + 1, state, sequence, saved.seen, True)

    def _envelopes(
        self, id: str, sequence: str, events: Sequence[Event], cause: Envelope | None
    ) -> list[dict[str, Any]]:
        return outbox.entries(
            events,
            service=self.service,
            subject=self.subject,
            id=id,
            after=sequence,
            epoch=self._epoch,
            cause=cause,
            traceparent=telemetry.current_traceparent(),
        )

    @cached_property
    def _epoch(self) -> int:
        """Read once, at the first write: a restore, which raises it, is done while no process of the service runs."""
        return outbox.epoch(self.collection.database)


class _LostRace(Exception):
    """Somebody else has saved the document since it was loaded."""


def _repeated(document: Mapping[str, Any], ask: Ask) -> bool:
    """Whether this command was carried out before. Raises KeyReused where the key stands for another command or body."""
    if ask.key is None:
        return False
    for known in document.get("commands", []):
        if known["key"] == ask.key:
            if (known["command"], known["hash"]) != (ask.command, ask.hash):
                raise KeyReused
            return True
    return False


def _remember(document: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """What to set so that this command is remembered, and those before it for 24 hours; nothing for one without a key."""
    if ask.key is None:
        return {}
    kept = [known for known in document.get("commands", []) if known["at"] > ask.now - REMEMBERED]
    this = {"key": ask.key, "command": ask.command, "hash": ask.hash, "at": ask.now}
    return {"commands": [*kept, this]}
