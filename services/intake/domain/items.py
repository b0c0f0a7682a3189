"""Open items: what waits to be done about an appeal or a family, always the holder's; and what is kept once it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.domain.policy import Policy
from shared.events import OpenItem, Owner

Items = tuple[OpenItem, ...]

SYSTEM = "system"
"""Who acts where no person does: the clock, or a rule."""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Why something was done, in somebody's own words. It stays in this service."""

    at: datetime
    actor: str
    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A body was told of a danger. `how`: phone, paper or system."""

    body: str
    told_at: datetime
    how: str
    actor: str
    reference: str | None = None


def staff(login: str) -> Owner:
    """A member of staff as an owner."""
    return Owner(kind="staff", id=login)


def codes(items: Iterable[OpenItem]) -> frozenset[str]:
    return frozenset(item.item for item in items)


def waits_for(items: Iterable[OpenItem], item: str) -> bool:
    """Whether that item is open."""
    return item in codes(items)


def without(items: Items, *done: str) -> Items:
    """The items but those that are done."""
    return tuple(item for item in items if item.item not in done)


def handed_over(items: Items, holder: str) -> Items:
    """The same items, owned by another member of staff; due times stay."""
    return tuple(replace(item, owner=staff(holder)) for item in items)


def notice(body: str) -> str:
    """The item that waits until a body has been told: `notice-police`."""
    return f"notice-{body}"


def to_be_told(
    waiting: Iterable[OpenItem], kinds: Iterable[str], holder: str, now: datetime, policy: Policy
) -> Items:
    """The notices that these kinds of danger ask for, but those that wait already."""
    known = codes(waiting)
    return tuple(
        policy.deadlines.open(notice(body), "notice", staff(holder), now)
        for body in policy.bodies(kinds)
        if notice(body) not in known
    )
