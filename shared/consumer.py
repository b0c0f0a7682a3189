"""Lets the events of other services (and a service's own) take effect, each once, in order per key.

    subscription = Subscription(
        group="casework",
        topics=["birtereze.intake", "birtereze.referrals"],
        reactions={type_of(AppealScreened): open_case},          # (Envelope) -> None, one message at a time
        read_models=[timeline, worklist],                        # (Sequence[Envelope]) -> None, a whole poll at once
    )
    consumer = Consumer("casework", subscription, log, database)
    consumer.run(stop)                                           # in a thread of the worker; one consumer per process

Of every poll the read models take the whole batch, in one go; if that fails, they take it one by one, to isolate the poison. Then
the reactions run one message at a time. After that the positions are committed. A process that dies before gets the batch again,
so both have to ignore what they have seen: reactions by `seen` (`Aggregates.react`), read models by the event's id or by
`sequence`. A repeat within one poll is taken out before.

What happens to a message
- Nobody reacts to its type: only the read models see it.
- Another *version* of a type reacted to: parked, until a process that knows it runs.
- An error that may pass (a write conflict, a `Conflict` or `Unavailable` refusal, a time-out): tried again in place, `PAUSES`.
- The database is away: waits without end and is never parked; `stop` ends the wait, and the message is delivered again.
- Anything else, other refusals included, and what still fails after the pauses: **parked** with its key (`shared.parking`).
  Later messages of that key queue behind it; others flow.
- No readable envelope: `dead`.

Parked keys are tried again by themselves, in order, with growing intervals, through read models and reaction both; `replay(key)`
does it now, from any process. Replay and live traffic may run at once, and so may any number of replays: a key is held until its
last parked message has been handled *and then* removed, and the consumer looks at what is held before each batch. What overlaps is
handled twice in the worst case, and never out of order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo.database import Database

from shared import mongo, telemetry
from shared.events.cloudevents import Envelope, UnreadableData, UnreadableEnvelope, from_message
from shared.log import Delivery, Fenced, Log, LogAway, Reader, UnknownTopic
from shared.parking import Arrival, Failure, Parking
from shared.refusals import Conflict, Refusal, Unavailable

Reaction = Callable[[Envelope], None]
ReadModel = Callable[[Sequence[Envelope]], None]

POLL = 500
POLL_SECONDS = 1.0
PAUSES = (0.05, 0.2, 0.5)
"""Seconds between the attempts at a message whose error may pass."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks whether the database is back."""
REPLAY_EVERY = 1.0
REPLAYED_AT_ONCE = 200
"""Parked messages handled before the live ones get their turn again."""
NOT_KNOWN = float("nan")

log_lines = telemetry.logger()
handled = telemetry.counter("birtereze_consumer_handled_total", "Messages handled or parked.", ["service"])
parked_total = telemetry.counter(
    "birtereze_consumer_parked_total", "Messages that failed and were parked.", ["service"]
)
waits = telemetry.counter("birtereze_consumer_waits_total", "Waits for a database that is away.", ["service"])
replayed = telemetry.counter(
    "birtereze_consumer_replayed_total", "Parked messages that were handled after all.", ["service"]
)
lag = telemetry.gauge(
    "birtereze_consumer_lag_messages",
    "Messages of a topic that the service's group has not handled yet.",
    ["service", "topic"],
)
parked_now = telemetry.gauge("birtereze_parked_messages", "Messages parked now.", ["service"])
oldest_parked = telemetry.gauge(
    "birtereze_parked_oldest_seconds", "How long the oldest parked message has been parked.", ["service"]
)
dead_now = telemetry.gauge("birtereze_dead_letters", "Dead letters.", ["service"])


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What a service listens to, and what it does with it. `reactions`: type name → what to do."""

    group: str
    topics: Sequence[str]
    reactions: Mapping[str, Reaction]
    read_models: Sequence[ReadModel] = ()


class UnknownVersion(Exception):
    """An event of a type that we react to, in a version that this build does not know. The text names the type."""


class _Stopped(Exception):
    """The process is to end: what is in hand is left, and delivered again."""


class Consumer:
    """The consumer of one service. `run` is for one thread; `replay` and `measure` for any."""

    def __init__(self, service: str, subscription: Subscription, log: Log | None, database: Database) -> None:
        """`log` may be None for a process that only replays."""
        self.parking = Parking(database)
        self.last_seen: float | None = None
        """`time.monotonic()` of the last time the log answered."""
        self._service = service
        self._subscription = subscription
        self._known = {_without_version(type) for type in subscription.reactions}
        self._log = log
        self._stop = threading.Event()
        self._next_replay = 0.0

    # ------------------------------------------------------------------ the loop

    def run(self, stop: threading.Event) -> None:
        """Handle messages until `stop` is set. Raises UnknownTopic where a topic was never made."""
        self._stop = stop
        try:
            self._until_there(self.parking.ensure_indexes)
            reader = self._until_there(self._join)
        except _Stopped:
            return
        try:
            while not stop.is_set():
                self._turn(reader)
        except _Stopped:
            log_lines.info("consumer: stopped in the middle of a batch, which will be delivered again")
        finally:
            _close(reader)

    def _join(self) -> Reader:
        return self._log.reader(self._subscription.group, self._subscription.topics)

    def _turn(self, reader: Reader) -> None:
        deliveries = self._until_there(reader.poll, POLL, POLL_SECONDS)
        self.last_seen = time.monotonic()
        if deliveries:
            self.handle(deliveries)
            try:
                self._until_there(reader.commit)
            except Fenced:
                log_lines.warning("consumer: another member has taken over", messages=len(deliveries))
        if time.monotonic() >= self._next_replay:
            more = self._until_there(self.replay_due)
            self._next_replay = time.monotonic() + (0.0 if more else REPLAY_EVERY)

    # ------------------------------------------------------------------ a batch

    def handle(self, deliveries: Sequence[Delivery]) -> None:
        """Handle or park every message; when it returns, the batch may be committed."""
        arrivals = self._read(deliveries)
        held = self._until_there(self.parking.held, [arrival.key for arrival in arrivals])
        self._until_there(self.parking.park_behind, [a for a in arrivals if a.key in held])
        free = [arrival for arrival in arrivals if arrival.key not in held]
        together = self._together([arrival.envelope for arrival in free])
        behind: set[str] = set()
        for arrival in free:
            self._look_for_stop()
            if arrival.key in behind:
                self._until_there(self.parking.park_behind, [arrival])
                continue
            failure = self._one(arrival.envelope, self._insist, with_read_models=not together)
            if failure is not None:
                self._park(arrival, failure)
                behind.add(arrival.key)
        handled.labels(self._service).inc(len(deliveries))

    def _read(self, deliveries: Sequence[Delivery]) -> list[Arrival]:
        """The messages with a readable envelope, without repeats; the others are buried."""
        arrivals: dict[str, Arrival] = {}
        for delivery in deliveries:
            try:
                envelope = from_message(delivery.message)
            except UnreadableEnvelope as error:
                log_lines.error(
                    "consumer: dead letter", topic=delivery.topic, position=delivery.position, exc_info=error
                )
                self._until_there(self.parking.bury, delivery, str(error))
                continue
            arrivals.setdefault(envelope.id, Arrival(delivery, envelope))
        return list(arrivals.values())

    def _together(self, envelopes: list[Envelope]) -> bool:
        """Whether all read models took the batch in one go."""
        if not envelopes:
            return True
        for model in self._subscription.read_models:
            try:
                self._insist(model, envelopes)
            except _Stopped:
                raise
            except Exception as error:
                log_lines.warning(
                    "consumer: a batch failed, one by one now", messages=len(envelopes), exc_info=error
                )
                return False
        return True

    def _one(self, envelope: Envelope, call: Callable[..., Any], *, with_read_models: bool) -> Failure | None:
        """Let one message take effect. `call` says how patiently. Answers why it failed, if it did."""
        stage = "read-model"
        with telemetry.continue_trace(envelope.traceparent):
            try:
                if with_read_models:
                    for model in self._subscription.read_models:
                        call(model, [envelope])
                stage = "reaction"
                reaction = self._reaction(envelope.type)
                if reaction is not None:
                    call(reaction, envelope)
            except _Stopped:
                raise
            except Exception as error:
                log_lines.error(
                    "consumer: a message failed",
                    stage=stage,
                    type=envelope.type,
                    event_id=envelope.id,
                    exc_info=error,
                )
                return Failure(stage, reason_of(error))
        return None

    def _reaction(self, type: str) -> Reaction | None:
        reaction = self._subscription.reactions.get(type)
        if reaction is None and _without_version(type) in self._known:
            raise UnknownVersion(f"{type} is a version that this build does not know")
        return reaction

    def _park(self, arrival: Arrival, failure: Failure) -> None:
        parked_total.labels(self._service).inc()
        self._until_there(self.parking.park, arrival, failure)

    # ------------------------------------------------------------------ replay

    def replay(self, key: str, limit: int = REPLAYED_AT_ONCE) -> int:
        """Try what is parked for a key, in order, until one fails. Returns how many messages were handled."""
        count = 0
        while count < limit and (arrival := self.parking.head(key)) is not None:
            self._look_for_stop()
            failure = self._one(arrival.envelope, self._until_there, with_read_models=True)
            if failure is not None:
                self.parking.failed_again(arrival.envelope.id, failure)
                break
            # Only now: whoever looks meanwhile must find the key held.
            self.parking.done(arrival.envelope.id)
            replayed.labels(self._service).inc()
            count += 1
        return count

    def replay_due(self) -> bool:
        """Try the parked keys whose turn it is. Returns whether it left some for want of time."""
        left = REPLAYED_AT_ONCE
        for key in self.parking.due(limit=REPLAYED_AT_ONCE):
            left -= self.replay(key, left) + 1
            if left <= 0:
                return True
        return False

    # ------------------------------------------------------------------ watching

    def measure(self) -> None:
        """Set the gauges of what waits here. What cannot be found out is NaN: not known is not zero."""
        try:
            parked, dead = self.parking.counts()
            age = self.parking.age_of_oldest()
        except Exception as error:
            log_lines.warning("consumer: what is parked is not known", exc_info=error)
            parked = dead = age = NOT_KNOWN
        parked_now.labels(self._service).set(parked)
        dead_now.labels(self._service).set(dead)
        oldest_parked.labels(self._service).set(age)
        for topic, messages in self._lag().items():
            lag.labels(self._service, topic).set(messages)

    def _lag(self) -> Mapping[str, float]:
        try:
            return self._log.lag(self._subscription.group, self._subscription.topics)
        except UnknownTopic:  # of which `run` dies, saying so
            return dict.fromkeys(self._subscription.topics, NOT_KNOWN)
        except Exception as error:
            log_lines.warning("consumer: the lag is not known", exc_info=error)
            return dict.fromkeys(self._subscription.topics, NOT_KNOWN)

    # ------------------------------------------------------------------ patience

    def _insist(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Try again, a few times, while the error may pass."""
        for pause in PAUSES:
            try:
                return self._until_there(action, *arguments)
            except Exception as error:
                if not may_pass(error):
                    raise
            self._wait(pause)
        return self._until_there(action, *arguments)

    def _until_there(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """Try again without end while the database or the log is away."""
        pause = FIRST_PAUSE
        while True:
            try:
                return action(*arguments)
            except Exception as error:
                if not is_away(error):
                    raise
                waits.labels(self._service).inc()
                log_lines.warning("consumer: waiting for the database", exc_info=error)
            self._wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopped

    def _look_for_stop(self) -> None:
        if self._stop.is_set():
            raise _Stopped


def is_away(error: BaseException) -> bool:
    """Whether not the message but what we stand on is at fault."""
    return isinstance(error, LogAway) or mongo.is_away(error)


def may_pass(error: BaseException) -> bool:
    """Whether the same message may succeed in a moment."""
    return isinstance(error, Conflict | Unavailable | OSError) or mongo.is_transient(error)


def reason_of(error: BaseException) -> str:
    """The exception's type and where it arose; its text only where that is ours and names types and codes alone."""
    name = type(error).__name__
    if isinstance(error, Refusal):
        name += f" ({error.slug})"
    elif isinstance(error, UnknownVersion | UnreadableData):
        return f"{name}: {error}"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return name
    code = place.tb_frame.f_code
    return f"{name} at {Path(code.co_filename).name}:{place.tb_lineno} {code.co_name}"


def _without_version(type: str) -> str:
    return type.rpartition(".v")[0]


def _close(reader: Reader) -> None:
    try:
        reader.close()
    except LogAway as error:  # the lease runs out by itself
        log_lines.info("consumer: left the group without saying so", exc_info=error)
