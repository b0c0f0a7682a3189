"""A family's file, the unit of work: who belongs to it, in what danger it is, who holds it.

Members are numbered from 1 and numbers are never used again. A member with a `person_id` is a person of this family. One without is
an entry that describes somebody: an alleged abuser (never a person: not searched, not told), or somebody who belongs to another
family and is not moved out of it. A file never refers to a person of another file.

`file_version` counts the writes of the file and equals the version of its document: events say what danger and restriction they
were read from by it. Every function that changes the file ends in `_written`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.intake.domain import danger as dangers
from services.intake.domain.items import (
    SYSTEM,
    Items,
    Notice,
    Remark,
    codes,
    handed_over,
    notice,
    staff,
    to_be_told,
    without,
)
from services.intake.domain.person import Description
from services.intake.domain.policy import Policy
from shared.events import (
    Danger,
    FamilyAssigned,
    FamilyDangerChanged,
    FamilyEvent,
    FamilyMembersChanged,
    FamilyNoticeGiven,
    FamilyOverdue,
    SamePersonAcknowledged,
    SamePersonFound,
)

SAME_PERSON = "same-person-elsewhere"
APPLICANT = "applicant"
RELATIONS = (
    "spouse",
    "partner",
    "child",
    "parent",
    "guardian",
    "ward",
    "sibling",
    "grandparent",
    "grandchild",
    "other",
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """`relation` is to the family's first applicant. `described`: only of an entry that is not a person of this family."""

    n: int
    relation: str
    person_id: str | None = None
    alleged_abuser: bool = False
    described: Description | None = None


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Somebody with the identity of `person_id` came to another center, where this restricted file cannot be read."""

    person_id: str
    center_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Family:
    """`center_ids`: where it has an appeal; `center_id`: the one that holds the file. `case_since`: when the case took it over."""

    center_id: str
    center_ids: tuple[str, ...]
    holder: str
    danger: Danger
    members: tuple[Member, ...] = ()
    last_n: int = 0
    file_version: int = 1
    case_id: str | None = None
    case_since: datetime | None = None
    sightings: tuple[Sighting, ...] = ()
    notices: tuple[Notice, ...] = ()
    remarks: tuple[Remark, ...] = ()
    open: Items = ()

    @property
    def restricted(self) -> bool:
        return dangers.is_restricted(self.danger)


def person_ids(family: Family) -> tuple[str, ...]:
    """The persons who belong to it."""
    return tuple(member.person_id for member in family.members if member.person_id)


def say(
    kind: type[FamilyEvent], family_id: str, family: Family, actor: str, now: datetime, **more: Any
) -> FamilyEvent:
    """An event of the family as it stands."""
    return kind(
        family_id=family_id,
        person_id=None,
        center_id=family.center_id,
        actor=actor,
        occurred_at=now,
        holder=family.holder,
        open=family.open,
        center_ids=family.center_ids,
        danger=family.danger,
        restricted=family.restricted,
        file_version=family.file_version,
        **more,
    )


def written(
    family_id: str,
    before: Family | None,
    after: Family,
    actor: str,
    now: datetime,
    kind: type[FamilyEvent] | None = None,
    **more: Any,
) -> tuple[Family, list[FamilyEvent]]:
    """The file as it is to be saved, and what has happened to it: `kind` (with `more`), and what differs from before."""
    after = replace(after, file_version=before.file_version + 1 if before else 1)
    events = [say(kind, family_id, after, actor, now, **more)] if kind else []
    if before is None or after.members != before.members:
        events.append(say(FamilyMembersChanged, family_id, after, actor, now, member_ids=person_ids(after)))
    if before and after.danger != before.danger:
        events.append(say(FamilyDangerChanged, family_id, after, actor, now, previous=before.danger))
    if before and after.holder != before.holder:
        events.append(say(FamilyAssigned, family_id, after, actor, now, previous_holder=before.holder))
    return after, events


# Members ------------------------------------------------------------------------------------------


def with_member(family: Family, relation: str, **who: Any) -> Family:
    """One member more. `who`: person_id, or described (and alleged_abuser)."""
    n = family.last_n + 1
    return replace(family, last_n=n, members=(*family.members, Member(n=n, relation=relation, **who)))


def member(family: Family, n: int) -> Member | None:
    return next((member for member in family.members if member.n == n), None)


def with_changed(family: Family, changed: Member) -> Family:
    members = tuple(changed if member.n == changed.n else member for member in family.members)
    return replace(family, members=members)


def without_member(family: Family, n: int) -> Family:
    return replace(family, members=tuple(member for member in family.members if member.n != n))


# Danger and notices -------------------------------------------------------------------------------


def remarked(family: Family, about: str, text: str, actor: str, now: datetime) -> Family:
    remark = Remark(at=now, actor=actor, about=about, text=text)
    return replace(family, remarks=(*family.remarks, remark))


def must_tell(family: Family, kinds: Iterable[str], now: datetime, policy: Policy) -> Family:
    """The file with the notices that these kinds of danger ask for: so it is while the family has no open appeal to hold them."""
    return replace(family, open=family.open + to_be_told(family.open, kinds, family.holder, now, policy))


def told(family_id: str, family: Family, given: Notice, now: datetime) -> tuple[Family, list[FamilyEvent]]:
    """A body has been told. Its notice is open: see `items.waits_for`."""
    after = replace(family, notices=(*family.notices, given), open=without(family.open, notice(given.body)))
    return written(
        family_id,
        family,
        after,
        given.actor,
        now,
        FamilyNoticeGiven,
        body=given.body,
        told_at=given.told_at,
        how=given.how,
    )


# The same person elsewhere ------------------------------------------------------------------------


def seen_elsewhere(
    family_id: str, family: Family, sighting: Sighting, policy: Policy
) -> tuple[Family, list[FamilyEvent]]:
    """Somebody with the identity of a member came where this restricted file cannot be read: its holder has to look at it."""
    items = family.open
    if SAME_PERSON not in codes(items):
        items += (policy.deadlines.open(SAME_PERSON, SAME_PERSON, staff(family.holder), sighting.at),)
    after = replace(family, open=items, sightings=(*family.sightings, sighting))
    return written(family_id, family, after, SYSTEM, sighting.at, SamePersonFound)


def looked_at(
    family_id: str, family: Family, note: str, actor: str, now: datetime
) -> tuple[Family, list[FamilyEvent]]:
    """The holder has looked at it."""
    after = remarked(family, SAME_PERSON, note, actor, now)
    after = replace(after, open=without(after.open, SAME_PERSON), sightings=())
    return written(family_id, family, after, actor, now, SamePersonAcknowledged)


# Holder and clock ---------------------------------------------------------------------------------


def held_by(family: Family, holder: str) -> Family:
    return replace(family, holder=holder, open=handed_over(family.open, holder))


def handed_on(
    family_id: str, family: Family, *, previous: str, holder: str, actor: str, now: datetime
) -> tuple[Family, list[FamilyEvent]] | None:
    """An appeal got another holder: so does the file if it had the same one before, until a case has it."""
    if family.case_id is not None or family.holder != previous:
        return None
    return written(family_id, family, held_by(family, holder), actor, now)


def taken_over(
    family_id: str,
    family: Family,
    *,
    case_id: str,
    center_id: str | None,
    holder: str,
    actor: str,
    now: datetime,
) -> tuple[Family, list[FamilyEvent]] | None:
    """The family's case has this holder, and so has the file. `now`: when the case was given to him.

    Events of one case arrive in order; of two cases the one that says it later counts. None where nothing changes.
    """
    if family.case_id != case_id and family.case_since is not None and now < family.case_since:
        return None
    after = replace(
        held_by(family, holder), case_id=case_id, case_since=now, center_id=center_id or family.center_id
    )
    return written(family_id, family, after, actor, now)


def raised(
    family_id: str, family: Family, now: datetime, policy: Policy
) -> tuple[Family, list[FamilyEvent]] | None:
    """The file after what is overdue was raised; None where nothing is."""
    items, late = policy.deadlines.raise_due(family.open, now)
    if not late:
        return None
    after = replace(family, open=items)
    return written(
        family_id, family, after, SYSTEM, now, FamilyOverdue, items=tuple(item.item for item in late)
    )
