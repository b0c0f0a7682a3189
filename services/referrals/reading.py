"""Who may read a referral: staff by the one rule of `shared.access`, and the agency that it was sent to."""

from __future__ import annotations

from services.referrals.domain.case import KnownCase
from services.referrals.domain.referral import Referral
from services.referrals.service import Referrals
from shared.access import Actor, File, may_read, with_word_of
from shared.aggregate import Saved
from shared.refusals import NotFound


def readable(referrals: Referrals, actor: Actor, id: str) -> Saved[Referral]:
    """The referral, if the caller may read it: as staff or for its agency. Else NotFound, whether it exists or not."""
    saved = referrals.store.referrals.get(id)
    if not (is_for(actor, saved.state) or may_read(actor, file_of(referrals, saved.state))):
        raise NotFound
    return saved


def is_for(actor: Actor, referral: Referral) -> bool:
    """Whether the caller acts for the agency that the referral was sent to."""
    return actor.is_a("partner") and actor.agency_id == referral.agency_id


def file_of(referrals: Referrals, referral: Referral | KnownCase) -> File:
    """What is known of the family's file, and what the referral (or case) says itself: its word is never older.

    A family that nothing was heard of is nobody's but the holder's and his supervisors': it is taken for restricted.
    """
    is_case = isinstance(referral, KnownCase)
    return with_word_of(
        referrals.store.files.file(referral.family_id),
        center_id=referral.center_id,
        restricted=not is_case and referral.restricted,
        holder=referral.holder,
        holds=is_case or bool(referral.open),
    )
