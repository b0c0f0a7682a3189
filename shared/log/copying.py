"""Copies one event log to another, so that a stack can move from the embedded log to Kafka, and back.

    for topic, copied, there in copy(source, target, topics):
        print(topic, copied, "copied,", there, "were there")

Every message goes over with its key, headers and value, in order per key. A target that holds exactly the beginning of what the
source holds is gone on with: a copy that was stopped can be started again, and so can one whose source has grown. Anything else
on the target is refused (`NotTheBeginning`) before a single message is written. "Exactly" is meant per key and without repeats:
of messages that are equal only the first counts, for a copy that was interrupted may leave one twice.

Groups are not copied. Their positions cannot be told in the other log (partitions there, one row of numbers here), and need not be:
on the target a group begins where it stood there, which is the beginning on a new one, and handling an event again changes nothing.

Errors: NotTheBeginning, UnknownTopic (a topic of the target or the source that was never made), LogAway (start it again).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from shared.log import Log, Message

Held = dict[str, dict[bytes, int]]
"""What a topic holds: of every key its messages (as digests) → which in a row each is, repeats left out."""


class NotTheBeginning(Exception):
    """The target's topic holds something that the source's does not begin with."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"The target's topic {topic!r} is not empty, and holds something else than the beginning of the source's."
        )


def copy(source: Log, target: Log, topics: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Copy topic by topic; of each tells its name, how many messages were copied, and how many were there already."""
    held = {topic: _held(target, topic) for topic in topics}
    for topic in topics:
        _check(source, topic, held[topic])
    for topic in topics:
        yield topic, _copy(source, target, topic, held[topic]), sum(map(len, held[topic].values()))


def _held(log: Log, topic: str) -> Held:
    held: Held = defaultdict(dict)
    for deliveries in log.read(topic):
        for delivery in deliveries:
            of_key = held[delivery.message.key]
            of_key.setdefault(_digest(delivery.message), len(of_key))
    return held


def _check(source: Log, topic: str, held: Held) -> None:
    """Whether the source begins with what the target holds, key by key."""
    matched = dict.fromkeys(held, 0)
    for deliveries in source.read(topic) if held else ():
        for message in (delivery.message for delivery in deliveries):
            if message.key not in matched or matched[message.key] == len(held[message.key]):
                continue
            place = held[message.key].get(_digest(message), len(held[message.key]))
            if place > matched[message.key]:
                raise NotTheBeginning(topic)
            matched[message.key] = max(matched[message.key], place + 1)
    if any(matched[key] < len(held[key]) for key in held):
        raise NotTheBeginning(topic)


def _copy(source: Log, target: Log, topic: str, held: Held) -> int:
    count = 0
    for deliveries in source.read(topic):
        messages = [delivery.message for delivery in deliveries]
        left = [m for m in messages if m.key not in held or _digest(m) not in held[m.key]]
        count += len(left)
        while left:
            acknowledged = set(target.append(topic, left))
            left = [message for index, message in enumerate(left) if index not in acknowledged]
    return count


def _digest(message: Message) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(message), digest_size=16).digest()
