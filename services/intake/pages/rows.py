"""What waits to be done, as a row of a page: a clock, who, what, and a button that leads to doing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.intake.queries import worklist
from services.intake.service import Intake
from shared.ui import words
from shared.ui.words import Clock

GROUPS = ("overdue", "today", "week", "later", "partner")
"""In the order in which they are shown."""
WEEK = timedelta(days=7)

PLACES = {
    ("appeal", "screen"): "/intake/appeals/{subject}#screening",
    ("appeal", "tell"): "/intake/appeals/{subject}#notices",
    ("appeal", "ask-consent"): "/intake/persons/{person}/consents",
    ("appeal", "ask-danger"): "/intake/families/{family}/danger",
    ("appeal", ""): "/intake/appeals/{subject}",
    ("family", "tell"): "/intake/families/{family}#notices",
    ("family", "look"): "/intake/families/{family}#same-person",
    ("family", ""): "/intake/families/{family}",
    ("case", "assess"): "/casework/cases/{subject}/assessment",
    ("case", "plan"): "/casework/cases/{subject}/plan",
    ("case", "sign"): "/casework/cases/{subject}/sign",
    ("case", "approve"): "/casework/cases/{subject}/decision",
    ("case", "approve-closing"): "/casework/cases/{subject}/decision",
    ("case", "review"): "/casework/cases/{subject}/review",
    ("case", "refer"): "/referrals/new?case_id={subject}&measure={n}",
    ("case", "await-partner"): "/casework/cases/{subject}#measure-{n}",
    ("case", "deliver"): "/casework/cases/{subject}/measures/{n}/deliver",
    ("case", ""): "/casework/cases/{subject}",
    ("referral", "choose-another"): "/referrals/referrals/{subject}/another",
    ("referral", ""): "/referrals/referrals/{subject}",
    ("message", ""): "/notifications/messages/{subject}",
}
"""Where the next action is done: by what the item is of, and the action (`ask`: by the item); `""` for all others."""

SAID = {("message", "tell"): "tell-another-way", ("referral", "carry-out"): "carry-out-referral"}
"""Where one code means two things: whom to tell is a body for an appeal and the citizen for a message; a plan is carried out by its
holder, a referral by the agency."""


@dataclass(frozen=True)
class Row:
    """One open item. `late_action`: its button is the filled one."""

    id: str
    group: str
    clock: Clock
    family_id: str
    name: str
    age: int | None
    badges: list[str]
    what: str
    action: str
    href: str
    owner: Mapping[str, str]
    holder: str

    @property
    def late_action(self) -> bool:
        return self.group == "overdue"


def group_of(row: Mapping[str, Any], now: datetime) -> str:
    """overdue, partner (somebody else's, and not late), today (or within a day), week, later."""
    left = row["due_at"] - now
    if left.total_seconds() < 0:
        return "overdue"
    if row["owner"]["kind"] == "agency":
        return "partner"
    if words.local(row["due_at"]).date() == words.local(now).date() or left <= timedelta(hours=24):
        return "today"
    return "week" if left < WEEK else "later"


def shown(intake: Intake, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Row]:
    """Rows of the read model with names, words and links."""
    return [_row(row, now) for row in worklist.joined(intake, rows, now)]


def _row(row: Mapping[str, Any], now: datetime) -> Row:
    person = row["person"] or {"name": words.DASH, "birth_date": None}
    return Row(
        id=row["_id"].replace(":", "-"),
        group=group_of(row, now),
        clock=words.clock(row["due_at"], now, with_partner=row["owner"]["kind"] == "agency"),
        family_id=row["family_id"],
        name=person["name"],
        age=words.age(person["birth_date"]),
        badges=row["badges"],
        what=words.item(_said(row, "item")),
        action=words.word("next_action", _said(row, "next_action")),
        href=href_of(row),
        owner=row["owner"],
        holder=row["holder"],
    )


def _said(row: Mapping[str, Any], name: str) -> str:
    return SAID.get((row["kind"], row[name]), row[name])


def href_of(row: Mapping[str, Any]) -> str:
    action = row["item"] if row["next_action"] == "ask" else row["next_action"]
    place = PLACES.get((row["kind"], action)) or PLACES[row["kind"], ""]
    n = row["item"].removeprefix(words.MEASURE)
    return place.format(subject=row["subject"], family=row["family_id"], person=row["person_id"], n=n)
