"""Reads the policy files of casework once, at the start of a process: whatever is wrong with them stops the start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from services.casework.domain.items import RULES
from services.casework.domain.levels import DOMAINS, LETTERS, Levels
from services.casework.domain.policy import Policy
from shared.calendar import Calendar, Deadlines, PolicyError

FOLDER = Path(__file__).parent / "policy"
AMOUNTS = ("longest_measure_days", "longest_visit_hours")

_Letter = Literal["A", "B", "C", "D", "E"]
_Source = Annotated[str, msgspec.Meta(min_length=3)]
_Points = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class _Score(msgspec.Struct, forbid_unknown_fields=True):
    start: int
    step: dict[str, _Points]
    source: _Source


class _Least(msgspec.Struct, forbid_unknown_fields=True):
    A: int
    B: int
    C: int
    D: int
    source: _Source


class _AtLeast(msgspec.Struct, forbid_unknown_fields=True):
    source: _Source
    life: _Letter | None = None
    child: _Letter | None = None
    domestic_violence: _Letter | None = None


class _Crisis(msgspec.Struct, forbid_unknown_fields=True):
    levels: frozenset[_Letter]
    source: _Source


class _Levels(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    score: _Score
    least: _Least
    at_least: _AtLeast
    crisis: _Crisis


def load(folder: Path = FOLDER, calendar: Calendar | None = None) -> Policy:
    """Deadlines and levels. Raises PolicyError, which names the file and what is wrong with it; OSError."""
    path = folder / "deadlines.toml"
    deadlines = Deadlines.load(path, calendar or Calendar.load())
    missing = [*(set(RULES) - set(deadlines.rules)), *(set(AMOUNTS) - set(deadlines.amounts))]
    if missing:
        raise PolicyError(f"{path}: {', '.join(sorted(missing))} missing")
    return Policy(deadlines=deadlines, levels=load_levels(folder / "levels.toml"))


def load_levels(path: Path) -> Levels:
    """The levels of a policy file. Raises PolicyError, OSError."""
    try:
        read = msgspec.toml.decode(path.read_bytes(), type=_Levels)
    except msgspec.DecodeError as error:
        raise PolicyError(f"{path}: {error}") from error
    if set(read.score.step) != set(DOMAINS):
        raise PolicyError(f"{path}: score.step needs exactly the domains {', '.join(DOMAINS)}")
    least = {letter: getattr(read.least, letter) for letter in LETTERS[:-1]}
    if sorted(least.values(), reverse=True) != list(least.values()):
        raise PolicyError(f"{path}: least must fall from A to D")
    dangers = {kind: getattr(read.at_least, kind) for kind in ("life", "child", "domestic_violence")}
    return Levels(
        start=read.score.start,
        step=read.score.step,
        least=least,
        at_least={kind: letter for kind, letter in dangers.items() if letter is not None},
        crisis=read.crisis.levels,
    )
