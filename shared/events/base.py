"""What every event says, and how an event is declared.

An event is a frozen dataclass in `shared/events/<service>.py`, declared once. From that one declaration come its type name, its
topic, its JSON Schema (`golden/`), its page in `docs/events.md` and the compatibility tests over all of them.

    @event("casework", "case-opened", subject="case")
    class CaseOpened(CaseEvent):
        "A family's case has been opened."
        appeal_id: str

Codes are plain `str`: a reader of yesterday must be able to read a code that was added today. Times are aware, in UTC, cut to
milliseconds (`cut`). Events hold ids, codes, dates and numbers, never names, phones, IINs or free text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar, dataclass_transform

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time with its offset; RFC 3339 on the wire."""

PREFIX = "kz.birtereze"


def cut(moment: datetime) -> datetime:
    """The same moment in UTC, cut to the milliseconds that the database keeps."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who has to do the next thing: a member of staff (login), a center (any of its supervisors) or an agency."""

    kind: str
    id: str


@dataclass(frozen=True, kw_only=True)
class OpenItem:
    """Something that waits to be done. `rule` names the policy's line; `raised` counts how often it was raised."""

    item: str
    owner: Owner
    next_action: str
    due_at: Moment
    rule: str
    raised: int = 0


@dataclass(frozen=True, kw_only=True)
class Danger:
    """What a family is in danger of: true, false, or null where nobody has asked yet."""

    life: bool | None = None
    child: bool | None = None
    domestic_violence: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """The fields of every event. `open` lists *all* open items of the aggregate after this event; empty when nothing is open."""

    family_id: str
    person_id: str | None
    center_id: str | None
    actor: str
    occurred_at: Moment
    holder: str
    open: tuple[OpenItem, ...]


@dataclass(frozen=True)
class Declared:
    """What the catalogue knows of an event class."""

    service: str
    name: str
    subject: str
    version: int

    @property
    def type(self) -> str:
        return f"{PREFIX}.{self.service}.{self.name}.v{self.version}"

    @property
    def topic(self) -> str:
        return topic(self.service)


E = TypeVar("E", bound=type)

CATALOGUE: dict[str, type[Event]] = {}
"""Type name → class, for all events of all services."""
_DECLARED: dict[type, Declared] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(service: str, name: str, *, subject: str, version: int = 1) -> Callable[[E], E]:
    """Declare a class as the event `<service>.<name>.v<version>` about an aggregate of the kind `subject`."""

    def declare(kind: E) -> E:
        kind = dataclass(frozen=True, kw_only=True)(kind)
        declared = Declared(service, name, subject, version)
        if declared.type in CATALOGUE:
            raise ValueError(f"{declared.type} is declared twice")
        CATALOGUE[declared.type] = kind
        _DECLARED[kind] = declared
        return kind

    return declare


def declared(kind: type[Event]) -> Declared:
    """Service, name, subject and version of an event class."""
    return _DECLARED[kind]


def type_of(kind: type[Event]) -> str:
    """`kz.birtereze.<service>.<name>.v<version>`"""
    return declared(kind).type


def topic_of(kind: type[Event]) -> str:
    """The topic that carries events of this class."""
    return declared(kind).topic


def topic(service: str) -> str:
    """The topic of a service: one for each, keyed by aggregate."""
    return f"birtereze.{service}"


TOPICS = tuple(topic(service) for service in ("intake", "casework", "referrals", "notifications"))
