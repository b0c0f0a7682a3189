"""Telling of it, step by step."""

from __future__ import annotations

import textwrap
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

WIDTH = 100
UTC_OFFSET = timedelta(hours=5)
"""The whole country is one zone."""


def local(moment: str) -> datetime:
    """An RFC 3339 text as the time on a clock in Kazakhstan."""
    return datetime.fromisoformat(moment).astimezone(UTC) + UTC_OFFSET


def today() -> date:
    """The date in Kazakhstan."""
    return (datetime.now(UTC) + UTC_OFFSET).date()


class Teller:
    """Prints the steps. A silent one only remembers where it is, for the line that says what failed."""

    def __init__(self, *, silent: bool = False) -> None:
        self.step_now = ""
        self._number = 0
        self._silent = silent
        self._began = time.monotonic()

    def step(self, title: str) -> None:
        self._number += 1
        self.step_now = f"Step {self._number} ({title})"
        self._print(f"\n{self._number:2}. {title}  [{time.monotonic() - self._began:.1f} s]")

    def line(self, text: str) -> None:
        self._print(textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    "))

    def next(self, thing: dict[str, Any]) -> None:
        """Who has to do what next about a thing, and by when: there is always somebody."""
        owner = thing["owner"]
        if owner:
            due = local(thing["due_at"])
            self.line(f"→ next: {owner['id']}, {thing['next_action']}, by {due:%d.%m.%Y %H:%M}")

    def _print(self, text: str) -> None:
        if not self._silent:
            print(text, flush=True)
