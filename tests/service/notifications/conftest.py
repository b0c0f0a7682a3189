"""Notifications on a real mongod, with a file as the gateway and an intake that only has its contact door.

One database serves the whole session and is emptied before each test: making its indexes anew takes longer than a test.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from services.notifications.app import create_app
from services.notifications.sender import open_sender
from services.notifications.service import open_service
from services.notifications.settings import NotificationsSettings
from services.notifications.store import SERVICE
from shared import telemetry
from tests.service.notifications.tools import Intake, on_its_own_clock
from tests.tokens import verifier


@pytest.fixture(scope="session", autouse=True)
def log_lines():
    """As in a process of ours; unconfigured, structlog prints every variable of a stack."""
    telemetry.configure("notifications", "warning")


@pytest.fixture(scope="session")
def intake_server():
    intake = Intake()
    server = intake.serve()
    yield intake
    server.shutdown()
    server.server_close()


@pytest.fixture
def intake(intake_server):
    intake_server.answers.clear()
    intake_server.asked.clear()
    intake_server.status = 200
    intake_server.gate.set()
    return intake_server


@pytest.fixture(scope="session")
def session_service(mongo_url, intake_server):
    prefix = f"t{uuid.uuid4().hex[:10]}_"
    settings = NotificationsSettings(
        mongo_url=mongo_url,
        database_prefix=prefix,
        data_dir="/nonexistent",
        intake_url=intake_server.url,
        token_url=f"{intake_server.url}/oidc/token",
        client_secret="secret",
        log_level="warning",
    )
    service = open_service(settings)
    service.store.ensure_indexes()
    yield service
    service.store.database.client.drop_database(service.store.database.name)
    service.close()


@pytest.fixture
def settings(session_service, tmp_path, intake):
    for collection in ("messages", "files", "access_log"):
        session_service.store.database[collection].delete_many({})
    return replace(session_service.settings, data_dir=str(tmp_path))


@pytest.fixture
def live(session_service, settings):
    """The service on the database's clock, with a gateway of its own."""
    return replace(session_service, settings=settings, sender=open_sender(settings))


@pytest.fixture
def service(live):
    """The service on a clock that is moved by hand."""
    return on_its_own_clock(live)


@pytest.fixture(scope="session")
def app(session_service):
    app = create_app(session_service.settings, verifier=verifier())
    yield app
    app.extensions[SERVICE].close()


@pytest.fixture
def web(app, settings):
    """A client of the application, on the emptied database."""
    return app.test_client()
