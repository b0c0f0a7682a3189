"""What every use case, query, reaction and tick of referrals gets as its first argument: nothing is global."""

from __future__ import annotations

from dataclasses import dataclass

from services.referrals.policy import Policy, load_policy
from services.referrals.settings import ReferralsSettings
from services.referrals.store import Store, open_store
from shared import mongo
from shared.clients import ServiceClient, TokenSource


@dataclass(frozen=True, kw_only=True)
class Referrals:
    """The service: its store, its policy, and the way to intake's door."""

    store: Store
    policy: Policy
    intake: ServiceClient
    settings: ReferralsSettings


def open_service(settings: ReferralsSettings) -> Referrals:
    """The service as the settings describe it."""
    policy = load_policy()
    tokens = TokenSource(settings.tokens_url, settings.client_id, settings.client_secret)
    return Referrals(
        store=open_store(mongo.connect(settings.mongo_url), settings, policy.deadlines),
        policy=policy,
        intake=ServiceClient(settings.intake_url, tokens),
        settings=settings,
    )
