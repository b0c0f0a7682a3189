"""Builds broken on purpose: each leaves out one thing that a promise stands on. What a scenario must catch is run on them too.

A build changes the product's functions in a process before anything of the services is imported, and says so in the journal.
The product knows nothing of it. `honest` changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from tests.faults.inside import orders

LATER = 2.0
"""Seconds."""


def honest() -> None:
    """The product as it is."""


def publish_first() -> None:
    """Publishes an event before the change that it tells of is saved."""
    from shared.aggregate import Aggregates
    from shared.events import topic
    from shared.events.cloudevents import Envelope, to_message
    from shared.log import open_log
    from shared.settings import Settings, load

    envelopes = Aggregates._envelopes
    log = []

    @wraps(envelopes)
    def published(self: Aggregates, *arguments: Any) -> list[dict[str, Any]]:
        entries = envelopes(self, *arguments)
        if entries:
            log[:] = log or [open_log(load(Settings))]
            log[0].append(topic(self.service), [to_message(Envelope(**entry)) for entry in entries])
            orders.note("broken", "publish-first")
        return entries

    Aggregates._envelopes = published


def commit_first() -> None:
    """Commits the positions of a batch before it is handled."""
    from shared.consumer import Consumer

    join = Consumer._join

    @wraps(join)
    def joining(self: Consumer) -> Any:
        reader = join(self)
        poll, commit = reader.poll, reader.commit

        def polling(*arguments: Any) -> Any:
            deliveries = poll(*arguments)
            if deliveries:
                commit()
                orders.note("broken", "commit-first")
            return deliveries

        reader.poll = polling
        return reader

    Consumer._join = joining


def no_dedupe() -> None:
    """Lets every delivery and every request take effect anew: `seen` and Idempotency-Keys are ignored, ids are not derived."""
    from shared import aggregate, ids

    until_saved, repeated = aggregate.Aggregates._until_saved, aggregate._repeated

    @wraps(until_saved)
    def forgetting(self: Any, id: str, attempt: Callable, session: Any) -> Any:
        def attempting(document: dict[str, Any] | None) -> Any:
            return attempt({**document, "seen": {}} if document else None)

        return until_saved(self, id, attempting, session)

    @wraps(repeated)
    def never(document: Any, ask: Any) -> bool:
        return False

    def new_id(*parts: str) -> str:
        return str(uuid.uuid4())

    aggregate.Aggregates._until_saved, aggregate._repeated = forgetting, never
    ids.creation_id = new_id
    if orders.service() == "notifications":
        from services.notifications import store

        store.message_id = new_id
    orders.note("broken", "no-dedupe")


def one_node() -> None:
    """Answers when the database has a write in memory (`w: 1`, no journal), and reads what no majority holds."""
    from pymongo import MongoClient, WriteConcern
    from pymongo.client_session import ClientSession
    from pymongo.read_concern import ReadConcern

    from shared import mongo

    with_transaction = ClientSession.with_transaction

    def connect(url: str, *, wait_ms: int = 2000) -> MongoClient:
        orders.note("broken", "w1")
        return MongoClient(
            url,
            w=1,
            journal=False,
            readConcernLevel="local",
            tz_aware=True,
            serverSelectionTimeoutMS=wait_ms,
            connectTimeoutMS=wait_ms,
            socketTimeoutMS=10_000,
        )

    @wraps(with_transaction)
    def in_memory(self: ClientSession, work: Any, **more: Any) -> Any:
        more |= {"write_concern": WriteConcern(1, j=False), "read_concern": ReadConcern("local")}
        return with_transaction(self, work, **more)

    mongo.connect, ClientSession.with_transaction = connect, in_memory


def no_time_outs() -> None:
    """Waits for an answer of the database for as long as it takes."""
    from pymongo import MongoClient

    from shared import mongo

    def connect(url: str, *, wait_ms: int = 2000) -> MongoClient:
        orders.note("broken", "no-time-outs")
        return MongoClient(
            url,
            w="majority",
            journal=True,
            readConcernLevel="majority",
            tz_aware=True,
            serverSelectionTimeoutMS=wait_ms,
            connectTimeoutMS=0,
            socketTimeoutMS=0,
        )

    mongo.connect = connect


def two_in_flight() -> None:
    """The relay sends an aggregate's second event without waiting for the log to acknowledge its first."""
    import msgspec

    from shared.events.cloudevents import Envelope, to_message
    from shared.relay import Relay

    def publish(self: Relay, due: Sequence[Any]) -> int:
        waves: dict[int, list[tuple[str, Any]]] = defaultdict(list)
        for one in due:
            document = one.collection.find_one({"_id": one.id}, {"outbox": 1}) or {"outbox": []}
            for wave, entry in enumerate(document["outbox"][:2]):
                waves[wave].append((entry["id"], to_message(msgspec.convert(entry, Envelope))))
        acknowledged: list[str] = []

        def send(events: list[tuple[str, Any]]) -> None:
            done = self._log.append(self._topic, [message for _, message in events])
            acknowledged.extend(events[index][0] for index in done)

        threads = [threading.Thread(target=send, args=(events,)) for events in waves.values()]
        for thread in reversed(threads):
            thread.start()
        for thread in threads:
            thread.join()
        if len(waves) > 1:
            orders.note("broken", "two-in-flight")
        self._pull(due, acknowledged)
        return len(acknowledged)

    Relay.publish = publish


def by_stream() -> None:
    """The relay publishes what its change stream tells it of. Where the stream has lost its place, it begins another one from now."""
    from types import SimpleNamespace

    from pymongo.errors import PyMongoError

    from shared import relay

    streams: list[Any] = []
    told: set[str] = set()

    def wait_for(look: Callable[[], Any], watched: Any, match: Any, timeout: float) -> Any:
        is_new = not streams
        if is_new:
            streams.append(watched.watch([{"$match": dict(match)}], max_await_time_ms=int(timeout * 1000)))
        try:
            change = None if is_new else streams[0].try_next()
        except PyMongoError:
            orders.note("broken", "by-stream")
            streams[:] = [watched.watch([{"$match": dict(match)}], max_await_time_ms=int(timeout * 1000))]
            return []
        if change:
            told.add(change["documentKey"]["_id"])
        found = [due for due in look() if is_new or due.id in told]
        told.difference_update(due.id for due in found)
        return found

    relay.news = SimpleNamespace(wait_for=wait_for)


def trusting() -> None:
    """The relay takes what it has sent for acknowledged, whatever becomes of it."""
    from shared.relay import Relay

    set_up = Relay.__init__

    @wraps(set_up)
    def with_trust(self: Relay, *arguments: Any) -> None:
        set_up(self, *arguments)
        append = self._log.append

        def sent(topic: str, messages: Sequence[Any]) -> list[int]:
            try:
                append(topic, messages)
            except Exception:
                orders.note("broken", "trusting")
            return list(range(len(messages)))

        self._log = type("TrustedLog", (), {"append": staticmethod(sent)})()

    Relay.__init__ = with_trust


def no_parking() -> None:
    """Leaves out what cannot be handled, and goes on."""
    from shared.consumer import Consumer

    def park(self: Consumer, arrival: Any, failure: Any) -> None:
        orders.note("broken", "no-parking")

    Consumer._park = park


def overtaking() -> None:
    """Does not look whether an earlier message of the same key is parked."""
    from shared.parking import Parking

    def held(self: Parking, keys: Any) -> set[str]:
        orders.note("broken", "overtaking")
        return set()

    Parking.held = held


def abrupt() -> None:
    """A web process that is told to end does so at once, whatever it has in hand."""
    from gunicorn.workers.base import Worker
    from gunicorn.workers.gthread import ThreadWorker

    def end(self: Worker, *signal: Any) -> None:
        orders.note("broken", "abrupt")
        os._exit(0)

    ThreadWorker.handle_exit = end


def away_is_a_bug() -> None:
    """Takes a database that does not answer for a bug, like any other error."""
    from shared import mongo

    is_away = mongo.is_away

    def never(error: BaseException) -> bool:
        if is_away(error):
            orders.note("broken", "away-is-a-bug")
        return False

    mongo.is_away = mongo.is_transient = never


def kept_answers() -> None:
    """While intake does not answer, referrals shows a partner what it was told of the client before."""
    from shared.clients import ServiceClient
    from shared.refusals import Unavailable

    post = ServiceClient.post
    told: dict[str, Any] = {}

    @wraps(post)
    def remembering(self: ServiceClient, path: str, *arguments: Any, **more: Any) -> Any:
        try:
            told[path] = post(self, path, *arguments, **more)
        except Unavailable:
            if path not in told:
                raise
            orders.note("broken", "kept-answers")
        return told[path]

    if orders.service() == "referrals":
        ServiceClient.post = remembering


def noted_later() -> None:
    """Answers, and writes down a little later who has read what."""
    from shared.access_log import AccessLog

    write = AccessLog.write

    @wraps(write)
    def later(*arguments: Any, **more: Any) -> None:
        threading.Timer(LATER, write, arguments, more).start()
        orders.note("broken", "noted-later")

    AccessLog.write = later


def patient() -> None:
    """Referrals waits for intake's answer for five seconds."""
    from shared.clients import ServiceClient

    set_up = ServiceClient.__init__

    @wraps(set_up)
    def for_long(self: ServiceClient, *arguments: Any, **more: Any) -> None:
        set_up(self, *arguments, **{**more, "timeout": 5.0})
        orders.note("broken", "patient")

    if orders.service() == "referrals":
        ServiceClient.__init__ = for_long


def asked_early() -> None:
    """Asks the contact door when there is a message, and goes by that answer when it leaves."""
    if orders.service() != "notifications":
        return
    from services.notifications import sending
    from services.notifications.contact import ContactDoor
    from shared.refusals import Unavailable

    ask, attempt = ContactDoor.ask, sending.attempt
    told: dict[str, Any] = {}

    @wraps(ask)
    def asking(self: ContactDoor, person_id: str, message_id: str, template: str) -> Any:
        if message_id not in told:
            told[message_id] = ask(self, person_id, message_id, template)
        orders.note("broken", "asked-early")
        return told[message_id]

    @wraps(attempt)
    def attempting(service: Any, id: str) -> None:
        message = service.store.messages.get(id).state
        with contextlib.suppress(Unavailable):
            asking(service.door, message.person_id, id, message.template)
        attempt(service, id)

    ContactDoor.ask, sending.attempt = asking, attempting


BUILDS: dict[str, Callable[[], None]] = {
    "honest": honest,
    "publish-first": publish_first,
    "commit-first": commit_first,
    "no-dedupe": no_dedupe,
    "w1": one_node,
    "no-time-outs": no_time_outs,
    "two-in-flight": two_in_flight,
    "by-stream": by_stream,
    "trusting": trusting,
    "no-parking": no_parking,
    "overtaking": overtaking,
    "abrupt": abrupt,
    "away-is-a-bug": away_is_a_bug,
    "kept-answers": kept_answers,
    "patient": patient,
    "asked-early": asked_early,
    "noted-later": noted_later,
}
