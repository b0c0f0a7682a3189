"""Events of intake: appeals, families, persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.events.base import Danger, Event, Moment, event


@dataclass(frozen=True, kw_only=True)
class AppealEvent(Event):
    """Every event of an appeal says in what danger the family is and whether its file is restricted.

    `file_version` is the version of the family's file that `danger` and `restricted` were read from: between two events of
    different aggregates the higher one is right, whichever arrives first.
    """

    number: str
    state: str
    danger: Danger
    restricted: bool
    file_version: int


@event("intake", "appeal-registered", subject="appeal")
class AppealRegistered(AppealEvent):
    """A family has come to the window (or was sent, or telephoned), and its appeal stands in the journal."""

    channel: str
    grounds: tuple[str, ...]
    scopes: tuple[str, ...]
    received_on: date
    source_agency_id: str | None = None


@event("intake", "appeal-screened", subject="appeal")
class AppealScreened(AppealEvent):
    """The first assessment of need is done. `outcome`: open-case, consultation, redirect or not-needed."""

    outcome: str


@event("intake", "appeal-assigned", subject="appeal")
class AppealAssigned(AppealEvent):
    """Another member of staff answers for the appeal now (`holder`)."""

    previous_holder: str


@event("intake", "appeal-closed", subject="appeal")
class AppealClosed(AppealEvent):
    """Nothing is left to do for the appeal itself. After *open-case*, `case_id` is the case that has it."""

    outcome: str
    case_id: str | None = None


@event("intake", "appeal-overdue", subject="appeal")
class AppealOverdue(AppealEvent):
    """Items of the appeal passed their due time and were raised one level. `items`: their codes."""

    items: tuple[str, ...]


@event("intake", "notice-given", subject="appeal")
class NoticeGiven(AppealEvent):
    """A body that must be told within 24 hours has been told."""

    body: str
    told_at: Moment
    how: str


@event("intake", "appeal-items-changed", subject="appeal")
class AppealItemsChanged(AppealEvent):
    """What is still to be done about an appeal has changed by something that happened elsewhere: somebody was asked, the
    family's danger was raised, or a case has the appeal. `opened`, `done`: codes of items."""

    opened: tuple[str, ...]
    done: tuple[str, ...]
    case_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class FamilyEvent(Event):
    """Every event of a family says its centers, its danger and whether its file is restricted (as of `file_version`)."""

    center_ids: tuple[str, ...]
    danger: Danger
    restricted: bool
    file_version: int


@event("intake", "family-danger-changed", subject="family")
class FamilyDangerChanged(FamilyEvent):
    """The danger of a family was raised (by whoever may read it) or lowered (by a supervisor)."""

    previous: Danger


@event("intake", "family-members-changed", subject="family")
class FamilyMembersChanged(FamilyEvent):
    """Somebody joined or left the family, or what is recorded of the household changed. `member_ids`: who belongs to it now."""

    member_ids: tuple[str, ...]


@event("intake", "family-assigned", subject="family")
class FamilyAssigned(FamilyEvent):
    """Another member of staff answers for the family's file now (`holder`)."""

    previous_holder: str


@event("intake", "family-overdue", subject="family")
class FamilyOverdue(FamilyEvent):
    """Items of the family's file passed their due time and were raised one level. `items`: their codes."""

    items: tuple[str, ...]


@event("intake", "family-notice-given", subject="family")
class FamilyNoticeGiven(FamilyEvent):
    """A body that must be told within 24 hours of a danger, raised while the family had no open appeal, has been told."""

    body: str
    told_at: Moment
    how: str


@event("intake", "same-person-found", subject="family")
class SamePersonFound(FamilyEvent):
    """Somebody with the identity of a member of this restricted file came elsewhere; its holder has to look at it."""


@event("intake", "same-person-acknowledged", subject="family")
class SamePersonAcknowledged(FamilyEvent):
    """The holder has looked at it."""


@event("intake", "person-changed", subject="person")
class PersonChanged(Event):
    """Something recorded of a person was corrected. `fields`: names of what changed, never the values."""

    fields: tuple[str, ...]


@event("intake", "consent-given", subject="person")
class ConsentGiven(Event):
    """A person has consented. `scopes`: what was newly given."""

    scopes: tuple[str, ...]


@event("intake", "consent-withdrawn", subject="person")
class ConsentWithdrawn(Event):
    """A person has taken a consent back, or refused it. `scopes`: what does not hold any more."""

    scopes: tuple[str, ...]
