"""Reads the policy files of intake, once, at the start of a process. A wrong file stops the start: PolicyError names it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from services.intake.domain.danger import KINDS
from services.intake.domain.matching import REASONS
from services.intake.domain.phones import Phones
from services.intake.domain.policy import Policy
from shared.calendar import Calendar, Deadlines, PolicyError
from shared.calendar.policy import Source, blaming

FOLDER = Path(__file__).parent / "policy"
PHONES = Phones.load(FOLDER / "phones.toml")
"""Which numbers are mobile numbers of Kazakhstan."""

T = TypeVar("T")


class _Danger(msgspec.Struct, forbid_unknown_fields=True):
    urgent: bool
    tell: tuple[str, ...]
    source: Source


class _Reason(msgspec.Struct, forbid_unknown_fields=True):
    points: Annotated[float, msgspec.Meta(ge=0, le=1)]
    source: Source


class _Dangers(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    danger: dict[str, _Danger]


class _Matching(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    reason: dict[str, _Reason]


def load(folder: Path = FOLDER) -> Policy:
    """The policy in force. Raises PolicyError, OSError."""
    dangers = _read(folder / "danger.toml", _Dangers).danger
    reasons = _read(folder / "matching.toml", _Matching).reason
    _must_name(folder / "danger.toml", dangers, KINDS)
    _must_name(folder / "matching.toml", reasons, REASONS)
    return Policy(
        deadlines=Deadlines.load(folder / "deadlines.toml", Calendar.load()),
        tell={kind: danger.tell for kind, danger in dangers.items()},
        urgent=frozenset(kind for kind, danger in dangers.items() if danger.urgent),
        points={name: reason.points for name, reason in reasons.items()},
    )


def _read(path: Path, shape: type[T]) -> T:
    with blaming(path):
        return msgspec.toml.decode(path.read_bytes(), type=shape)


def _must_name(path: Path, found: dict, names: tuple[str, ...]) -> None:
    if set(found) != set(names):
        raise PolicyError(f"{path}: must name exactly {', '.join(names)}")
