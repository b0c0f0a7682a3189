"""What the processes of the stack have written down about themselves: the harness's end of what `inside/orders.py` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """What a process has carried out, or met with, at a point. `at`: by the monotonic clock, which all of them share."""

    at: float
    part: str
    pid: int
    what: str
    point: str


class Journal:
    def __init__(self, folder: Path) -> None:
        self._path, self._handled = folder / "journal", folder / "handled"
        self._begun = 0

    def begin(self) -> None:
        """A scenario begins: what stands there so far was another's."""
        self._begun = len(_lines(self._path))

    def lines(self) -> list[Line]:
        """What was written down since the scenario began."""
        lines = map(str.split, _lines(self._path)[self._begun :])
        return [Line(float(at), part, int(pid), what, point) for at, part, pid, what, point in lines]

    def mistakes(self) -> int:
        """How often a broken build has said that it makes its mistake, since the stack began."""
        return sum(" broken " in line for line in _lines(self._path))

    def handled(self, service: str) -> list[tuple[str, str]]:
        """Key and sequence of each message that took effect in the service, in that order, since the stack began."""
        return [tuple(line.split()) for line in _lines(self._handled / service)]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
