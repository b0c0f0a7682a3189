"""The two doors through which personal data leave intake. Pure: what may be told is decided on what is true at that moment.

`disclosure`: a partner that has accepted a referral opens the client's fields, those that the referral names and no more, and only
with the person's consent to share with that kind of service.
`contact`: an SMS is about to leave. *Not safe until said so*: no consent, no word that SMS are safe, or domestic violence in the
family, and nothing is sent (techsafety.org, safe-contact methods).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shared.events import Danger
from shared.refusals import Forbidden, NoConsent, Unavailable

WAITING = frozenset({"requested"})
ACCEPTED = frozenset({"accepted", "in-progress", "on-hold"})
SOON = 1
"""Seconds after which it is worth asking again about a referral whose newest event has not arrived here yet."""


@dataclass(frozen=True, kw_only=True)
class KnownReferral:
    """A referral as its newest event told it."""

    person_id: str | None
    family_id: str
    agency_id: str
    service_kind: str
    disclose: tuple[str, ...]
    state: str
    sequence: str


def disclosed_fields(
    referral: KnownReferral | None, *, person_id: str, agency_id: str, consents: Collection[str]
) -> tuple[str, ...]:
    """Names of the fields that may be shown now.

    `consents`: scopes that hold at this moment. Raises Unavailable while the referral, or its acceptance, has not arrived here;
    Forbidden for another person's or another agency's referral and for one that has ended; NoConsent with the missing scope.
    """
    if referral is None:
        raise Unavailable(SOON)
    if (referral.person_id, referral.agency_id) != (person_id, agency_id):
        raise Forbidden
    if referral.state in WAITING:
        raise Unavailable(SOON)
    if referral.state not in ACCEPTED:
        raise Forbidden
    scope = f"share:{referral.service_kind}"
    if scope not in consents:
        raise NoConsent([scope])
    return referral.disclose


def why_not_by_sms(*, phone: str | None, sms: str, danger: Danger, consents: Collection[str]) -> str | None:
    """The reason (a code) why no SMS may be sent to a person now; None where it may. `sms`: what was said of safe contact."""
    if danger.domestic_violence:
        return "domestic-violence"
    if sms != "yes":
        return "sms-not-safe" if sms == "no" else "sms-unknown"
    if "sms" not in consents:
        return "no-consent"
    return None if phone else "no-phone"
