"""The event log: a port that two adapters fill.

The log carries the events of one service to the others. `embedded` keeps it in MongoDB, for one machine; `kafka` is how it
grows. Both pass the same contract test (`tests/service/spine/test_log_contract.py`); nothing else knows which one is there.

    log = open_log(settings)
    log.create_topics(["birtereze.intake"])               # once, explicitly: nothing makes a topic by the way
    acknowledged = log.append("birtereze.intake", messages)

    reader = log.reader("casework", ["birtereze.intake"])
    for delivery in reader.poll(limit=500, timeout=1.0):  # [] where there is nothing, or another member has the group
        handle(delivery)
    reader.commit()                                       # everything polled so far has been handled

    log.lag("casework", ["birtereze.intake"])             # {"birtereze.intake": 0}: how much the group has not committed
    for deliveries in log.read("birtereze.intake"): ...   # all that is there now, without a group

`python -m shared.log` makes the topics, and copies one log to the other. Moving: stop all workers, `migrate` with the new `LOG`
(or `create-topics`), `copy`, start again with the new `LOG`. Groups begin at the beginning there, which changes nothing.

What it guarantees
- What `append` names as acknowledged is never lost. What it does not name may be there or not: append it again (a repeat).
- Messages of one key keep the order in which they were acknowledged.
- A group gets every message of its topics at least once. What was not committed comes again, to whoever has the group next.
- One member of a group is active (embedded), or each partition has one (Kafka). When it dies another takes over within 10 s;
  a commit that it sends after that is refused with `Fenced`, and changes nothing.
- Nobody is protected from handling a message that somebody else has taken over: version and `seen` of the aggregates are.

A batch may be handled for `HANDLING_LIMIT` seconds; a member that takes longer loses the group.

Errors: `UnknownTopic` (made nowhere: a mistake in the set-up), `Fenced` (poll again), `LogAway` (try again later).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.settings import Settings

HANDLING_LIMIT = 300.0
"""Seconds after a poll for which a member keeps the group without polling again (Kafka's max.poll.interval.ms)."""


@dataclass(frozen=True)
class Message:
    """One record: a key, headers (text), a value (bytes)."""

    key: str
    headers: dict[str, str]
    value: bytes


@dataclass(frozen=True)
class Delivery:
    """A message as a group gets it. `position` says where in the topic it stands: for a person, not to be reckoned with."""

    topic: str
    position: str
    message: Message


class UnknownTopic(LookupError):
    """Somebody writes to or reads from a topic that was never made."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            f"There is no topic {topic!r} in the log: make it first with create_topics([{topic!r}])."
        )
        self.topic = topic


class Fenced(Exception):
    """The commit came too late: another member has the group, or it was rewound. What was polled will be delivered again."""


class LogAway(Exception):
    """The log does not answer, or not in time. Nothing is known about what was asked; ask again later."""


class Reader(Protocol):
    """A member of a group. Used by one thread."""

    def poll(self, limit: int = 500, timeout: float = 1.0) -> list[Delivery]:
        """The next messages, at most `limit`, in order per key; waits up to `timeout` seconds where there are none.

        [] too where another member has the group, or while the members share it out (which may take longer than `timeout`).
        """

    def commit(self) -> None:
        """Everything that was polled has been handled. Raises Fenced where the group is no longer this member's."""

    def close(self) -> None:
        """Leave the group, so that another member can take over at once."""


class Log(Protocol):
    """Where events are written and read. Used by any number of threads; every thread that reads has its own reader."""

    def create_topics(self, topics: Sequence[str]) -> None:
        """Make topics that are not there yet."""

    def append(self, topic: str, messages: Sequence[Message]) -> list[int]:
        """Write a batch; returns the indexes of what is acknowledged, in rising order.

        That is all of it, or a part where something failed on the way. Raises where nothing was acknowledged.
        """

    def reader(self, group: str, topics: Sequence[str], member: str | None = None) -> Reader:
        """Join a group. `member` is a name no other member has; by default it is made up."""

    def rewind(self, group: str) -> None:
        """Set a group back to the beginning of its topics. A member in the middle of a batch is fenced, and begins anew.

        A member that polls before it has noticed may get a batch of the old order; its commit is fenced too.
        """

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        """How many messages of each topic stand there that the group has not committed."""

    def read(self, topic: str) -> Iterator[list[Delivery]]:
        """All that stands in a topic when the reading begins, from the beginning, in order per key, in batches."""

    def close(self) -> None:
        """Give back connections."""


def open_log(settings: Settings) -> Log:
    """The log that the settings name. Raises BadSetting for an address that cannot be one; needs nothing to answer yet."""
    if settings.log == "kafka":  # imported only where it is used: no web process opens the log
        from shared.log.kafka import KafkaLog

        return KafkaLog(
            settings.kafka_bootstrap,
            settings.database_prefix,
            settings.kafka_partitions,
            settings.kafka_replication,
        )
    from shared import mongo
    from shared.log.embedded import EmbeddedLog

    client = mongo.connect(settings.mongo_url)
    return EmbeddedLog(mongo.database(client, settings.database("log")))
