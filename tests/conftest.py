"""Parts that the tiers share: one mongod per session, a database prefix of its own for each test."""

from __future__ import annotations

import contextlib
import socket
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from shared import mongo
from shared.embedded import mongod
from shared.embedded.kafka import Broker

settings.register_profile("birtereze", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("birtereze")
"""Tests never time: on a busy machine a slow example is no failure."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that are free."""
    while True:
        first = free_port()
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory):
    """URL of a real replica set, shared by the whole session."""
    folder: Path = tmp_path_factory.mktemp("mongod")
    with mongod.running(folder, free_port()) as url:
        yield url


@pytest.fixture(scope="session")
def mongo_client(mongo_url: str):
    with mongo.connect(mongo_url) as client:
        yield client


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory):
    """Address of a real broker, shared by the whole session. Topics of a test carry its `prefix`."""
    with Broker(tmp_path_factory.mktemp("kafka"), free_ports(2)) as broker:
        yield broker.bootstrap


@pytest.fixture
def prefix(mongo_client):
    """A prefix for database names that no other test uses; the databases go when the test is over."""
    name = f"t{uuid.uuid4().hex[:10]}_"
    yield name
    for database in mongo_client.list_database_names():
        if database.startswith(name):
            mongo_client.drop_database(database)
