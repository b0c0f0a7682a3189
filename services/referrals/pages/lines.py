"""How a referral is said on a page: its clock, its row in a list, its history. All of it from what the caller is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from services.referrals.domain.referral import BY_AGENCY, TRANSITIONS, Change
from services.referrals.views import BY_STAFF
from shared.ui import words
from shared.ui.words import Clock

TONES = {
    "accepted": "action",
    "in-progress": "done",
    "completed": "done",
    "rejected": "late",
    "failed": "late",
    "expired": "late",
}
"""Colours of states; all others are plain."""
OF_AGENCY = frozenset(
    after for commands in TRANSITIONS.values() for name, after in commands.items() if name in BY_AGENCY
)
"""States into which the agency brings a referral."""


def state(referral: Mapping[str, Any], group: str = "referral_state") -> dict[str, str]:
    """`{text, tone}` of the tag that says in which state it is."""
    code = referral["state"]
    said = words.word(group if words.has(group, code) else "referral_state", code)
    return {"text": said, "tone": TONES.get(code, "plain")}


def clock(referral: Mapping[str, Any], now: datetime, *, own: bool = False) -> Clock | None:
    """What remains of what is due first; None where nothing waits. `own`: the reader belongs to the agency."""
    if referral["due_at"] is None:
        return None
    with_partner = referral["owner"].kind == "agency" and not own
    return words.clock(referral["due_at"], now, with_partner=with_partner)


def row(referral: Mapping[str, Any], now: datetime, *, own: bool = False) -> dict[str, Any]:
    """A referral in a list: what it is, its state and clock, and when its state began."""
    return {
        **referral,
        "tag": state(referral, "inbox_state" if own else "referral_state"),
        "clock": clock(referral, now, own=own),
        "since": referral["history"][-1].at,
    }


def history(referral: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has become of it, newest first, by day: the days of the macro `timeline`."""
    entries = [_entry(change, referral) for change in referral["history"]]
    noted = referral.get("acknowledged")
    if noted:
        entries.append(
            {
                "at": noted.at,
                "time": words.time_of(noted.at),
                "service": "referrals",
                "title": words.word("referral_change", "replaced" if noted.replaced_by else "acknowledged"),
                "text": noted.note or "",
                "by": words.staff(noted.actor),
                "href": f"/referrals/referrals/{noted.replaced_by}" if noted.replaced_by else None,
            }
        )
    entries.sort(key=lambda entry: entry["at"], reverse=True)
    days = groupby(entries, key=lambda entry: words.local(entry["at"]).date())
    return [{"heading": words.day_heading(day), "entries": list(some)} for day, some in days]


def changes_since(referral: Mapping[str, Any], since: datetime | None) -> list[dict[str, Any]]:
    """What others have done to it since somebody opened his form; at least the last thing."""
    later = [each for each in referral["history"] if since is None or each.at > since]
    return [_entry(change, referral) for change in later or referral["history"][-1:]]


def _entry(change: Change, referral: Mapping[str, Any]) -> dict[str, Any]:
    why = words.word("referral_reason", change.reason_code) if change.reason_code else ""
    return {
        "at": change.at,
        "time": words.time_of(change.at),
        "service": "referrals",
        "title": words.word("referral_change", change.state),
        "text": ": ".join(part for part in (why, change.note) if part),
        "by": _who(change, referral),
    }


def _who(change: Change, referral: Mapping[str, Any]) -> str:
    """The agency for what it does (who there is its own matter), the center as the agency sees it, else a member of staff."""
    if change.state in OF_AGENCY:
        return words.word("agency", referral["agency_id"])
    if change.state in BY_STAFF and words.has("center", change.actor):
        return words.word("center", change.actor)
    return words.staff(change.actor)


def items(referral: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """What waits, earliest first: `{item, clock, owner}`."""
    return [
        {
            "item": each.item,
            "clock": words.clock(each.due_at, now, with_partner=each.owner.kind == "agency"),
            "owner": words.owner(each.owner.kind, each.owner.id),
        }
        for each in sorted(referral["open"], key=lambda each: each.due_at)
    ]
