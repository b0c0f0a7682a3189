"""Telling of it, step by step."""

from __future__ import annotations

import textwrap
import time
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

WIDTH = 110
COLUMN = 15
ALMATY = ZoneInfo("Asia/Almaty")
"""The whole country is one zone."""


def local(moment: str) -> datetime:
    """An RFC 3339 text as the time on a clock in Kazakhstan."""
    return datetime.fromisoformat(moment).astimezone(ALMATY)


def today() -> date:
    """The date in Kazakhstan."""
    return datetime.now(ALMATY).date()


class Teller:
    """Prints the steps. A silent one only remembers where it is, for the line that says what failed."""

    def __init__(self, *, silent: bool = False) -> None:
        self.now = ""
        self._number = 0
        self._silent = silent
        self._began = time.monotonic()

    def step(self, title: str) -> None:
        """The next step begins."""
        self._number += 1
        self.now = f"Step {self._number} ({title})"
        self._print(f"\n{self._number:2}. {title}  [{time.monotonic() - self._began:.1f} s]")

    def part(self, name: str, text: str) -> None:
        """What a part of the system did, in a column beside its name."""
        hanging = " " * (4 + COLUMN)
        lines = textwrap.fill(
            text, WIDTH, initial_indent=hanging, subsequent_indent=hanging, break_on_hyphens=False
        )
        self._print(f"    {name:{COLUMN}}{lines[len(hanging) :]}")

    def next(self, thing: dict[str, Any]) -> None:
        """Who has to do what next about a thing, and by when: there is always somebody."""
        owner = thing["owner"]
        if owner:
            due = f"{local(thing['due_at']):%d.%m.%Y %H:%M}"
            self.part("→ next", f"{owner['id']} has to {thing['next_action']} by {due}")

    def _print(self, text: str) -> None:
        if not self._silent:
            print(text, flush=True)
