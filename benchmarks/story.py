"""The events of benchmarks: those of a real family, told of as many families as are wanted.

    story = one_family()                            # walks the whole way of `make demo` once, on a stack of its own
    story.messages(TOPICS, families=100)            # [(topic, Message), …], as if a hundred families had come the same way
    story.case("7")                                 # the case of family "7" as it was before a partner was asked

Another family has other ids, which are made of its name and of those of the first, so that its events still fit together. What one
family tells stays in its order; families come in groups, each of which takes every step together, as neighbours on a log do.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from shared import mongo
from shared.embedded.demo.callers import People, until
from shared.embedded.demo.teller import Teller
from shared.embedded.demo.way import Way
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.events import TOPICS, Event, type_of
from shared.events.cloudevents import from_message
from shared.ids import derived_id
from shared.log import Message
from shared.log.embedded import EmbeddedLog
from shared.relay import WAITING

ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOGETHER = 50
"""Families in a group: some hundred events lie between two of the same family."""
OUTBOXES = (
    ("intake", ("appeals", "families", "persons")),
    ("casework", ("cases",)),
    ("referrals", ("referrals",)),
    ("notifications", ("messages",)),
)


@dataclass(frozen=True)
class Story:
    """What the first family's way has left. `told`: its messages with their topics, in order of time."""

    told: tuple[tuple[str, Message], ...]
    appeal_id: str
    case_id: str
    planned: Mapping[str, Any]

    def messages(self, topics: Collection[str], families: int, called: str = "") -> list[tuple[str, Message]]:
        """What so many families have told on these topics. `called`: where their names begin."""
        told = [(topic, message) for topic, message in self.told if topic in topics]
        names = [f"{called}{n}" for n in range(families)]
        groups = [names[n : n + TOGETHER] for n in range(0, families, TOGETHER)]
        return [
            (topic, _renamed(message, self._ids(name)))
            for group in groups
            for topic, message in told
            for name in group
        ]

    def only(self, kind: type[Event]) -> Story:
        """The first event of this class, and nothing else of what was told."""
        return replace(
            self, told=(next(each for each in self.told if each[1].headers["ce_type"] == type_of(kind)),)
        )

    def case(self, name: str) -> dict[str, Any]:
        """A family's case with its approved plan, as the store keeps it; its events are on the log already."""
        return _with_ids(self.planned, self._ids(name))

    def _ids(self, name: str) -> Callable[[str], str]:
        return partial(_id_of, self, name)


def _id_of(story: Story, name: str, id: str) -> str:
    if id == story.case_id:  # as casework makes it
        return derived_id("case", _id_of(story, name, story.appeal_id))
    return derived_id("benchmark", name, id)


@cache
def one_family() -> Story:
    """Let a family go its way, once in a run."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-story-") as folder,
        Stack(Path(folder) / "data", free_base()) as stack,
    ):
        people = People(stack.origin, stack.secrets)
        way = Way(people, Teller(silent=True))
        appeal = way.register("kk")
        case = way.open_case(appeal)
        way.assess(case)
        way.plan(case)
        with mongo.connect(stack.mongo_url) as client:
            until(lambda: _at_rest(client), "all events are on the log")
            planned = client["casework"]["cases"].find_one({"_id": case["id"]})
            referral = way.refer(case)
            way.accept(referral, case)
            way.complete(referral, case)
            way.deliver(case)
            people.close()
            until(lambda: _at_rest(client), "all events are on the log")
            told = sorted(_told(client), key=lambda each: from_message(each[1]).time)
    return Story(tuple(told), appeal["id"], case["id"], planned)


def _at_rest(client: MongoClient) -> bool:
    return not any(
        client[service][collection].find_one(WAITING)
        for service, collections in OUTBOXES
        for collection in collections
    )


def _told(client: MongoClient) -> Iterator[tuple[str, Message]]:
    log = EmbeddedLog(mongo.database(client, "log"))
    for topic in TOPICS:
        for deliveries in log.read(topic):
            yield from ((topic, delivery.message) for delivery in deliveries)


def _renamed(message: Message, id_of: Callable[[str], str]) -> Message:
    headers = {name: _with_ids(text, id_of) for name, text in message.headers.items()}
    return Message(id_of(message.key), headers, _with_ids(message.value.decode(), id_of).encode())


def _with_ids(value: Any, id_of: Callable[[str], str]) -> Any:
    """The same with other ids, wherever they stand in it."""
    if isinstance(value, str):
        return ID.sub(lambda found: id_of(found.group()), value)
    if isinstance(value, Mapping):
        return {_with_ids(name, id_of): _with_ids(member, id_of) for name, member in value.items()}
    return [_with_ids(member, id_of) for member in value] if isinstance(value, list) else value
