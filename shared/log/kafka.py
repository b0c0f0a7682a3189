"""The event log on Kafka: how it grows (see `shared.log` for what it guarantees).

A topic is a topic with a fixed number of partitions, keyed by the message's key, kept for ever; a group is a consumer group. On
the broker both carry `prefix`, so that several stacks can share it. A position is `<partition>/<offset>`.

The producer is idempotent and waits for all replicas. Nothing of a key is sent before what comes ahead of it in the batch has been
acknowledged, for a message that failed might arrive late. After a failed or late send the producer is closed by force and the next
call makes a new one: the old one, with messages under way, may stay stuck when the broker is back.

`rewind` removes the members and deletes the group while it is empty; a late commit is one of a stranger then, and refused.

Clients are made when they are needed: opening the log needs no broker, only a usable address (BadSetting). They live in workers
and commands, never in a web process. What kafka-python needs is in `kafka_client`, a member of a group in `kafka_reader`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from shared import telemetry
from shared.lease import unique_name
from shared.log import Delivery, LogAway, Message, UnknownTopic
from shared.log.kafka_client import (
    PAUSE_SECONDS,
    REQUEST_SECONDS,
    admin,
    answering,
    ask,
    brokers,
    connected,
    delivery,
    fields,
    kafka,
    milliseconds,
)
from shared.log.kafka_reader import KafkaReader

errors = kafka.errors

APPEND_SECONDS = 5.0
"""How long `append` waits for acknowledgements."""
DELIVERY_SECONDS, BLOCK_SECONDS = 4.0, 3.0
"""When the producer itself gives up a message, and a send that cannot even be queued."""
BATCH_BYTES, LINGER_SECONDS = 256 * 1024, 0.002
"""A partition has one batch under way, so a turn of `append` should fit into one."""
MADE_SECONDS = 10.0
"""How long a topic just made may take until all of it can be used."""
UNKNOWN_SECONDS = 0.5
"""How long a topic has to be unknown: a broker that has just started may not know all of them yet."""
REWIND_SECONDS = 30.0
READ_AT_ONCE = 500
FOREVER = "-1"

log_lines = telemetry.logger()


class KafkaLog:
    """The log on the brokers at `bootstrap` (`host:port,…`). `partitions` and `replication` are those of topics it makes."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int, replication: int) -> None:
        self._addresses = brokers(bootstrap)
        self._prefix = prefix
        self._new = {
            "num_partitions": partitions,
            "replication_factor": replication,
            "configs": {
                "cleanup.policy": "delete",
                "retention.ms": FOREVER,
                "retention.bytes": FOREVER,
                # One replica may be away. With three, what is acknowledged is on two nonetheless.
                "min.insync.replicas": str(max(1, replication - 1)),
            },
        }
        self._known: dict[str, list[kafka.TopicPartition]] = {}
        self._producer: kafka.KafkaProducer | None = None
        self._lock = threading.Lock()

    def create_topics(self, topics: Sequence[str]) -> None:
        names = [self._prefix + topic for topic in topics]
        with admin(self._addresses) as client:
            for name in names:
                with suppress(errors.TopicAlreadyExistsError):
                    client.create_topics({name: self._new})
            client.wait_for_topics(names, timeout_ms=milliseconds(MADE_SECONDS))

    def append(self, topic: str, messages: Sequence[Message]) -> list[int]:
        name = self._partitions(topic)[0].topic
        end = time.monotonic() + APPEND_SECONDS
        acknowledged: list[int] = []
        for turn in _turns(messages):
            done, error = self._send(name, [messages[index] for index in turn], end)
            acknowledged += [index for index, there in zip(turn, done, strict=True) if there]
            if error is not None:
                if not acknowledged:
                    raise LogAway(type(error).__name__) from error
                break
        return sorted(acknowledged)

    def reader(self, group: str, topics: Sequence[str], member: str | None = None) -> KafkaReader:
        partitions = [partition for topic in topics for partition in self._partitions(topic)]
        return KafkaReader(
            self._addresses, self._prefix + group, partitions, self._prefix, member or unique_name()
        )

    def rewind(self, group: str) -> None:
        """Remove all members and, while there is none, the group with its positions. Each member comes back by itself."""
        name = self._prefix + group
        end = time.monotonic() + REWIND_SECONDS

        def empty_and_delete(client: kafka.KafkaAdminClient) -> str:
            members = client.describe_groups([name])[name]["members"]
            client.remove_group_members(
                name, [kafka.admin.MemberToRemove(one["member_id"]) for one in members]
            )
            return client.delete_groups([name])[name]

        while (outcome := ask(self._addresses, empty_and_delete)) not in ("OK", "GroupIdNotFoundError"):
            if time.monotonic() > end:
                raise LogAway(outcome)
            time.sleep(PAUSE_SECONDS)  # a member came back in between

    def lag(self, group: str, topics: Sequence[str]) -> dict[str, int]:
        name = self._prefix + group
        partitions = {topic: self._partitions(topic) for topic in topics}
        every = [partition for some in partitions.values() for partition in some]

        def look(client: kafka.KafkaAdminClient) -> tuple[dict, dict, dict]:
            committed = client.list_group_offsets({name: every})[name]
            first = client.list_partition_offsets(dict.fromkeys(every, kafka.OffsetSpec.EARLIEST))
            ends = client.list_partition_offsets(dict.fromkeys(every, kafka.OffsetSpec.LATEST))
            return committed, first, ends

        committed, first, ends = ask(self._addresses, look)

        def left(partition: kafka.TopicPartition) -> int:
            done = committed[partition].offset if partition in committed else 0
            return ends[partition].offset - max(done, first[partition].offset)

        return {topic: sum(map(left, some)) for topic, some in partitions.items()}

    def read(self, topic: str) -> Iterator[list[Delivery]]:
        return self._read(topic, self._partitions(topic))

    def close(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            _end(producer)

    # ------------------------------------------------------------------ topics

    def _partitions(self, topic: str) -> list[kafka.TopicPartition]:
        """Those of a topic, or UnknownTopic. Asked for once."""
        if topic not in self._known:
            self._known[topic] = self._look_up(topic)
        return self._known[topic]

    def _look_up(self, topic: str) -> list[kafka.TopicPartition]:
        name = self._prefix + topic
        end = time.monotonic() + UNKNOWN_SECONDS
        with admin(self._addresses) as client:
            while True:
                described = client.describe_topics([name])[0]
                code = described["error_code"]
                if not code:
                    return [
                        kafka.TopicPartition(name, one["partition_index"]) for one in described["partitions"]
                    ]
                if time.monotonic() > end:
                    break
                time.sleep(PAUSE_SECONDS)
        if code in (errors.UnknownTopicOrPartitionError.errno, errors.InvalidTopicError.errno):
            raise UnknownTopic(topic)
        raise LogAway(f"error {code} of a topic")

    # ------------------------------------------------------------------ writing

    def _send(
        self, name: str, messages: Sequence[Message], end: float
    ) -> tuple[list[bool], Exception | None]:
        """Send messages of different keys: which of them are acknowledged, and what went wrong with the first other one."""
        sent, done = [], []
        producer = error = None
        try:
            producer = self._ready()
            for message in messages:
                sent.append(producer.send(name, **fields(message)))
        except (errors.KafkaError, LogAway) as failure:
            error = failure
        for future in sent:
            try:
                future.get(timeout=max(0.0, end - time.monotonic()))
                done.append(True)
            except errors.KafkaError as failure:
                error = error or failure
                done.append(False)
        if error is not None and producer is not None:
            self._replace(producer, error)
        return done + [False] * (len(messages) - len(done)), error

    def _ready(self) -> kafka.KafkaProducer:
        with self._lock:
            if self._producer is None:
                self._producer = connected(
                    kafka.KafkaProducer,
                    self._addresses,
                    acks="all",
                    enable_idempotence=True,
                    allow_auto_create_topics=False,
                    batch_size=BATCH_BYTES,
                    linger_ms=milliseconds(LINGER_SECONDS),
                    max_block_ms=milliseconds(BLOCK_SECONDS),
                    delivery_timeout_ms=milliseconds(DELIVERY_SECONDS),
                    request_timeout_ms=milliseconds(BLOCK_SECONDS),
                )
            return self._producer

    def _replace(self, producer: kafka.KafkaProducer, error: Exception) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
        log_lines.warning("log: a send failed, with a new producer from now on", reason=type(error).__name__)
        _end(producer)

    # ------------------------------------------------------------------ reading without a group

    def _read(self, topic: str, partitions: list[kafka.TopicPartition]) -> Iterator[list[Delivery]]:
        wait = milliseconds(REQUEST_SECONDS)
        consumer = connected(
            kafka.KafkaConsumer,
            self._addresses,
            group_id=None,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            request_timeout_ms=wait,
        )
        try:
            with answering():
                consumer.assign(partitions)
                consumer.seek_to_beginning(*partitions)
                ends = consumer.end_offsets(partitions, timeout_ms=wait)
                left = {one for one in partitions if consumer.position(one, timeout_ms=wait) != ends[one]}
            while left:
                with answering():
                    found = consumer.poll(timeout_ms=wait, max_records=READ_AT_ONCE)
                if not found:
                    raise LogAway("nothing came, although there is more")
                yield [
                    delivery(topic, record)
                    for partition, records in found.items()
                    for record in records
                    if record.offset < ends[partition]
                ]
                left -= {one for one, records in found.items() if records[-1].offset + 1 >= ends[one]}
        finally:
            with suppress(errors.KafkaError):
                consumer.close(autocommit=False)


def _turns(messages: Sequence[Message]) -> list[list[int]]:
    """The indexes of a batch in turns, each with one message per key at most: the first of every key, the second, …"""
    turns: list[list[int]] = []
    seen: Counter[str] = Counter()
    for index, message in enumerate(messages):
        turn = seen[message.key]
        if turn == len(turns):
            turns.append([])
        turns[turn].append(index)
        seen[message.key] += 1
    return turns


def _end(producer: kafka.KafkaProducer) -> None:
    """Close it whatever is under way. `close` alone raises then, and leaves threads and connections behind."""
    with suppress(errors.KafkaError):
        producer._sender.force_close()
        producer._sender.join(2.0)
        producer.close(timeout=0)
