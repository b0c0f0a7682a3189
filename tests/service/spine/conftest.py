"""Parts of the spine on a real mongod: a log with one topic, a service's database, and a mongod that may be killed."""

from __future__ import annotations

import logging

import pytest
import structlog

from shared import clock, consumer, mongo, relay
from shared.log import open_log
from shared.settings import Settings
from tests.conftest import free_port
from tests.service.spine.tools import OwnMongod

TOPIC = "birtereze.test"


@pytest.fixture(autouse=True)
def quiet():
    """Failures are what these tests are about; unconfigured, structlog prints every variable of every stack."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """The loops look round more often, so that a test need not wait for them to stop."""
    monkeypatch.setattr(relay, "LONGEST_SLEEP", 0.1)
    monkeypatch.setattr(consumer, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(clock, "EVERY", 0.1)
    monkeypatch.setattr(clock, "REST", 0.1)


@pytest.fixture
def settings(mongo_url, prefix):
    return Settings(mongo_url=mongo_url, database_prefix=prefix)


@pytest.fixture
def event_log(settings):
    log = open_log(settings)
    log.create_topics([TOPIC])
    yield log
    log.close()


@pytest.fixture
def database(mongo_client, prefix):
    return mongo.database(mongo_client, f"{prefix}test")


@pytest.fixture(scope="module")
def own_mongod(tmp_path_factory):
    server = OwnMongod(tmp_path_factory.mktemp("own-mongod"), free_port())
    yield server
    server.kill()
