"""What a benchmark tells, in one shape for all: rows, a table of them, a file.

    row = Row(name="relay drain, events/s", value=0.41, unit="×", wanted=0.3, at="least", ours=4100, floor=10_000)
    row = ratio("relay drain, events/s", ours=4100, floor=10_000, wanted=0.3)            # the same
    print(table([row]))
    write([row], Path(".bench/results.json"))

A number is told beside its floor, which was measured in the same run: what a competent engineer would have without our guarantees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import msgspec

MISSED = "  ← missed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number. `wanted`: what it should be `at` least or at most; None where it is only reported.

    `ours` and `floor` are what the value was made of, in what the name says (per second, ms, MB); None where there is no floor.
    """

    name: str
    value: float
    unit: str
    wanted: float | None = None
    at: Literal["least", "most"] = "least"
    ours: float
    floor: float | None = None

    @property
    def missed(self) -> bool:
        if self.wanted is None:
            return False
        return self.value < self.wanted if self.at == "least" else self.value > self.wanted


def ratio(name: str, *, ours: float, floor: float, wanted: float | None = None) -> Row:
    """A throughput as a part of its floor: the more, the better."""
    return Row(name=name, value=ours / floor, unit="×", wanted=wanted, at="least", ours=ours, floor=floor)


def table(rows: Sequence[Row]) -> str:
    """The rows for a person; what missed its number says so."""
    width = max((len(row.name) for row in rows), default=0)
    head = f"{'':{width}}{'value':>13}{'wanted':>13}{'ours':>13}{'floor':>13}"
    return "\n".join([head, *(_line(row, width) for row in rows)])


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as a list in a JSON file, for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode([asdict(row) for row in rows])) + b"\n")


def _line(row: Row, width: int) -> str:
    sign = "≥" if row.at == "least" else "≤"
    wanted = "–" if row.wanted is None else f"{sign} {_number(row.wanted)} {row.unit}"
    value = f"{_number(row.value)} {row.unit}"
    return (
        f"{row.name:{width}}{value:>13}{wanted:>13}{_number(row.ours):>13}{_number(row.floor):>13}"
        f"{MISSED if row.missed else ''}"
    )


def _number(number: float | None) -> str:
    """Three significant digits, and whole numbers beyond."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
