"""What every use case, query, reaction and tick of intake gets as its first argument: nothing is global."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake import policy
from services.intake.domain.policy import Policy
from services.intake.settings import IntakeSettings
from services.intake.store import Store, open_store
from shared import mongo


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The service: its store, its policy, its settings."""

    store: Store
    policy: Policy
    settings: IntakeSettings


def open_service(settings: IntakeSettings) -> Intake:
    """The service as the settings describe it."""
    in_force = policy.load()
    store = open_store(mongo.connect(settings.mongo_url), settings, in_force)
    return Intake(store=store, policy=in_force, settings=settings)
