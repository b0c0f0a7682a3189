"""What is broken is refused by every POST that creates, with a problem document, and nothing of it stays: no document, no event.

The short form; `make fuzz` sends thousands of bodies.
"""

from __future__ import annotations

import random

import pytest

from tests.attacks.bodies import broken, members
from tests.attacks.corpus import RIGHT, SPARE, corpus, creating, left_behind, send, shows_nothing

COUNT = 300


@pytest.fixture(scope="module")
def things(families):
    return families["open"].things


@pytest.mark.parametrize("path", RIGHT)
def test_broken_bodies_are_refused_and_leave_nothing(people, world, routes, things, path):
    route = next(route for route in creating(routes) if route.path == path)
    seed = random.randrange(2**32)
    world.at_rest()
    before = world.picture()
    tally = send(route, people("worker.astana"), corpus(route, things, int(SPARE * COUNT), seed))
    world.at_rest()
    wrong = tally.wrong + shows_nothing(tally, COUNT) + left_behind(route, tally, before, world.picture())
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("path", RIGHT)
def test_the_same_seed_gives_the_same_corpus(routes, things, path):
    route = next(route for route in creating(routes) if route.path == path)
    first, again = (list(corpus(route, things, 50, 7)) for _ in range(2))
    assert first == again
    assert len({body.raw for body in first}) > 40


def test_every_member_of_a_body_is_broken(routes, things):
    """Of the appeal, which has the most: some hundreds of bodies miss none of them."""
    route = next(route for route in creating(routes) if route.path == "/intake/v1/appeals")
    names = {str(at[-1]) for at, _ in members(route.body) if isinstance(at[-1], str)}
    assert {"iin", "relation", "code_word", "new"} <= names
    make, _, _ = RIGHT[route.path]
    right, rng = make(things), random.Random(1)
    touched = b"".join(broken(right, route.body, rng) for _ in range(1000))
    assert not [name for name in names if f'"{name}"'.encode() not in touched]
