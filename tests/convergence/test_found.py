"""Ways in which it did not converge: the histories found them, and here they are without chance."""

from __future__ import annotations

import pytest

from shared.events import Danger
from shared.events.base import topic
from tests.convergence import at_rest
from tests.convergence.machine import Convergence
from tests.convergence.people import CENTERS, SCOPES
from tests.convergence.transport import ALL, Group, publish
from tests.convergence.world import World

NO_DANGER = Danger(life=False, child=False, domestic_violence=False)
OTHERS = ("intake", "casework", "referrals")


@pytest.fixture
def history(world: World) -> Convergence:
    """A family of Astana has come, and its case is with its first worker; notifications has heard nothing yet."""
    history = Convergence(world)
    history.people.comes(0, CENTERS[0], NO_DANGER, SCOPES, "yes", "alone")
    history.people.screens(0, "open-case")
    arrive(history, OTHERS)
    return history


def arrive(history: Convergence, services: tuple[str, ...]) -> None:
    """Everything is published, and these services get it, until nothing is under way between them."""
    for _ in range(10):
        for part in history.world.parts.values():
            while publish(part, history.log, None, dies=False):
                pass
        for service in services:
            history.groups[service].deliver_all()


def hears(group: Group, service: str) -> None:
    """The group gets what a service has told, and nothing of the others."""
    group.deliver([ALL if name == topic(service) else 0 for name, _ in group.lanes])


def holders(world: World) -> dict[str, str]:
    return {m["template"]: m["holder"] for m in world.parts["notifications"].documents("messages")}


def test_the_new_holder_of_the_case_has_the_message_of_an_appeal_that_is_heard_of_later(history):
    history.people.assigns_case(0, 2)  # to the second worker
    arrive(history, OTHERS)
    for service in ("casework", "intake"):
        hears(history.groups["notifications"], service)
    assert holders(history.world) == {"appeal-registered": "worker2.astana"}


def test_a_rewind_does_not_hand_over_what_was_made_later(history):
    history.people.assigns_case(0, 2)
    history.settle()
    history.people.assigns_case(0, 1)
    history.settle()
    for _ in range(5):  # assessed, planned, signed twice, approved
        history.people.goes_on(0)
    history.settle()
    history.people.refers(0, "health", with_measure=True, replacing=False)
    history.people.answers(0, 0)
    history.come_to_rest()
    before = history.world.dump()
    history.groups["notifications"].rewind()
    history.groups["notifications"].deliver_all()
    at_rest.assert_same(history.world.dump(), before, "changed by a rewind")
