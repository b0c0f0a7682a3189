"""Forms by the same schemas and use cases as the API: one set of rules, two doors.

    form = forms.blank({"applicant": {"language": "kk"}})            GET: what stands in the fields at first
    form = forms.sent(AppealIn)                                      POST: what was typed, and what the schema made of it
    if form.ready:
        saved = form.attempt(lambda: register(intake(), actor(), form.once(), form.data, now()))
        if saved: return ui.done(saved, url_for("register.slip", appeal_id=saved.id))
    return show(form)                                                the same page again: texts, errors, the same key

A field's name is the dotted path of the schema's: `applicant.iin`, `household.0.relation`. What a browser sends (texts) becomes
what a program would send (JSON): dates as people write them, yes and no, numbers, empty fields left out. Errors come back under the
same paths. `key` is the Idempotency-Key and travels in the form, so a form sent twice makes one thing; `version` is what the person
saw, so two people do not overwrite each other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import marshmallow as ma
from flask import request
from werkzeug.datastructures import MultiDict

from shared.aggregate import Ask, Once, body_hash
from shared.calendar import ALMATY
from shared.http.auth import actor
from shared.http.conditions import KEY, now
from shared.http.fields import Count, Day, Flag, Moment
from shared.http.problems import flat
from shared.i18n import N_, request_language, text
from shared.refusals import Invalid, KeyReused, Refusal, Stale, WrongState

T = TypeVar("T")

ABSENT: Any = object()
KEY_FIELD, VERSION_FIELD, RESTORE_FIELD, LOADED_FIELD = "_key", "_version", "_restore", "_loaded"
DAY = re.compile(r"\s*([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})\s*")
MOMENT = re.compile(DAY.pattern + r"[,T ]?\s*([0-9]{1,2})[:.]([0-9]{2})\s*")
LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
VERSION = re.compile(r"[0-9]{1,15}")

FOR_PEOPLE = {
    "Missing data for required field.": N_("Fill this in."),
    "Field may not be null.": N_("Fill this in."),
    "May not be empty.": N_("Fill this in."),
    "Give a date like 2026-11-24.": N_("Give a date like 24.11.2026."),
    "Give date, time and offset: 2026-11-24T10:00:00+05:00.": N_("Give date and time like 24.11.2026 10:20."),
    "Not a valid integer.": N_("Give a whole number."),
    "Must be one of: {choices}.": N_("Choose one of these."),
    "Length must be between {min} and {max}.": N_("Choose at least one."),
}
"""What an API says to a program, said to a person."""


@dataclass
class Form:
    """What stands in a form. `raw`: field → texts as typed; `data`: what the schema made of them (None where it found errors);
    `errors`: field → texts; `notice`: why the whole was refused; `stale`: somebody else changed the thing meanwhile."""

    raw: MultiDict[str, str]
    key: str
    version: int | None = None
    loaded_at: datetime | None = None
    body: dict[str, Any] = field(default_factory=dict)
    data: Any = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    notice: Refusal | None = None
    stale: bool = False
    was_sent: bool = False
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it was sent to be carried out and the schema found nothing wrong."""
        return self.was_sent and not self.errors

    def value(self, name: str) -> str:
        return self.raw.get(name, "")

    def values(self, name: str) -> list[str]:
        return self.raw.getlist(name)

    def error(self, name: str, label: str | None = None) -> str | None:
        """What is wrong with a field, in the reader's language. None for nothing. `label`: what the field is called on the page."""
        if label:
            self.labels[name] = str(label)
        found = self.errors.get(name)
        return said(found[0]) if found else None

    def rows(self, name: str) -> list[int]:
        """Indexes of the rows of a list: `household.0.…`, `household.1.…` → [0, 1]"""
        return sorted(_indexes(self.raw, name))

    @property
    def summary(self) -> list[dict[str, str]]:
        """All errors, each with a link to its field and what the field is called."""
        return [
            {"text": said(texts[0]), "href": f"#{name}", "label": self.labels.get(name, "")}
            for name, texts in self.errors.items()
        ]

    def once(self) -> Once:
        """For a create."""
        return Once(key=self.key, hash=self._hash())

    def ask(self, command: str) -> Ask:
        """For a command on what was seen as `version`."""
        own = f"{actor().sub} {self.key}"
        return Ask(command=command, key=own, hash=self._hash(), if_match=self.version, now=now())

    def attempt(self, do: Callable[[], T]) -> T | None:
        """Do it. What is refused because of what was typed, or because somebody was faster, stands in the form: None."""
        try:
            return do()
        except Invalid as refused:
            self.errors |= refused.errors
        except Stale as refused:
            self.stale, self.notice = True, refused
        except (WrongState, KeyReused) as refused:
            self.notice = refused
        return None

    def renew(self, version: int) -> None:
        """Let the form be sent again on what is there now: another version, and another key."""
        self.version, self.key, self.loaded_at = version, new_key(), now()

    def _hash(self) -> str:
        return body_hash({"path": request.path, "body": self.body})


def new_key() -> str:
    return str(uuid.uuid4())


def blank(initial: Mapping[str, Any] | None = None, version: int | None = None) -> Form:
    """A form that nobody has sent yet. `initial`: nested values, as an answer of the API has them."""
    return Form(MultiDict(_flattened(initial or {})), new_key(), version, now())


def sent(schema: type[ma.Schema] | ma.Schema, *, empty_is_null: bool = False) -> Form:
    """The form of the current request, read by a schema. `empty_is_null`: an emptied field says null (a merge patch).

    A form given back after the session had ended (`_restore`) is not carried out: it stands there again as it was typed.
    """
    schema = schema() if isinstance(schema, type) else schema
    raw = compact(request.form)
    form = Form(raw, _key(raw), _version(raw), _loaded(raw))
    if raw.get(RESTORE_FIELD):
        return form
    form.was_sent = True
    form.body = nested(schema, raw, empty_is_null=empty_is_null)
    try:
        form.data = schema.load(form.body)
    except ma.ValidationError as error:
        form.errors = flat(error.normalized_messages())
    return form


def said(sentence: str) -> str:
    """A message of a schema or a rule, as it is said to a person in his language."""
    return text(FOR_PEOPLE.get(str(sentence), sentence), request_language())


def nested(
    schema: ma.Schema, raw: MultiDict[str, str], prefix: str = "", *, empty_is_null: bool = False
) -> dict[str, Any]:
    """What a program would send for these fields: only what the schema knows, and nothing for what was left empty."""
    found = {}
    for name, each in schema.load_fields.items():
        name = each.data_key or name
        value = _value(each, f"{prefix}{name}", raw, empty_is_null)
        if value is not ABSENT:
            found[name] = value
    return found


def _value(each: ma.fields.Field, name: str, raw: MultiDict[str, str], empty_is_null: bool) -> Any:
    if isinstance(each, ma.fields.Nested):
        if empty_is_null and each.allow_none and _is_emptied(raw, name):
            return None
        inner = nested(each.schema, raw, f"{name}.", empty_is_null=empty_is_null)
        return inner if inner or each.required else ABSENT
    if isinstance(each, ma.fields.List):
        return _list(each, name, raw, empty_is_null)
    if name not in raw:
        return ABSENT
    typed = raw[name].replace("\r\n", "\n")
    if typed.strip():
        return _converted(each, typed)
    if each.allow_none and (each.required or empty_is_null):
        return None
    return ABSENT


def _is_emptied(raw: MultiDict[str, str], name: str) -> bool:
    """Whether fields of this part were sent, and all of them empty."""
    typed = [value for key, values in raw.lists() if key.startswith(f"{name}.") for value in values]
    return bool(typed) and not any(value.strip() for value in typed)


def _list(each: ma.fields.List, name: str, raw: MultiDict[str, str], empty_is_null: bool) -> Any:
    inner = each.inner
    if isinstance(inner, ma.fields.Nested):
        rows = [
            nested(inner.schema, raw, f"{name}.{n}.", empty_is_null=empty_is_null)
            for n in sorted(_indexes(raw, name))
        ]
        return rows if rows or each.required else ABSENT
    values = [_converted(inner, value) for value in raw.getlist(name) if value.strip()]
    return values if values or each.required else ABSENT


def _converted(each: ma.fields.Field, typed: str) -> Any:
    """The JSON value that a text stands for; the text itself where it stands for none (the schema then says so)."""
    if isinstance(each, Flag):
        return {"true": True, "false": False}.get(typed, typed)
    if isinstance(each, Count | ma.fields.Integer):
        digits = typed.strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else typed
    if isinstance(each, Day):
        return _day(typed)
    if isinstance(each, Moment):
        return _moment(typed)
    return typed


def _day(typed: str) -> str:
    match = DAY.fullmatch(typed)
    if match is None:
        return typed.strip()
    day, month, year = match.groups()
    return f"{year}-{int(month):02}-{int(day):02}"


def _moment(typed: str) -> str:
    """A local time (Almaty) with its offset."""
    match = MOMENT.fullmatch(typed)
    if match:
        day, month, year, hour, minute = match.groups()
        typed = f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{minute}"
    if not LOCAL.fullmatch(typed.strip()):
        return typed.strip()
    try:
        return datetime.fromisoformat(typed.strip()).replace(tzinfo=ALMATY).isoformat()
    except ValueError:
        return typed.strip()


def compact(form: Mapping[str, Any]) -> MultiDict[str, str]:
    """The fields with the rows of lists numbered from 0 without holes, and rows that are wholly empty left out."""
    raw = MultiDict(form)
    for name in {match.group(1) for key in raw if (match := re.match(r"(.+?)\.[0-9]+\.", key))}:
        kept = [n for n in sorted(_indexes(raw, name)) if any(v.strip() for v in _row(raw, name, n))]
        numbers = {old: new for new, old in enumerate(kept)}
        renamed: MultiDict[str, str] = MultiDict()
        for key, value in raw.items(multi=True):
            match = re.match(rf"{re.escape(name)}\.([0-9]+)\.(.+)", key)
            if match is None:
                renamed.add(key, value)
            elif int(match.group(1)) in numbers:
                renamed.add(f"{name}.{numbers[int(match.group(1))]}.{match.group(2)}", value)
        raw = renamed
    return raw


def _indexes(raw: Mapping[str, Any], name: str) -> set[int]:
    """The numbers of the rows of a list; at most two digits: a form has no more rows."""
    found = (re.match(rf"{re.escape(name)}\.([0-9]{{1,2}})\.", key) for key in raw)
    return {int(match.group(1)) for match in found if match}


def _row(raw: MultiDict[str, str], name: str, n: int) -> Iterator[str]:
    for key, values in raw.lists():
        if key.startswith(f"{name}.{n}."):
            yield from values


def _flattened(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [pair for name, each in value.items() for pair in _flattened(each, f"{prefix}.{name}" if prefix else name)]
    if isinstance(value, list | tuple):
        rows = any(isinstance(each, Mapping) for each in value)
        return [
            pair for n, each in enumerate(value) for pair in _flattened(each, f"{prefix}.{n}" if rows else prefix)
        ]
    return [] if value is None else [(prefix, typed(value))]


def typed(value: Any) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(ALMATY):%d.%m.%Y %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return str(value)


def _key(raw: MultiDict[str, str]) -> str:
    key = raw.get(KEY_FIELD, "")
    return key if KEY.fullmatch(key) else new_key()


def _version(raw: MultiDict[str, str]) -> int | None:
    version = raw.get(VERSION_FIELD, "")
    return int(version) if VERSION.fullmatch(version) else None


def _loaded(raw: MultiDict[str, str]) -> datetime | None:
    """When the form was first shown, to say what has changed since."""
    seconds = raw.get(LOADED_FIELD, "")
    return datetime.fromtimestamp(int(seconds), UTC) if re.fullmatch(r"[0-9]{1,11}", seconds) else None
