"""Events of referrals: one kind of aggregate, the referral of a family to a partner agency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.events.base import Event, event


@dataclass(frozen=True, kw_only=True)
class ReferralEvent(Event):
    """Every event of a referral says whom it asks for what, and which fields of the client it names to disclose."""

    number: str
    case_id: str
    measure: int | None
    service_id: str
    service_kind: str
    agency_id: str
    priority: str
    disclose: tuple[str, ...]
    state: str
    restricted: bool


@event("referrals", "referral-requested", subject="referral")
class ReferralRequested(ReferralEvent):
    """A partner agency is asked to help."""

    replaces: str | None = None


@event("referrals", "referral-accepted", subject="referral")
class ReferralAccepted(ReferralEvent):
    """The agency will do it."""


@event("referrals", "referral-rejected", subject="referral")
class ReferralRejected(ReferralEvent):
    """The agency will not do it; the holder chooses another one."""

    reason_code: str


@event("referrals", "referral-started", subject="referral")
class ReferralStarted(ReferralEvent):
    """The agency has begun."""


@event("referrals", "referral-held", subject="referral")
class ReferralHeld(ReferralEvent):
    """The agency cannot go on for a while."""


@event("referrals", "referral-resumed", subject="referral")
class ReferralResumed(ReferralEvent):
    """The agency goes on."""


@event("referrals", "referral-completed", subject="referral")
class ReferralCompleted(ReferralEvent):
    """The help was given."""

    given_on: date
    condition: str | None = None


@event("referrals", "referral-failed", subject="referral")
class ReferralFailed(ReferralEvent):
    """The agency could not do it after all; the holder chooses another one."""

    reason_code: str


@event("referrals", "referral-cancelled", subject="referral")
class ReferralCancelled(ReferralEvent):
    """The holder took the referral back, or its measure or case ended."""

    reason_code: str


@event("referrals", "referral-expired", subject="referral")
class ReferralExpired(ReferralEvent):
    """The agency did not answer in the time of the policy; the holder chooses another one."""


@event("referrals", "referral-acknowledged", subject="referral")
class ReferralAcknowledged(ReferralEvent):
    """The holder has taken note of a rejected, failed or expired referral, or sent another one in its place."""

    replaced_by: str | None = None


@event("referrals", "referral-assigned", subject="referral")
class ReferralAssigned(ReferralEvent):
    """The case has another holder, who answers for its referrals now (`holder`)."""

    previous_holder: str


@event("referrals", "referral-overdue", subject="referral")
class ReferralOverdue(ReferralEvent):
    """Items of the referral passed their due time and were raised one level. `items`: their codes."""

    items: tuple[str, ...]
