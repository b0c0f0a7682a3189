"""Bodies that nobody should send, made from one that is right.

    for path, schema in members(route.body): …         # every member, however deep, optional ones too
    placed(body, ("household", 0, "phone"), "$gt")      # the body with another value there
    broken(body, route.body, rng)                       # bytes that the schema forbids, or no JSON that we read
    mutated(raw, rng)                                   # bytes with something flipped, cut, doubled or inserted: perhaps still right

`rng` decides everything: the same one gives the same bodies.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

At = tuple[str | int, ...]
"""Where a member is: names of members, and 0 for the element of a list."""

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**15, "", "x", " ", "2026-02-30", "0f8fad5b", "\x00", "a\x1b[31m", "a\u202eb", "ы" * 5000,
    [], ["a"], [None], [{}] * 1000, {}, {"$gt": ""}, {"$where": "1"}, {"": {}},
)  # fmt: skip
"""Each is wrong somewhere: of another type, out of range, too long, of another shape, a control character, an operator."""
NO_JSON = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5000,
    b"01",
    b"'a'",
    b'"\\ud800"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\t"',
    b"[" * 40 + b"]" * 40,
    b'{"a": ' * 40 + b"1" + b"}" * 40,
    b'{"a": 1, "a": 1}',
    b",",
)
"""What can stand where a value belongs and is refused wherever it does."""
HERE = "\ue000"
"""Stands in a body where one of NO_JSON is to be."""
FORMATS = FormatChecker(("date", "date-time", "uuid"))


def members(schema: Mapping[str, Any], at: At = ()) -> Iterator[tuple[At, Mapping[str, Any]]]:
    """Where every member of a body is, with its schema."""
    for part in (schema, *schema.get("anyOf", ())):
        for name, member in part.get("properties", {}).items():
            yield (*at, name), member
            yield from members(member, (*at, name))
        if "items" in part:
            yield (*at, 0), part["items"]
            yield from members(part["items"], (*at, 0))


def dotted(at: At) -> str:
    """As a problem document names it."""
    return ".".join(map(str, at))


def placed(body: Any, at: At, value: Any) -> Any:
    """The body with a value there; what was left out on the way is made."""
    if not at:
        return value
    name, *rest = at
    if isinstance(name, int):
        return [placed(body[0] if isinstance(body, list) and body else None, tuple(rest), value)]
    within = body if isinstance(body, dict) else {}
    return {**within, name: placed(within.get(name), tuple(rest), value)}


def broken(body: Mapping[str, Any], schema: Mapping[str, Any], rng: Random) -> bytes:
    """The body, wrong in one, two or three ways."""
    ways = rng.choice((1, 1, 1, 2, 3))
    no_json: list[bytes] = []
    for _ in range(ways):
        body = rng.choice((_without, _with_unknown, _with_wrong, _with_wrong, _with_no_json))(
            body, schema, rng, no_json
        )
    raw = json.dumps(body, ensure_ascii=False).encode()
    for each in no_json:
        raw = raw.replace(f'"{HERE}"'.encode(), each, 1)
    return raw


def _without(body: Any, schema: Mapping[str, Any], rng: Random, _: list[bytes]) -> Any:
    """One of the members that must be there is missing."""
    name = rng.choice(schema["required"])
    return {key: value for key, value in body.items() if key != name}


def _with_unknown(body: Any, schema: Mapping[str, Any], rng: Random, _: list[bytes]) -> Any:
    """A member too many, in one of the objects."""
    objects = [at for at, member in members(schema) if "properties" in member]
    return placed(body, (*rng.choice([(), *objects]), rng.choice(("x", "$gt", "a.b", "", "ы"))), 1)


def _with_wrong(body: Any, schema: Mapping[str, Any], rng: Random, _: list[bytes]) -> Any:
    """A value that the schema forbids."""
    at, member = rng.choice(list(members(schema)))
    allowed = Draft202012Validator(member, format_checker=FORMATS)
    value = next(value for value in rng.sample(VALUES, len(VALUES)) if not allowed.is_valid(value))
    return placed(body, at, copy.deepcopy(value))


def _with_no_json(body: Any, schema: Mapping[str, Any], rng: Random, no_json: list[bytes]) -> Any:
    """Something that is no JSON, or none that we read."""
    at, _ = rng.choice(list(members(schema)))
    no_json.append(rng.choice(NO_JSON))
    return placed(body, at, HERE)


def mutated(raw: bytes, rng: Random) -> bytes:
    """The bytes, with one to three accidents."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        raw = rng.choice((_flipped, _flipped, _flipped, _cut, _doubled, _inserted))(raw, rng)
    return raw


def _flipped(raw: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(raw) or 1)
    return (
        raw[:place]
        + bytes(byte ^ 1 << rng.randrange(8) for byte in raw[place : place + 1])
        + raw[place + 1 :]
    )


def _cut(raw: bytes, rng: Random) -> bytes:
    begin, end = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
    return rng.choice((raw[:begin], raw[begin:], raw[:begin] + raw[end:]))


def _doubled(raw: bytes, rng: Random) -> bytes:
    begin, end = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
    return rng.choice((raw + raw, raw[:end] + raw[begin:end] + raw[end:]))


def _inserted(raw: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(raw) + 1)
    return (
        raw[:place]
        + rng.choice((rng.randbytes(rng.randint(1, 8)), b"\x00", b'"', b"\\", b"{", b","))
        + raw[place:]
    )
