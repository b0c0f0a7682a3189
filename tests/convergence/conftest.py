"""One world for all histories of the session: making the indexes of four services anew takes longer than a history."""

from __future__ import annotations

import logging
import uuid

import pytest
import structlog

from tests.convergence.world import open_world


@pytest.fixture(scope="session")
def world(mongo_url, mongo_client, tmp_path_factory):
    prefix = f"t{uuid.uuid4().hex[:10]}_"
    with open_world(mongo_url, prefix, tmp_path_factory.mktemp("convergence")) as world:
        yield world
    for database in mongo_client.list_database_names():
        if database.startswith(prefix):
            mongo_client.drop_database(database)


@pytest.fixture(autouse=True)
def quiet():
    """Unconfigured, structlog prints every variable of every stack."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
