"""The envelope: CloudEvents 1.0, binary mode.

An event travels as the JSON of its data, with its attributes in headers `ce_*` (the names that Kafka's binding gives them):
`ce_id, ce_type, ce_source, ce_subject, ce_time, ce_specversion, ce_sequence, ce_partitionkey, ce_traceparent, content-type`.
`sequence` is CloudEvents' extension of that name: `<epoch>-<number>`, contiguous per aggregate, and it sorts as text.

Two failures are different things. `UnreadableEnvelope`: nobody can say what the message is (a dead letter). `UnreadableData`: the
envelope is good but the data is not what the catalogue declares, or the version is not known here (parked, with its key).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from shared.events.base import CATALOGUE, Event, Moment, cut
from shared.log import Message

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
LARGEST = 64 * 1024
"""Bytes of data above which an event is a bug: caught when it is saved, so that the log never refuses one for ever."""


class UnreadableEnvelope(ValueError):
    """A message without readable CloudEvents attributes or with a value that is not a JSON object."""


class UnreadableData(ValueError):
    """An event whose type (or version) is not declared here, or whose data lacks what is declared. Names types, never values."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One event as it travels. `subject` is the aggregate's id and also the key (`partitionkey`)."""

    id: str
    type: str
    source: str
    subject: str
    time: Moment
    sequence: str
    partitionkey: str
    traceparent: str | None = None
    data: dict[str, Any] = field(default_factory=dict)

    def event(self) -> Event:
        """The data as the class that the catalogue declares. Unknown fields are ignored, absent ones get their defaults."""
        kind = CATALOGUE.get(self.type)
        if kind is None:
            raise UnreadableData(f"{self.type} is not in the catalogue")
        return _convert(self, kind)

    def base(self) -> Event:
        """What every event says, of an event of any type, also of one that is not known here yet."""
        return _convert(self, Event)


def _convert(envelope: Envelope, kind: type[Event]) -> Event:
    try:
        return msgspec.convert(envelope.data, kind)
    except msgspec.ValidationError as error:
        raise UnreadableData(f"{envelope.type} cannot be read: {error}") from None


def data_of(event: Event) -> dict[str, Any]:
    """An event as a JSON object (times as RFC 3339 texts)."""
    return msgspec.json.decode(msgspec.json.encode(event))


def to_message(envelope: Envelope) -> Message:
    headers = {
        "ce_id": envelope.id,
        "ce_type": envelope.type,
        "ce_source": envelope.source,
        "ce_subject": envelope.subject,
        "ce_time": msgspec.to_builtins(envelope.time),
        "ce_specversion": SPEC_VERSION,
        "ce_sequence": envelope.sequence,
        "ce_partitionkey": envelope.partitionkey,
        "content-type": CONTENT_TYPE,
    }
    if envelope.traceparent:
        headers["ce_traceparent"] = envelope.traceparent
    return Message(key=envelope.partitionkey, headers=headers, value=msgspec.json.encode(envelope.data))


def from_message(message: Message) -> Envelope:
    """Read a message of the log. Raises UnreadableEnvelope; the text says what is missing, never what was there."""
    headers = message.headers
    try:
        if headers["ce_specversion"] != SPEC_VERSION:
            raise UnreadableEnvelope("ce_specversion is not 1.0")
        return Envelope(
            id=_text(headers, "ce_id"),
            type=_text(headers, "ce_type"),
            source=_text(headers, "ce_source"),
            subject=_text(headers, "ce_subject"),
            time=cut(msgspec.convert(headers["ce_time"], Moment)),
            sequence=_text(headers, "ce_sequence"),
            partitionkey=headers.get("ce_partitionkey") or message.key,
            traceparent=headers.get("ce_traceparent"),
            data=msgspec.json.decode(message.value, type=dict[str, Any]),
        )
    except KeyError as missing:
        raise UnreadableEnvelope(f"header {missing.args[0]} is missing") from None
    except msgspec.ValidationError:
        raise UnreadableEnvelope("ce_time is not a time, or the value is not a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableEnvelope("the value is not JSON") from None


def _text(headers: dict[str, str], name: str) -> str:
    value = headers[name]
    if not value:
        raise UnreadableEnvelope(f"header {name} is empty")
    return value


def moment(text: str) -> datetime:
    """An RFC 3339 text of an event's data as a time."""
    return msgspec.convert(text, Moment)
