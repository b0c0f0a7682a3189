"""Going on in a sorted list where the last page ended: by the values of the last row, never by counting or skipping.

A *position* is the values of the sort fields of the last row shown: texts, whole numbers and times (never null). The last sort
field is unique (`_id`), so that no row is shown twice or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

Value = str | int | datetime
Position = tuple[Value, ...]
Row = TypeVar("Row")


def keyset_filter(sort: Sequence[tuple[str, int]], position: Position | None) -> dict[str, Any]:
    """MongoDB filter for the rows after `position` in the order `sort` (as for `sort()`: 1 ascending, -1 descending).

    It may hold an `$or`: put it beside other filters under `$and`.
    """
    if position is None:
        return {}
    after = []
    for index, (field, direction) in enumerate(sort):
        same = {name: value for (name, _), value in zip(sort[:index], position, strict=False)}
        after.append({**same, field: {"$gt" if direction > 0 else "$lt": position[index]}})
    return after[0] if len(after) == 1 else {"$or": after}


def first(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """Of `limit + 1` rows that were asked for: those to show, and the last of them if there are more (else None)."""
    return (rows[:limit], rows[limit - 1]) if len(rows) > limit else (rows, None)
