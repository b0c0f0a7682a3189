"""The policy of referrals, read once at the start: deadlines by priority, and the reasons that may be given.

A policy that lacks a rule, or says something impossible, ends the start with a `PolicyError` that names the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from services.referrals.domain.referral import RULES
from shared.calendar import Calendar, Deadlines, PolicyError

FOLDER = Path(__file__).parent / "policy"


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason why a referral is rejected, failed or cancelled. `needs_note`: a note has to go with it."""

    needs_note: bool = False


class _Reasons(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    source: Annotated[str, msgspec.Meta(min_length=3)]
    reason: dict[str, Reason]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What officials may change."""

    deadlines: Deadlines
    reasons: Mapping[str, Reason]


@cache
def load_policy() -> Policy:
    """The policy in the files beside this module. Raises PolicyError."""
    return Policy(deadlines=_deadlines(FOLDER / "deadlines.toml"), reasons=reasons())


@cache
def reasons() -> Mapping[str, Reason]:
    """Code → reason, in the order of the file. Raises PolicyError."""
    path = FOLDER / "reasons.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_Reasons).reason
    except msgspec.DecodeError as error:
        raise PolicyError(f"{path}: {error}") from error


def _deadlines(path: Path) -> Deadlines:
    deadlines = Deadlines.load(path, Calendar.load())
    missing = sorted(set(RULES) - set(deadlines.rules))
    if missing:
        raise PolicyError(f"{path}: no rule {', '.join(missing)}")
    return deadlines
