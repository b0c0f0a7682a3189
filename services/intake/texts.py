"""Sentences of the timeline, from `policy/timeline.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "policy" / "timeline.toml"
OTHER = "other"


class _Gaps(dict):
    """A code that an event does not have leaves a dash, not an error: the sentence is for a person."""

    def __missing__(self, name: str) -> str:
        return "–"


@cache
def _policy() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def sentence(name: str, said: Mapping[str, Any], language: str) -> str:
    """What happened, in `language` (kk, ru, en). `name`: the event's name; `said`: its codes as the timeline keeps them."""
    events = _policy()["event"]
    template = events.get(name, events[OTHER])[language]
    return template.format_map(_Gaps({code: _told(code, value, language) for code, value in said.items()}))


def _told(code: str, value: Any, language: str) -> str:
    texts = _policy()["code"].get(code, {}).get(value) if isinstance(value, str) else None
    return texts[language] if texts else str(value)
