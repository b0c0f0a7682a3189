"""The policy of notifications: what is told, when it may leave, and by when a person has to step in.

`Policy.load()` reads the files of `policy/` once, at the start of a process. What is wrong with them (a text too long, a language
missing, an unknown key, no source) is a PolicyError that names the file and the place, and the service does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from services.notifications.domain.hours import EVERY_DAY, Window
from services.notifications.domain.templates import LANGUAGES, Template
from shared.calendar import Calendar, Deadlines, PolicyError
from shared.calendar.policy import Source, blaming

T = TypeVar("T")
FOLDER = Path(__file__).parent / "policy"
PLACEHOLDERS = "{}%$"
"""Signs of a text that something would be filled into."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Everything that an official may change.

    `hours`: message class → the window in which it may leave; a class that is not there may leave at any hour. `pauses`: waiting
    times after failed attempts. `send_within`: how old the door's answer may be when the message leaves. `patience`: after that
    time another process looks what became of an attempt; it is longer than `send_within`.
    """

    templates: Mapping[str, Template]
    hours: Mapping[str, Window]
    pauses: tuple[timedelta, ...]
    send_within: timedelta
    patience: timedelta
    deadlines: Deadlines

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Policy:
        """Reads the three files. Raises PolicyError, OSError."""
        sending = _read(folder / "sending.toml", _Sending)
        return cls(
            templates=_templates(folder / "templates.toml"),
            hours={name: table.window() for name, table in sending.hours.items()},
            pauses=tuple(timedelta(seconds=seconds) for seconds in sending.attempt.pauses_seconds),
            send_within=timedelta(seconds=sending.attempt.send_within_seconds),
            patience=timedelta(seconds=sending.attempt.patience_seconds),
            deadlines=Deadlines.load(folder / "deadlines.toml", Calendar.load()),
        )

    def windows(self, message_class: str) -> tuple[Window, ...]:
        """The operators' hours for a class: one window, or none."""
        return (self.hours[message_class],) if message_class in self.hours else ()


def _templates(path: Path) -> Mapping[str, Template]:
    file = _read(path, _Templates)
    templates = {name: table.template(name) for name, table in file.template.items()}
    for name, template in templates.items():
        if template.parts > file.most_parts:
            raise PolicyError(f"{path}: template {name}: needs more than {file.most_parts} SMS")
    return templates


# The files --------------------------------------------------------------------------------------

_Class = Literal["answer", "notice"]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_Text = Annotated[str, msgspec.Meta(min_length=1, pattern=f"^[^{PLACEHOLDERS}\n]+$")]


class _TemplateTable(msgspec.Struct, forbid_unknown_fields=True, rename={"message_class": "class"}):
    message_class: _Class
    expires_after_hours: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    source: Source
    kk: _Text
    ru: _Text
    en: _Text

    def template(self, name: str) -> Template:
        return Template(
            name=name,
            message_class=self.message_class,
            texts={language: getattr(self, language) for language in LANGUAGES},
            expires_after=timedelta(hours=self.expires_after_hours),
            source=self.source,
        )


class _Templates(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    most_parts: Annotated[int, msgspec.Meta(ge=1, le=10)]
    template: dict[str, _TemplateTable]


class _Hours(msgspec.Struct, forbid_unknown_fields=True):
    opens: time
    closes: time
    source: Source
    days: Annotated[frozenset[Annotated[int, msgspec.Meta(ge=1, le=7)]], msgspec.Meta(min_length=1)] = (
        EVERY_DAY
    )

    def window(self) -> Window:
        return Window(opens=self.opens, closes=self.closes, days=self.days)


class _Attempt(msgspec.Struct, forbid_unknown_fields=True):
    pauses_seconds: Annotated[list[_Seconds], msgspec.Meta(min_length=1)]
    send_within_seconds: _Seconds
    patience_seconds: _Seconds
    source: Source

    def __post_init__(self) -> None:
        if self.patience_seconds <= self.send_within_seconds:
            raise ValueError("patience_seconds must be longer than send_within_seconds")


class _Sending(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    hours: dict[_Class, _Hours]
    attempt: _Attempt

    def __post_init__(self) -> None:
        if "notice" not in self.hours:
            raise ValueError("hours.notice is missing: operators do not allow notices at every hour")


def _read(path: Path, shape: type[T]) -> T:
    with blaming(path):
        return msgspec.toml.decode(path.read_bytes(), type=shape)
