"""Carries events from the outboxes of a service's aggregates to its topic of the log.

    relay = Relay("casework", [cases.collection], "birtereze.casework", log, Lease(database["leases"], "relay"))
    relay.run(stop)                                   # in a thread of the worker, until `stop` is set

A round takes up to `ROUND` documents with `pending`, the longest waiting first, and of each **the first event of its outbox**. It
appends them as one batch and then pulls exactly what the log acknowledged. So an aggregate never has two events under way, and its
order holds whatever dies when: what was appended and not yet pulled is appended again (a repeat, which every reaction ignores), and
nothing is lost. `version` is not touched: a person with a form open notices nothing.

`pending` says since when a document waits for its turn. Pulling clears it where the outbox is empty and sets it to the database's
time where more is waiting, acknowledged or not: the document goes to the end of the queue. So 500 aggregates with a
thousand events each do not starve the 501st, and neither does one whose event the log (a partition of it) does not take. How
long the *event* waits is measured by its own time.

The partial index on `pending` is the truth; a change stream only wakes (`shared.news`). The lease is economy: several relays at
once make repeats, never a loss or a wrong order. Any error is waited out with a growing pause. An outbox entry that cannot be
made into a message (a bug) is counted, logged and left where it is, and holds up nothing but its own aggregate.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from pymongo.collection import Collection

from shared import mongo, news, telemetry
from shared.events.cloudevents import Envelope, to_message
from shared.lease import Lease
from shared.log import Log, Message

ROUND = 500
"""Documents in a round: a pull of 2,000 costs eight times one of 500."""
COUNTED = 10_000
"""Up to how many waiting documents are counted: beyond that the exact number says nothing more."""
LONGEST_SLEEP = 1.0
"""Seconds after which the index is looked at even if nothing woke us."""
STANDBY = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
WAITING = {"pending": {"$type": "date"}}
"""As the partial index of the aggregate store says it."""
NOT_KNOWN = float("nan")
"""Not zero: what cannot be found out is not shown as nothing."""

log_lines = telemetry.logger()
published = telemetry.counter(
    "birtereze_relay_published_total", "Events the log has acknowledged.", ["service"]
)
failures = telemetry.counter(
    "birtereze_relay_failures_total", "Rounds of the relay that failed.", ["service"]
)
unpublishable = telemetry.counter(
    "birtereze_relay_unpublishable_total",
    "Times an outbox entry could not be made into a message.",
    ["service"],
)
waiting = telemetry.gauge(
    "birtereze_relay_backlog", "Aggregates with events that are not on the log.", ["service"]
)
oldest = telemetry.gauge(
    "birtereze_relay_oldest_seconds", "Age of the oldest event not on the log.", ["service"]
)


@dataclass(frozen=True)
class Due:
    """A document whose turn it is, with the first entry of its outbox (None where there is none)."""

    collection: Collection
    id: str
    since: datetime
    entry: dict[str, Any] | None


class Relay:
    """The relay of one service. `collections`: those of all its aggregate stores, of one database."""

    def __init__(
        self, service: str, collections: Sequence[Collection], topic: str, log: Log, lease: Lease
    ) -> None:
        self._service = service
        self._collections = list(collections)
        self._database = self._collections[0].database
        self._topic = topic
        self._log = log
        self._lease = lease
        self.last_seen: float | None = None
        """`time.monotonic()` of the last time the log answered."""

    def run(self, stop: threading.Event) -> None:
        """Carry events until `stop` is set, whatever fails."""
        pause = FIRST_PAUSE
        while not stop.is_set():
            try:
                if not self._lease.hold():
                    stop.wait(STANDBY)
                    continue
                due = news.wait_for(self.due, self._database, self._saved(), LONGEST_SLEEP)
                if not due or not self._lease.valid():
                    continue
                if self.publish(due):
                    pause = FIRST_PAUSE
                    continue
            except Exception as error:
                failures.labels(self._service).inc()
                log_lines.warning("relay: a round failed", exc_info=error)
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._give_back()

    def due(self) -> list[Due]:
        """Whose turn it is: the longest waiting of all collections, at most `ROUND`."""
        found = [
            Due(
                collection, document["_id"], document["pending"], next(iter(document.get("outbox", [])), None)
            )
            for collection in self._collections
            for document in collection.find(WAITING, {"pending": 1, "outbox": {"$slice": 1}})
            .sort("pending", 1)
            .limit(ROUND)
        ]
        return sorted(found, key=lambda due: due.since)[:ROUND]

    def publish(self, due: Sequence[Due]) -> int:
        """Append the first event of each document, and pull what the log acknowledged. Returns how many that were."""
        events = [(one.entry["id"], message) for one in due if (message := self._message(one)) is not None]
        acknowledged = []
        if events:
            acknowledged = self._log.append(self._topic, [message for _, message in events])
            self.last_seen = time.monotonic()
        self._pull(due, [events[index][0] for index in acknowledged])
        published.labels(self._service).inc(len(acknowledged))
        return len(acknowledged)

    def backlog(self) -> int:
        """How many aggregates wait (counted up to `COUNTED` in each collection); also sets the metrics, NaN where it fails.

        True of the whole service, also where another process has the lease.
        """
        count = age = NOT_KNOWN
        try:
            count = sum(found.count_documents(WAITING, limit=COUNTED) for found in self._collections)
            age = self.age_of_oldest() if count else 0.0
        finally:
            waiting.labels(self._service).set(count)
            oldest.labels(self._service).set(age)
        return count

    def age_of_oldest(self) -> float:
        """Seconds since the oldest event that is not on the log; 0 where all are. One look into the index of each collection."""
        first = [
            document
            for collection in self._collections
            for document in collection.find(WAITING, {"outbox.time": 1}).sort("outbox.time", 1).limit(1)
        ]
        times = [
            entry["time"] for document in first for entry in document.get("outbox", []) if entry.get("time")
        ]
        if not times:
            return 0.0
        return max(0.0, (mongo.database_time(self._database.client) - min(times)).total_seconds())

    def _message(self, due: Due) -> Message | None:
        if due.entry is None:
            return None
        try:
            return to_message(msgspec.convert(due.entry, Envelope))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            unpublishable.labels(self._service).inc()
            log_lines.error("relay: an outbox entry is no event", aggregate=due.id, exc_info=error)
            return None

    def _pull(self, due: Sequence[Due], event_ids: list[str]) -> None:
        by_collection: dict[Collection, list[str]] = defaultdict(list)
        for one in due:
            by_collection[one.collection].append(one.id)
        left = {"$filter": {"input": "$outbox", "cond": {"$not": {"$in": ["$$this.id", event_ids]}}}}
        turn = {"$cond": [{"$eq": [{"$size": "$outbox"}, 0]}, "$$REMOVE", "$$NOW"]}
        for collection, ids in by_collection.items():
            if self._pull_only_ones(collection, ids, event_ids) < len(ids):
                collection.update_many(
                    {"_id": {"$in": ids}, **WAITING},
                    [{"$set": {"outbox": left}}, {"$set": {"pending": turn}}],
                )

    @staticmethod
    def _pull_only_ones(collection: Collection, ids: list[str], event_ids: list[str]) -> int:
        """Of documents that had nothing else to tell, which are nearly all: it costs the database two thirds of the update that
        works out what is left. Returns how many that were."""
        acknowledged = {"outbox.0.id": {"$in": event_ids}, "outbox": {"$size": 1}}
        nothing_left = {"$set": {"outbox": []}, "$unset": {"pending": ""}}
        return collection.update_many({"_id": {"$in": ids}, **acknowledged}, nothing_left).modified_count

    def _saved(self) -> dict[str, Any]:
        """The changes that wake: a document of ours got (another) `pending`."""
        return {
            "ns.coll": {"$in": [collection.name for collection in self._collections]},
            "$or": [
                {"operationType": "insert"},
                {"updateDescription.updatedFields.pending": {"$exists": True}},
            ],
        }

    def _give_back(self) -> None:
        try:
            self._lease.release()
        except Exception as error:  # it runs out by itself
            log_lines.info("relay: lease not given back", exc_info=error)
