"""A newer build beside this one: what it says more is passed over, what it says that is unknown here holds up nothing.

The history is the usual one, but everything published is as a later version would publish it; then all must be as always.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from shared.events import Danger
from shared.log import Message
from tests.convergence import at_rest
from tests.convergence.machine import Convergence
from tests.convergence.people import CENTERS, SCOPES
from tests.convergence.transport import Topics
from tests.convergence.world import World

Newer = Callable[[Message], Message]


def with_more_in_it(message: Message) -> Message:
    """An additive change: more members, at the top and in every open item."""
    data = json.loads(message.value)
    data |= {"foreseen": {"by": ["nobody"]}, "urgency": 3}
    data["open"] = [item | {"colour": "amber", "steps": []} for item in data["open"]]
    return replace(message, value=json.dumps(data).encode(), headers={**message.headers, "ce_foreseen": "1"})


def of_a_type_to_come(heard: frozenset[str]) -> Newer:
    """What nobody reacts to here comes under a type that no build of today declares."""

    def renamed(message: Message) -> Message:
        type = message.headers["ce_type"]
        if type in heard:
            return message
        return replace(message, headers={**message.headers, "ce_type": type.replace(".v1", "-in-a-way.v1")})

    return renamed


@pytest.fixture
def heard(world: World) -> frozenset[str]:
    """The types that some service reacts to."""
    return frozenset(type for part in world.parts.values() for type in part.subscription.reactions)


def lived(world: World) -> Convergence:
    """A family's whole way: appeal, case, plan, referral, the partner's answers, another holder."""
    history = Convergence(world)
    history.people.comes(
        0, CENTERS[0], Danger(life=False, child=False, domestic_violence=False), SCOPES, "yes", "alone"
    )
    history.people.screens(0, "open-case")
    history.settle()
    for _ in range(5):  # assessed, planned, signed twice, approved
        history.people.goes_on(0)
        history.settle()
    history.people.refers(0, "health", with_measure=True, replacing=False)
    for _ in range(3):
        history.settle()
        history.people.answers(0, 0)
    history.people.assigns_case(0, 2)
    history.come_to_rest()
    return history


def publish_as(monkeypatch: pytest.MonkeyPatch, newer: Newer) -> list[tuple[Message, Message]]:
    """From now on the relay's messages go on the log as `newer` makes them; the list tells each before and after."""
    append, changed = Topics.append, []

    def appended(log: Topics, topic: str, messages: Sequence[Message]) -> list[int]:
        changed.extend((message, newer(message)) for message in messages)
        return append(log, topic, [newer(message) for message in messages])

    monkeypatch.setattr(Topics, "append", appended)
    return changed


def nothing_is_parked_or_dead(world: World) -> bool:
    return not any(
        part.documents(collection) for part in world.parts.values() for collection in ("parked", "dead")
    )


@pytest.mark.parametrize("kind", ["more in it", "a type to come", "both"])
def test_what_a_newer_build_publishes_is_parked_nowhere_and_loses_nothing(world, heard, monkeypatch, kind):
    renamed = of_a_type_to_come(heard)
    newer = {
        "more in it": with_more_in_it,
        "a type to come": renamed,
        "both": lambda message: renamed(with_more_in_it(message)),
    }[kind]
    changed = publish_as(monkeypatch, newer)
    history = lived(world)
    assert len(changed) > 20
    assert any(before != after for before, after in changed), "nothing was newer about it"
    assert nothing_is_parked_or_dead(world)
    at_rest.check(world, history.log, list(history.groups.values()))
    worklist = {row["subject"] for row in world.parts["intake"].documents("worklist") if row["open"]}
    assert worklist, "what waits to be done is known from these events"
