"""A log and its groups that a test has in hand: what is published when, and who gets which of it, again or late.

A topic has lanes, as Kafka has partitions: of one lane messages come in order, of several in any. A group reads each lane of each
of its topics at a pace of its own. The real relay publishes (`Relay.publish`), the real consumer handles (`Consumer.handle`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from shared.events.cloudevents import Envelope, from_message
from shared.log import Delivery, Message
from shared.relay import Due
from tests.convergence.world import Part, death_of

T = TypeVar("T")
LANES = 3
"""Enough for keys of one topic to overtake each other."""
ALL = 1_000_000
Lane = tuple[str, int]


@dataclass
class Topics:
    """The log: of its port, as much as the relay uses. `told`: everything, in the order of the acknowledgements."""

    lanes: dict[Lane, list[Delivery]] = field(default_factory=dict)
    told: list[Envelope] = field(default_factory=list)

    def append(self, topic: str, messages: Sequence[Message]) -> list[int]:
        for message in messages:
            lane = self.lane(topic, zlib.crc32(message.key.encode()) % LANES)
            lane.append(Delivery(topic, str(len(lane)), message))
            self.told.append(from_message(message))
        return list(range(len(messages)))

    def lane(self, topic: str, n: int) -> list[Delivery]:
        return self.lanes.setdefault((topic, n), [])


@dataclass
class Group:
    """A service's place in each lane of its topics."""

    part: Part
    log: Topics
    read: dict[Lane, int] = field(default_factory=dict)

    @property
    def lanes(self) -> list[Lane]:
        return [(topic, n) for topic in self.part.subscription.topics for n in range(LANES)]

    def behind(self) -> int:
        """How many messages it has not handled yet."""
        return sum(len(self.log.lane(*lane)) - self.read.get(lane, 0) for lane in self.lanes)

    def deliver(
        self, reach: Sequence[int], first: int = 0, writes: int | None = None, commits: bool = True
    ) -> tuple[int, str | None]:
        """Give it the next messages, of each lane as many as `reach` says, beginning with the lane `first`.

        `writes`: after so many it dies. `commits` False: it dies between the last write and the commit. Returns how many messages
        it got, and where it died.
        """
        batch, ends = self.next(reach, first)
        died = death_of(lambda: self.part.handle(batch), writes) if batch else None
        if commits and died is None:
            self.read |= ends
        return len(batch), died

    def next(self, reach: Sequence[int], first: int) -> tuple[list[Delivery], dict[Lane, int]]:
        """The next messages, and how far they go in each lane."""
        batch: list[Delivery] = []
        ends = {}
        for lane, many in _from(first, list(zip(self.lanes, reach, strict=True))):
            at = self.read.get(lane, 0)
            taken = self.log.lane(*lane)[at : at + many]
            ends[lane] = at + len(taken)
            batch += taken
        return batch, ends

    def deliver_all(self) -> int:
        return self.deliver([ALL] * len(self.lanes))[0]

    def again(self, lane: Lane, since: int, many: int) -> int:
        """Give it something that it has handled before, though its place is elsewhere. Returns how many it got."""
        old = self.log.lane(*lane)[: self.read.get(lane, 0)]
        batch = old[since : since + many]
        if batch:
            self.part.handle(batch)
        return len(batch)

    def rewind(self) -> None:
        self.read.clear()


def publish(part: Part, log: Topics, some: Random | None, dies: bool) -> int:
    """A round of the relay, over all that waits or over `some` of it. Returns how many events it published.

    `dies`: it is killed after the log has taken them and before they are pulled: next time they are published again.
    """
    relay = part.relay(log)
    waiting = sorted(relay.due(), key=_age)
    chosen = [due for due in waiting if some is None or some.random() < 0.5]
    before = len(log.told)
    if chosen:
        death_of(lambda: relay.publish(chosen), 0 if dies else None)
    return len(log.told) - before


def _age(due: Due) -> tuple[str, str]:
    """By the time of the event: `pending` is of the real clock, and would make each run another one."""
    return (str(due.entry["time"]) if due.entry else "", due.id)


def _from(first: int, of: Sequence[T]) -> Sequence[T]:
    """The same, beginning elsewhere."""
    first %= len(of)
    return [*of[first:], *of[:first]]
