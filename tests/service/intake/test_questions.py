"""How often registering asks the database: each question is a way to the database and back, while somebody waits at the window."""

from __future__ import annotations

import pytest

from tests.service.intake.world import World, somebody

MOST = 10
"""The appeal under its key, the number's person (and who stands instead of her), her file and who may read it, her household, the
next free slot of the number, her family (as it is, and as it is changed), its appeals."""


@pytest.fixture
def questions(world: World):
    """How many queries somebody's coming makes."""

    def count() -> int:
        return world.intake.store.database.command("serverStatus")["opcounters"]["query"]

    def asked(person: dict) -> int:
        before = count()
        world.comes(person)
        return count() - before

    return asked


def test_whoever_has_an_iin_is_not_looked_for_by_names(questions):
    person = somebody()
    questions(person)
    assert questions(person) <= MOST


def test_whoever_came_often_is_registered_as_fast(questions):
    person = somebody()
    questions(person)
    second = questions(person)
    assert [questions(person) for _ in range(4)] == [second] * 4
