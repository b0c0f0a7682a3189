"""What is shown of a case: all that people wrote and decided, not what the service keeps for itself."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from services.casework.domain.case import Case
from services.casework.domain.states import allowed
from services.casework.queries import Colleague
from shared.aggregate import Saved

INTERNAL = frozenset({"last_measure", "file_version", "danger"})
"""Danger is intake's to show: the family's file."""


def case_view(saved: Saved[Case]) -> dict[str, Any]:
    """The case as a resource. `owner, next_action, due_at` are those of its earliest open item; null where nothing is open."""
    case = saved.state
    first = min(case.open, key=lambda item: item.due_at, default=None)
    return {
        "id": saved.id,
        **{field.name: getattr(case, field.name) for field in fields(case) if field.name not in INTERNAL},
        **{name: getattr(first, name, None) for name in ("owner", "next_action", "due_at")},
        "allowed": allowed(case),
        "version": saved.version,
    }


def colleague_view(colleague: Colleague) -> dict[str, Any]:
    member = colleague.member
    return {
        "id": member.id,
        "name": member.name,
        "center_id": member.center_id,
        "role": member.role,
        "open_cases": colleague.open_cases,
        "active": member.active,
    }
