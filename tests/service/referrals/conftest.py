"""One application of referrals on a real mongod for all tests of the tier: each test has families and cases of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from services.referrals.app import create_app
from services.referrals.settings import ReferralsSettings
from services.referrals.store import SERVICE
from shared import reference
from tests.conftest import free_port
from tests.service.referrals.world import Intake, World, intake_at
from tests.tokens import verifier


@pytest.fixture(scope="session")
def intake_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def world(mongo_url: str, mongo_client, intake_port: int) -> Iterator[World]:
    settings = ReferralsSettings(
        mongo_url=mongo_url,
        database_prefix=f"t{uuid.uuid4().hex[:10]}_",
        intake_url=f"http://127.0.0.1:{intake_port}",
        token_url=f"http://127.0.0.1:{intake_port}/oidc/token",
        client_secret="secret",
        log_level="error",
    )
    app = create_app(settings, verifier=verifier())
    service = app.extensions[SERVICE]
    service.store.ensure_indexes()
    service.store.directory.seed(reference.services())
    yield World(app, service)
    service.store.client.close()
    mongo_client.drop_database(settings.database(SERVICE))


@pytest.fixture
def intake(intake_port: int) -> Iterator[Intake]:
    with intake_at(intake_port) as intake:
        yield intake
