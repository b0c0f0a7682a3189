"""The log on a real broker, which the session shares. Members heartbeat more often here, so that a test need not wait for them."""

from __future__ import annotations

import msgspec
import pytest

from shared.log import kafka_reader
from shared.settings import Settings
from tests.service.spine.conftest import database, quiet, short_waits
from tests.service.spine.conftest import event_log as log
from tests.service.spine.tools import Script

__all__ = ["database", "log", "quiet", "short_waits"]


@pytest.fixture(autouse=True)
def short_heartbeats(monkeypatch):
    monkeypatch.setattr(kafka_reader, "HEARTBEAT_SECONDS", 0.2)


@pytest.fixture
def settings(mongo_url, kafka_bootstrap, prefix):
    return Settings(mongo_url=mongo_url, database_prefix=prefix, log="kafka", kafka_bootstrap=kafka_bootstrap)


@pytest.fixture
def script():
    """Starts processes that are given their settings first; ends them all."""
    started = []

    def start(path, settings, *arguments: str) -> Script:
        started.append(Script(path, msgspec.json.encode(settings).decode(), *arguments))
        return started[-1]

    yield start
    for one in started:
        one.end()
