"""One application of intake on a real mongod for all tests of the tier: each test has people of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from services.intake.app import create_app
from services.intake.settings import IntakeSettings
from tests.service.intake.world import World
from tests.tokens import verifier


@pytest.fixture(scope="session")
def world(mongo_url: str, mongo_client) -> Iterator[World]:
    settings = IntakeSettings(
        mongo_url=mongo_url,
        database_prefix=f"t{uuid.uuid4().hex[:10]}_",
        synthetic_iins=True,
        log_level="error",
    )
    app = create_app(settings, verifier=verifier())
    intake = app.extensions["intake"]
    intake.store.ensure_indexes()
    yield World(app, intake)
    intake.store.database.client.close()
    mongo_client.drop_database(settings.database("intake"))
