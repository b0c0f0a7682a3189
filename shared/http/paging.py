"""Lists in pages, by keyset: each page goes on after the last row of the one before, however deep, and never counts.

    class Filters(ListArgs):
        state = Code(("open", "closed"))

    SORT = (("due_at", 1), ("_id", 1))

    @blueprint.arguments(Filters, location="query")
    @blueprint.response(200, page_of(CaseOut))
    def get(self, filters):
        position = decode_cursor(filters["cursor"], (datetime, str))
        rows = cases.find({"$and": [who_may_read, keyset_filter(SORT, position)]}).sort(SORT).limit(filters["limit"] + 1)
        shown, last = first(list(rows), filters["limit"])
        return page([show(row) for row in shown], last and (last["due_at"], last["_id"]))

A *position* is the values of the sort fields of the last row shown: texts, whole numbers and times (never null: sort by fields
that every row has). The last sort field is unique (`_id`), so that no row is shown twice or left out. A cursor is a position, made
opaque; it holds no secret and grants nothing, for each page is filtered by what the caller may read.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import request

from shared.http.fields import QueryCount, Schema
from shared.keyset import Position, Value
from shared.refusals import BadCursor

MAX_LIMIT = 200
MAX_CURSOR = 1000


class ListArgs(Schema):
    """The query parameters of every list. Subclass it for filters."""

    limit = QueryCount(1, MAX_LIMIT, load_default=50, metadata={"description": "How many items a page has."})
    cursor = ma.fields.String(
        load_default=None, metadata={"description": "`next` of the page before; without it, the first page."}
    )


def encode_cursor(position: Position) -> str:
    """A position as an opaque text."""
    values = [{"t": _milliseconds(each)} if isinstance(each, datetime) else each for each in position]
    raw = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, kinds: Sequence[type]) -> Position | None:
    """The position in a cursor, None for None. `kinds`: the type of each value (str, int, datetime). Raises BadCursor."""
    if cursor is None:
        return None
    try:
        if len(cursor) > MAX_CURSOR:
            raise BadCursor
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(raw.decode("utf-8"))
        if not isinstance(values, list):
            raise BadCursor
        position = tuple(_value(value, kind) for value, kind in zip(values, kinds, strict=True))
    except (ValueError, RecursionError, OverflowError, binascii.Error):
        raise BadCursor from None
    return position


def _value(value: Any, kind: type) -> Value:
    if kind is datetime and isinstance(value, dict) and set(value) == {"t"} and type(value["t"]) is int:
        return datetime.fromtimestamp(value["t"] // 1000, UTC).replace(microsecond=value["t"] % 1000 * 1000)
    if kind is int and type(value) is int and abs(value) < 2**53:
        return value
    if kind is str and type(value) is str:
        value.encode("utf-8")  # half a surrogate pair is a ValueError
        return value
    raise BadCursor


def _milliseconds(time: datetime) -> int:
    return int(time.replace(microsecond=0).timestamp()) * 1000 + time.microsecond // 1000


def page(items: Sequence[Any], next_position: Position | None) -> tuple[dict[str, Any], dict[str, str]]:
    """What a list's view returns: `{items, next}`, and the Link to the next page with the same filters."""
    if next_position is None:
        return {"items": items, "next": None}, {}
    cursor = encode_cursor(next_position)
    query = urlencode({**request.args.to_dict(), "cursor": cursor})
    return {"items": items, "next": cursor}, {"Link": f'<{request.path}?{query}>; rel="next"'}


@cache
def page_of(item: type[ma.Schema]) -> ma.Schema:
    """The schema of a page of such items: one for all lists of them."""
    name = item.__name__.removesuffix("Schema") + "Page"
    members = {
        "items": ma.fields.List(ma.fields.Nested(item), required=True),
        "next": ma.fields.String(
            required=True,
            allow_none=True,
            metadata={"description": "`cursor` of the next page; null on the last one.", "example": None},
        ),
    }
    return Schema.from_dict(members, name=name)()
