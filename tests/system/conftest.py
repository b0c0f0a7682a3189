"""A stack with two tiny services (`standin`), shared by the tests of the runner's own parts."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

import pytest

from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.settings import Settings
from tests.callers import Callers
from tests.oracle import World
from tests.system import whose
from tests.system.interface import documents, routes_of
from tests.system.standin.run import SERVICES


@dataclass(frozen=True)
class Standin:
    stack: Stack
    said: list[str] = field(default_factory=list)
    """What the stack has said so far."""


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory):
    said: list[str] = []
    folder = tmp_path_factory.mktemp("standin") / "data"
    with Stack(folder, free_base(), services=SERVICES, say=said.append) as stack:
        yield Standin(stack, said)


@pytest.fixture(scope="session", params=["embedded"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The whole stack with the real services, shared by the tests of what families, partners and programs meet.

    The parameter is the event log that it runs on.
    """
    log, environment = request.param, {}
    if log == "kafka":
        environment["KAFKA_BOOTSTRAP"] = request.getfixturevalue("kafka_bootstrap")
    folder = tmp_path_factory.mktemp(f"live-{log}") / "data"
    with Stack(folder, free_base(), log=log, environment=environment) as stack:
        yield stack


@pytest.fixture(scope="session")
def people(live: Stack):
    """Callers of the live stack by login or client id, each logged in once."""
    with closing(Callers(live)) as people:
        yield people


@pytest.fixture(scope="session")
def openapi(live: Stack):
    """The OpenAPI documents of the live services, by service."""
    return documents(live.origin)


@pytest.fixture(scope="session")
def routes(openapi):
    """Every route of the live services that is documented (tests/contract holds that all are)."""
    return routes_of(openapi)


@pytest.fixture(scope="session")
def families(people, world):
    """An open and a restricted family of Astana, and one of Almaty, by these names; each with everything that has an id."""
    made = {
        "open": whose.make(people, world, "open", whose.ASTANA),
        "restricted": whose.make(people, world, "restricted", whose.ASTANA, violence=True),
        "almaty": whose.make(people, world, "almaty", whose.ALMATY),
    }
    whose.accepted(people, made["open"])
    world.at_rest()
    return made


@pytest.fixture(scope="session")
def world(live: Stack, request: pytest.FixtureRequest):
    bootstrap = request.getfixturevalue("kafka_bootstrap") if live.log == "kafka" else ""
    settings = Settings(mongo_url=live.mongo_url, log=live.log, kafka_bootstrap=bootstrap)
    world = World(live, settings=settings)
    yield world
    world.close()
