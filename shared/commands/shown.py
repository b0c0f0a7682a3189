"""How a command shows what it found: aligned lines for a person, JSON for a machine (`--json`)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

NONE = "-"


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Rows as aligned lines under their headings; the last column may be as long as it likes."""
    if not rows:
        line(empty)
        return
    cells = [[column.upper() for column in columns], *([_text(row.get(c)) for c in columns] for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns) - 1)]
    for row in cells:
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        line("  ".join([*padded, row[-1]]).rstrip())


def fields(values: Mapping[str, Any]) -> None:
    """Names and values, one under the other; what is nested as indented JSON."""
    width = max(len(name) for name in values)
    for name, value in values.items():
        if isinstance(value, dict | list):
            line(f"{name}:")
            line("\n".join("  " + text for text in _json(value, indent=2).splitlines()))
        else:
            line(f"{name + ':':{width + 1}} {_text(value)}")


def as_json(value: Any) -> None:
    line(_json(value, indent=2))


def line(text: str) -> None:
    sys.stdout.write(text + "\n")


def _json(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text, **options)


def _text(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
