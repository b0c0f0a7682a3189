"""What every use case, query, reaction and tick of casework gets as its first argument: nothing is global."""

from __future__ import annotations

from dataclasses import dataclass

from services.casework import policy
from services.casework.domain.policy import Policy
from services.casework.settings import CaseworkSettings
from services.casework.store import Store, open_store
from shared import mongo


@dataclass(frozen=True, kw_only=True)
class Casework:
    """The service: its store and its policy."""

    store: Store
    policy: Policy
    settings: CaseworkSettings


def open_service(settings: CaseworkSettings) -> Casework:
    """The service as the settings describe it."""
    rules = policy.load()
    store = open_store(mongo.connect(settings.mongo_url), settings, rules.deadlines)
    return Casework(store=store, policy=rules, settings=settings)
