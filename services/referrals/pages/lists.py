"""A list of referrals that is filtered by its address: numbers that filter, a state, page after page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma

from services.referrals import queries
from services.referrals.domain.referral import STATES
from services.referrals.doors import BY_TIME, service
from services.referrals.queries import Filter, Rows
from shared.http import decode_cursor
from shared.http.fields import Code, Schema
from shared.http.paging import encode_cursor
from shared.keyset import Position
from shared.ui import words

ROWS = 25
"""How many rows a page of a list has."""


class Filters(Schema):
    """What stands in the address: codes and ids only, so that a list can be sent to a colleague.

    Without `show` and `state` it is what waits. `show`: one of the numbers above the list, `ended`, or `all`.
    """

    show = Code(("late", "answer", "carry-out", "choose-another", "ended", "all"))
    state = Code(STATES)
    cursor = ma.fields.String()


def found(seen: Filter, items: Sequence[str], chosen: Mapping[str, Any], at: datetime) -> Rows:
    """The rows of a page. `seen`: what the reader sees; `items`: what may wait for him or for the other side."""
    show, state = chosen.get("show"), chosen.get("state")
    after = decode_cursor(chosen.get("cursor"), BY_TIME)
    if state is not None:
        return queries.newest(service(), {"$and": [seen, {"state": state}]}, after, ROWS)
    if show == "all":
        return queries.newest(service(), seen, after, ROWS)
    if show == "ended":
        return queries.ended(service(), seen, items, after, ROWS)
    wanted = [show] if show in items else items
    return queries.waiting(service(), seen, wanted, after, ROWS, late_at=at if show == "late" else None)


def address(path: str, chosen: Mapping[str, Any], **changes: str | None) -> str:
    """The list with some filters changed; None takes one away. Whoever changes a filter begins at its first page."""
    kept = {**chosen, "cursor": None, **changes}
    query = urlencode({name: value for name, value in kept.items() if value is not None})
    return f"{path}?{query}" if query else path


def next_page(path: str, chosen: Mapping[str, Any], after: Position | None) -> str | None:
    """The address of the next page of a list; None on the last one."""
    return address(path, chosen, cursor=encode_cursor(after)) if after else None


def counters(
    path: str,
    chosen: Mapping[str, Any],
    seen: Filter,
    items: Sequence[str],
    group: str,
    at: datetime,
    by: str | None,
) -> list[dict[str, Any]]:
    """Numbers that filter the list, for the macro `counters`. The one that is chosen leads back to all that waits. `by`: see
    `queries.counted`."""
    numbers = queries.counted(service(), seen, items, at, by)
    return [
        {
            "n": numbers[code],
            "label": words.word(group, code),
            "tone": "late" if code == "late" else "",
            "current": chosen.get("show") == code,
            "href": address(path, chosen, state=None, show=None if chosen.get("show") == code else code),
        }
        for code in ("late", *items)
    ]
