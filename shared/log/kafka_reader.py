"""A member of a Kafka group (see `shared.log` for what it promises, and `shared.log.kafka`).

The member is a dynamic one: it leaves when it is closed, and a member that is killed is missed after `SESSION_SECONDS`. When
members come or go the partitions are shared out anew. What was polled and not committed stays polled where the member keeps the
partition, and comes again, to whoever has it, where it does not. A commit holds exactly what was handed out of the partitions that
the member has, and is refused by the broker where the member is none any more; then it begins anew, from what was committed.

kafka-python sometimes waits for its share of a group for ever, or holds one and fetches nothing. So a member that has no share
after `ASSIGNMENT_SECONDS`, or gets nothing for as long although there is something, is closed and made anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from shared import log as port
from shared import telemetry
from shared.log import Delivery, Fenced, LogAway
from shared.log.kafka_client import REQUEST_SECONDS, answering, connected, delivery, kafka, milliseconds

SESSION_SECONDS = 6.0
HEARTBEAT_SECONDS = 1.0
"""How soon a member hears that the partitions are to be shared out anew."""
JOIN_SECONDS = 1.0
"""The shortest poll of a member without a share: shorter ones may never get one."""
ASSIGNMENT_SECONDS = 15.0
"""Longer than a session: so long the group may wait for a member that died."""
QUIET_SECONDS = 3.0
"""After so long without a message the broker is asked whether it is there: an empty poll does not tell."""
ASK_SECONDS = 3.0
COMMIT_SECONDS = 5.0
CLOSE_SECONDS = 2.0

LATE = (
    kafka.errors.CommitFailedError,
    kafka.errors.RebalanceInProgressError,
    kafka.errors.IllegalGenerationError,
    kafka.errors.UnknownMemberIdError,
    kafka.errors.FencedInstanceIdError,
)
log_lines = telemetry.logger()


class KafkaReader(kafka.ConsumerRebalanceListener):
    """A member of `group`. `partitions`: those of all its topics, on the broker; `prefix` is theirs and not the log's."""

    def __init__(
        self,
        addresses: Sequence[str],
        group: str,
        partitions: Sequence[kafka.TopicPartition],
        prefix: str,
        member: str,
    ) -> None:
        self._addresses = addresses
        self._group = group
        self._partitions = list(partitions)
        self._prefix = prefix
        self._member = member
        self._consumer: kafka.KafkaConsumer | None = None
        self._share: set[kafka.TopicPartition] | None = None
        """The partitions that this member has (none may be left for it); None while they are not shared out."""
        self._polled: dict[kafka.TopicPartition, kafka.OffsetAndMetadata] = {}
        """Where to go on in each partition of which something was handed out and not committed."""
        self._well = self._answered = 0.0
        """When this member last had its share and no backlog, or a message; and when the broker last answered."""

    def poll(self, limit: int = 500, timeout: float = 1.0) -> list[Delivery]:
        consumer = self._consumer or self._join()
        wait = timeout if self._share is not None else max(timeout, JOIN_SECONDS)
        with answering():
            found = consumer.poll(timeout_ms=milliseconds(wait), max_records=limit)
        if not found:
            self._look_after(consumer)
            return []
        self._well = self._answered = time.monotonic()
        for partition, records in found.items():
            last = records[-1]
            self._polled[partition] = kafka.OffsetAndMetadata(last.offset + 1, "", last.leader_epoch)
        return [
            delivery(partition.topic.removeprefix(self._prefix), record)
            for partition, records in found.items()
            for record in records
        ]

    def commit(self) -> None:
        if not self._polled:
            return
        with answering():
            try:
                self._consumer.commit(self._polled, timeout_ms=milliseconds(COMMIT_SECONDS))
            except LATE as error:
                self._begin_anew()
                raise Fenced(self._group) from error
        self._polled = {}

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._share, self._polled = None, {}
        if consumer is not None:
            with answering():
                consumer.close(autocommit=False, timeout_ms=milliseconds(CLOSE_SECONDS))

    # ------------------------------------------------------------------ called by the consumer, within a poll

    def on_partitions_revoked(self, revoked: Iterable[kafka.TopicPartition]) -> None:
        """All of them, as long as it is not said who has which."""
        self._share = None

    def on_partitions_assigned(self, assigned: Iterable[kafka.TopicPartition]) -> None:
        """The client goes on where it was in partitions that it had before."""
        self._share = set(assigned)
        self._polled = {one: place for one, place in self._polled.items() if one in self._share}

    def on_partitions_lost(self, lost: Iterable[kafka.TopicPartition]) -> None:
        """The member is none any more."""
        self._share, self._polled = None, {}

    # ------------------------------------------------------------------ joining, and staying well

    def _join(self) -> kafka.KafkaConsumer:
        consumer = connected(
            kafka.KafkaConsumer,
            self._addresses,
            client_id=self._member,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            session_timeout_ms=milliseconds(SESSION_SECONDS),
            heartbeat_interval_ms=milliseconds(HEARTBEAT_SECONDS),
            max_poll_interval_ms=milliseconds(port.HANDLING_LIMIT),
            request_timeout_ms=milliseconds(REQUEST_SECONDS),
        )
        self._consumer = consumer
        consumer.subscribe(topics=sorted({partition.topic for partition in self._partitions}), listener=self)
        # A member that joins before it knows the topics' partitions shares out none of them.
        try:
            self._ends(consumer)
        except LogAway:
            self._begin_anew()
            raise
        self._well = self._answered = time.monotonic()
        return consumer

    def _ends(self, consumer: kafka.KafkaConsumer) -> dict[kafka.TopicPartition, int]:
        with answering():
            return consumer.end_offsets(self._partitions, timeout_ms=milliseconds(ASK_SECONDS))

    def _look_after(self, consumer: kafka.KafkaConsumer) -> None:
        """After an empty poll: raises LogAway where the broker does not answer; begins anew where the member is stuck."""
        now = time.monotonic()
        if now - self._answered < QUIET_SECONDS:
            return
        try:
            ends = self._ends(consumer)
            with answering():
                behind = any(
                    consumer.position(partition, timeout_ms=milliseconds(ASK_SECONDS)) != ends[partition]
                    for partition in self._share or ()
                )
        except LogAway:
            self._well = time.monotonic()  # it is not the member that is stuck
            raise
        self._answered = time.monotonic()
        if self._share is not None and not behind:
            self._well = self._answered
        elif now - self._well > ASSIGNMENT_SECONDS:
            log_lines.warning("log: a member of a group gets nothing and begins anew", group=self._group)
            self._begin_anew()

    def _begin_anew(self) -> None:
        with suppress(LogAway):
            self.close()
