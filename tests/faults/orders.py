"""Orders to the processes of the stack, and bugs in them, by files: the harness's end of `inside/orders.py`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.callers import until
from tests.faults.journal import Journal, Line

HIT_SECONDS = 60.0
"""How long a point may take to be reached under load."""


class NotPut(Exception):
    """A fault could not be put to the test: nobody came to that point in time."""


class Orders:
    def __init__(self, folder: Path, journal: Journal, hits: Counter[str]) -> None:
        """`journal`: where the processes say what they have carried out. `hits`: where it is counted, `kill relay:acknowledged`."""
        self._folder, self._journal, self._hits = folder, journal, hits

    def lay_out(self) -> None:
        """Make the folders that the processes want to find."""
        for name in ("orders", "taken", "bugs", "handled"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)

    def carry_out(self, what: str, point: str, whom: str) -> Line:
        """Order it of a part, or of whichever of a service's workers comes there first (`intake-workers`), and wait until it is
        carried out. Raises NotPut where nobody comes there."""
        seen = len(self._journal.lines())
        order = self._folder / "orders" / f"{whom}@{point}"
        written = self._folder / "taken" / order.name
        written.write_text(what)
        written.rename(order)

        def carried_out() -> Line | None:
            lines = self._journal.lines()[seen:]
            return next((line for line in lines if (line.what, line.point) == (what, point)), None)

        try:
            line = until(carried_out, f"{whom} passes {point}", HIT_SECONDS)
        except AssertionError as late:
            raise NotPut(str(late)) from None
        finally:
            order.unlink(missing_ok=True)
        self._hits[f"{what} {point}"] += 1
        return line

    def withdraw(self) -> None:
        """Nothing is ordered any more."""
        for order in (self._folder / "orders").iterdir():
            order.unlink(missing_ok=True)

    def bug(
        self, service: str, families: tuple[str, ...] = (), percent: int = 0, types: tuple[str, ...] = ()
    ) -> None:
        """From now on the service fails at events (of these types; of all) of these families, or of a share of all."""
        path = self._folder / "bugs" / service
        text = json.dumps({"families": families, "percent": percent, "types": types})
        path.with_name(f"{service}.new").write_text(text)
        path.with_name(f"{service}.new").rename(path)
        self._hits[f"bug in {service}"] += 1

    def mend(self) -> None:
        """No service has a bug any more."""
        for path in (self._folder / "bugs").iterdir():
            path.unlink()
