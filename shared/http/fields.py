"""The fields of requests and answers, and the schema they stand in.

    class AssignIn(Schema):
        holder = ReadableId(required=True)
        reason = Text(500, required=True, multiline=True)

Each field checks all that a program may get wrong and says so in a text that is translated when it is shown: a JSON type other than
its own (`{"$gt": ""}` where a text belongs) is refused, never converted. All of marshmallow's own messages are translated as well:
`Schema` wraps them as it binds its fields. What a field holds after loading is told in its docstring; `example` is what the OpenAPI
document shows for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import marshmallow as ma
from marshmallow import validate as checks

from shared.i18n import N_, Message

BIDI = "\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c"
ONE_LINE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{BIDI}]")
SEVERAL_LINES = re.compile(f"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029{BIDI}]")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
READABLE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
KATO = re.compile(r"[0-9]{9}")
WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
LARGEST_COUNT = 1_000_000_000

MARSHMALLOW = (  # what marshmallow says by itself; a test holds this list against the library
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Invalid value."),
    N_("Invalid type."),
    N_("Invalid input type."),
    N_("Unknown field."),
    N_("Not a valid string."),
    N_("Not a valid utf-8 string."),
    N_("Not a valid UUID."),
    N_("Not a valid number."),
    N_("Not a valid integer."),
    N_("Number too large."),
    N_("Special numeric values (nan or infinity) are not permitted."),
    N_("Not a valid boolean."),
    N_("Not a valid {obj_type}."),
    N_("Not a valid {awareness} {obj_type}."),
    N_('"{input}" cannot be formatted as a {obj_type}.'),
    N_("Not a valid date."),
    N_('"{input}" cannot be formatted as a date.'),
    N_("Not a valid period of time."),
    N_("{input!r} cannot be formatted as a timedelta."),
    N_("Not a valid list."),
    N_("Not a valid tuple."),
    N_("Not a valid mapping type."),
    N_("Must be one of: {choices}."),
    N_("Invalid input."),
    N_("Must be equal to {other}."),
    N_("String does not match expected pattern."),
    N_("Shorter than minimum length {min}."),
    N_("Longer than maximum length {max}."),
    N_("Length must be between {min} and {max}."),
    N_("Length must be {equal}."),
    N_("Must be greater than or equal to {min}."),
    N_("Must be greater than {min}."),
    N_("Must be less than or equal to {max}."),
    N_("Must be less than {max}."),
    N_("Must be greater than or equal to {min} and less than or equal to {max}."),
)


class Schema(ma.Schema):
    """Base of all schemas: unknown members are refused, and every message can be translated."""

    class Meta:
        unknown = ma.RAISE

    error_messages = {"type": N_("Invalid input type."), "unknown": N_("Unknown field.")}

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field) -> None:
        _make_translatable(field_obj)


class Empty(Schema):
    """The body `{}`."""


def _make_translatable(field: Any) -> None:
    """Let the messages of a field, of its validators and of the fields inside it be Messages."""
    field.error_messages = {key: _message(each) for key, each in field.error_messages.items()}
    for validator in field.validators:
        for name in ("error", "message_min", "message_max", "message_all", "message_equal"):
            if isinstance(getattr(validator, name, None), str):
                setattr(validator, name, _message(getattr(validator, name)))
    inner = [getattr(field, name, None) for name in ("inner", "key_field", "value_field")]
    for each in [*inner, *getattr(field, "tuple_fields", ())]:
        if each is not None:
            _make_translatable(each)


def _message(sentence: Any) -> Any:
    return Message(sentence) if type(sentence) is str else sentence


def _documented(options: dict[str, Any], **shown: Any) -> dict[str, Any]:
    """Options of a field with these properties in its OpenAPI schema, unless `metadata` says otherwise."""
    return {**options, "metadata": {**shown, **options.get("metadata", {})}}


def _checked(options: dict[str, Any], *ours: Any) -> dict[str, Any]:
    """Options of a field with our validators before those that were given."""
    given = options.get("validate") or ()
    return {**options, "validate": [*ours, *(given if isinstance(given, Iterable) else (given,))]}


class Text(ma.fields.String):
    """A text for people: trimmed, composed (NFC), without control and bidirectional characters, at most `max` characters.

    `multiline`: lines may be broken (`\\n`). `empty`: it may be empty. → str
    """

    default_error_messages = {
        "empty": N_("May not be empty."),
        "characters": N_("Contains a control or bidirectional character."),
    }

    def __init__(self, max: int, *, multiline: bool = False, empty: bool = False, **options: Any) -> None:
        options = _checked(options, checks.Length(max=max))
        super().__init__(**_documented(options, example="…", **({} if empty else {"minLength": 1})))
        self._forbidden = SEVERAL_LINES if multiline else ONE_LINE
        self._may_be_empty = empty

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs))
        text = text.replace("\r\n", "\n").strip()
        if self._forbidden.search(text):
            raise self.make_error("characters")
        if not text and not self._may_be_empty:
            raise self.make_error("empty")
        return text


class Code(ma.fields.String):
    """One of a few codes. → str"""

    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        codes = tuple(choices)
        options = _checked(options, checks.OneOf(codes))
        super().__init__(**_documented(options, example=codes[0]))


class _Pattern(ma.fields.String):
    """A text of one shape. → str"""

    pattern: re.Pattern[str]
    example: str
    default_error_messages: Mapping[str, str] = {"shape": N_("Invalid value.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**_documented(options, example=self.example, **self.documented()))

    def documented(self) -> dict[str, Any]:
        return {"pattern": f"^{self.pattern.pattern}$"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not self.pattern.fullmatch(text):
            raise self.make_error("shape")
        return text


class Id(_Pattern):
    """The id of something that was created here: a UUID with hyphens. → str, in lower case"""

    pattern = UUID
    example = "0f8fad5b-d9cb-469f-a165-70867728950e"
    default_error_messages = {"shape": N_("Not a valid UUID.")}

    def documented(self) -> dict[str, Any]:
        return {"format": "uuid"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).lower()


class ReadableId(_Pattern):
    """The id of a member of staff or of reference data (`worker.astana`, `center-71-1`). → str"""

    pattern = READABLE_ID
    example = "center-71-1"
    default_error_messages = {
        "shape": N_("An id has 1 to 100 small Latin letters, digits, dots, hyphens and underscores.")
    }


class Kato(_Pattern):
    """A KATO code: nine digits, of which the first two name one of `regions`. → str"""

    pattern = KATO
    example = "710000000"
    default_error_messages = {
        "shape": N_("A KATO code has nine digits."),
        "region": N_("No region has a KATO code that begins like this."),
    }

    def __init__(self, regions: Collection[str], **options: Any) -> None:
        super().__init__(**options)
        self._regions = regions

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        code = super()._deserialize(value, attr, data, **kwargs)
        if code[:2] not in self._regions:
            raise self.make_error("region")
        return code


def shown(time: datetime | None) -> str | None:
    """A point in time as answers show it: RFC 3339 in UTC, with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None


class Moment(_Pattern):
    """A point in time, RFC 3339 with an offset. → aware datetime in UTC, cut to milliseconds; shown as `…T05:00:00.000Z`"""

    pattern = MOMENT
    example = "2026-11-24T05:00:00.000Z"
    default_error_messages = {
        "shape": N_("Give date, time and offset: 2026-11-24T10:00:00+05:00."),
    }

    def documented(self) -> dict[str, Any]:
        return {"format": "date-time"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            time = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("shape") from None
        return time.replace(microsecond=time.microsecond // 1000 * 1000)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return shown(value)


class Day(_Pattern):
    """A date, `2026-11-24`. → date; a date or an ISO text is shown as it is"""

    pattern = DAY
    example = "2026-11-24"
    default_error_messages = {"shape": N_("Give a date like 2026-11-24.")}

    def documented(self) -> dict[str, Any]:
        return {"format": "date"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        try:
            return date.fromisoformat(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise self.make_error("shape") from None

    def _serialize(self, value: date | str | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else value


class Count(ma.fields.Integer):
    """A whole number from `min` to `max`, as a JSON number: `"5"`, `5.0` and `true` are refused. → int"""

    def __init__(self, min: int = 0, max: int = LARGEST_COUNT, **options: Any) -> None:
        options = _checked(options, checks.Range(min, max))
        super().__init__(strict=True, **_documented(options, example=min))


class QueryCount(Count):
    """A whole number in a query parameter, where all values are texts: digits only. → int"""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not WHOLE_NUMBER.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class Flag(ma.fields.Boolean):
    """JSON true or false, and null with `allow_none=True`: 0, 1 and texts are refused. → bool | None"""

    def __init__(self, **options: Any) -> None:
        super().__init__(**_documented(options, example=False))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(Flag):
    """`true` or `false` in a query parameter. → bool"""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in ("true", "false"):
            raise self.make_error("invalid", input=value)
        return value == "true"
