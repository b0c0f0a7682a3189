"""One application of casework on a real mongod for all tests of the tier: each test has families and cases of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from services.casework.app import create_app
from services.casework.settings import CaseworkSettings
from services.casework.store import SERVICE
from shared import reference
from tests.service.casework.world import World
from tests.tokens import verifier


@pytest.fixture(scope="session")
def world(mongo_url: str, mongo_client) -> Iterator[World]:
    settings = CaseworkSettings(
        mongo_url=mongo_url, database_prefix=f"t{uuid.uuid4().hex[:10]}_", log_level="error"
    )
    app = create_app(settings, verifier=verifier())
    service = app.extensions[SERVICE]
    service.store.ensure_indexes()
    service.store.staff.seed(reference.staff())
    yield World(app, service)
    service.store.client.close()
    mongo_client.drop_database(settings.database(SERVICE))
