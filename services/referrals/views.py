"""What is shown of a referral: to staff all of it, to the agency what it needs to do its work.

The agency does not learn who the family is (before it has asked for the client's fields), nor who in the center holds it: for it,
the center acts. What staff note for themselves (why they cancelled, what they acknowledge) stays among them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from services.referrals.domain.referral import BY_AGENCY, Change, Referral, commands
from shared.aggregate import Saved
from shared.events import OpenItem

INTERNAL = frozenset({"requested_at", "case_sequence", "expires_at", "restricted", "file_version"})
STAFF_ONLY = frozenset({"person_id", "family_id", "holder", "acknowledged"})
BY_STAFF = frozenset({"requested", "cancelled"})
"""States into which the center brings a referral."""


def whole(saved: Saved[Referral]) -> dict[str, Any]:
    """The referral as staff see it."""
    shown = {
        field.name: getattr(saved.state, field.name)
        for field in fields(saved.state)
        if field.name not in INTERNAL
    }
    return {
        "id": saved.id,
        **shown,
        **_earliest(saved.state.open),
        "allowed": commands(saved.state),
        "version": saved.version,
    }


def for_agency(saved: Saved[Referral]) -> dict[str, Any]:
    """The referral as the agency sees it that it was sent to."""
    referral = saved.state
    shown = {name: value for name, value in whole(saved).items() if name not in STAFF_ONLY}
    own = tuple(item for item in referral.open if item.owner.kind == "agency")
    return {
        **shown,
        **_earliest(own),
        "open": own,
        "history": [_as_center(change, referral.center_id) for change in referral.history],
        "allowed": [command for command in commands(referral) if command in BY_AGENCY],
    }


def _earliest(items: tuple[OpenItem, ...]) -> dict[str, Any]:
    """`owner, next_action, due_at` of the earliest item; null where nothing is open."""
    first = min(items, key=lambda item: item.due_at, default=None)
    return {name: getattr(first, name, None) for name in ("owner", "next_action", "due_at")}


def _as_center(change: Change, center_id: str) -> Change:
    if change.state not in BY_STAFF:
        return change
    return Change(state=change.state, at=change.at, actor=center_id, reason_code=change.reason_code)
