"""Every service answers whatever its own OpenAPI document lets say, and whatever it forbids, as the document says: with a token of
each role, on things that are there and things that are not. Never an error on our side, and every error a problem document.

The short form; `make fuzz` is the long one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.attacks.specs import CALLERS, Run, shows_nothing, token_of
from tests.callers import Callers
from tests.oracle import World
from tests.system import whose
from tests.system.interface import ROLES_OF, Route, documents, routes_of

EXAMPLES = 2
"""Random requests to each operation, by each caller; what the schemas let say and forbid is gone through whole."""


@dataclass(frozen=True)
class Fuzzed:
    """A stack of its own: what random requests leave there (SMS that wait for their hours, too) no other test comes across."""

    stack: Stack
    people: Callers
    things: Mapping[str, Any]
    """Values by the names that routes use, of a family that is there."""
    documents: Mapping[str, dict[str, Any]]
    routes: Sequence[Route]
    seed: int


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory):
    with Stack(tmp_path_factory.mktemp("fuzzed") / "data", free_base()) as stack:
        people, world, found = Callers(stack), World(stack), documents(stack.origin)
        family = whose.make(people, world, "fuzzed", whose.ASTANA)
        whose.accepted(people, family)
        yield Fuzzed(stack, people, family.things, found, routes_of(found), random.randrange(2**32))
        world.close()
        people.close()


def test_somebody_of_every_role_calls():
    assert {role for name in CALLERS for role in ROLES_OF[name]} == set().union(*ROLES_OF.values())


@pytest.mark.parametrize("caller", CALLERS)
def test_services_answer_as_their_documents_say(fuzzed, caller):
    """On every route that the caller's role may use. (That others refuse it: tests/system/test_ids_of_others.py, and the long form.)"""
    wrong, runs = [], []
    for service, document in fuzzed.documents.items():
        mine = [route for route in fuzzed.routes if route.service == service and route.allows(caller)]
        if not mine:
            continue
        run = Run(
            document=document,
            origin=fuzzed.stack.origin,
            token=token_of(fuzzed.people(caller)),
            only={str(route) for route in mine},
            enumerated={str(route) for route in mine if is_first(caller, route)},
            known=fuzzed.things,
            seed=fuzzed.seed,
            examples=EXAMPLES,
        )
        wrong += run.differences()
        runs.append(run)
    wrong += shows_nothing(caller, runs)
    assert not wrong, f"{caller}, seed {fuzzed.seed}:\n" + "\n".join(wrong)


def is_first(caller: str, route: Route) -> bool:
    """Whether a route is enumerated in full by this caller: each is by one."""
    return caller == next(name for name in CALLERS if route.allows(name))
