"""What a change adds to its aggregate's outbox: its events in their envelopes, with ids and sequence numbers.

`sequence` is `<epoch>-<number>`: the number is contiguous per aggregate, and the text sorts. The epoch belongs to the service's
database and is raised when a backup is restored, so that what is published afterwards is never taken for what was published before
the backup was lost; the number goes on, and so the order stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from pymongo.database import Database

from shared.events import Event, cut, declared, type_of
from shared.events.cloudevents import LARGEST, Envelope, data_of
from shared.ids import derived_id


def epoch(database: Database) -> int:
    """The epoch of a service's database; 1 where no restore has raised it."""
    document = database["meta"].find_one({"_id": "epoch"})
    return document["n"] if document else 1


def entries(
    events: Sequence[Event],
    *,
    service: str,
    subject: str,
    id: str,
    after: str,
    epoch: int,
    cause: Envelope | None,
    traceparent: str | None,
) -> list[dict[str, Any]]:
    """The outbox entries of events of the aggregate `id` that follow the sequence `after` (empty for a new aggregate).

    Raises TypeError for an event of another kind of aggregate, UnreadableData for one that is not what its class declares,
    ValueError for one over 64 KiB: all are bugs, caught before anything is saved.
    """
    number = int(after.rpartition("-")[2]) if after else 0
    return [
        _entry(event, n, service, subject, id, f"{epoch:04d}-{number + n:012d}", cause, traceparent)
        for n, event in enumerate(events, 1)
    ]


def _entry(
    event: Event,
    n: int,
    service: str,
    subject: str,
    id: str,
    sequence: str,
    cause: Envelope | None,
    traceparent: str | None,
) -> dict[str, Any]:
    type = type_of(event.__class__)
    if declared(event.__class__).subject != subject:
        raise TypeError(f"{type} is not an event of a {subject}")
    envelope = Envelope(
        id=_event_id(id, sequence, type, n, cause),
        type=type,
        source=f"/{service}",
        subject=id,
        time=cut(event.occurred_at),
        sequence=sequence,
        partitionkey=id,
        traceparent=traceparent,
        data=data_of(event),
    )
    envelope.event()  # an event that nobody could read is a bug of whoever makes it: better here than in four consumers
    if len(msgspec.json.encode(envelope.data)) > LARGEST:
        raise ValueError(f"{type} of {id} is over {LARGEST} bytes")
    return msgspec.to_builtins(envelope, builtin_types=(datetime,))


def _event_id(id: str, sequence: str, type: str, n: int, cause: Envelope | None) -> str:
    """From a cause: the same however often the reaction runs. From a command: its place in the aggregate's history."""
    if cause is not None:
        return derived_id("event", cause.id, type, id, str(n))
    return derived_id("event", id, sequence)
