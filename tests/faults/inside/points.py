"""The points at which a process can be hit, wrapped around the product's own functions.

| point | the process has |
|---|---|
| `command:before-write` | decided on a command; nothing of it is written (or, in a transaction, not committed) |
| `web:committed` | committed a command; its answer has not left |
| `relay:before-append` | looked whose turn it is; nothing is on the log |
| `relay:acknowledged` | the log's acknowledgement; nothing is removed from an outbox |
| `relay:half-removed` | removed a half of what was acknowledged |
| `relay:waiting` | found nothing to publish, and waits in a change stream |
| `consumer:waiting` | the same of a consumer of the embedded log |
| `consumer:polled` | a batch, of which nothing is handled |
| `consumer:read-models` | let the read models take the batch; no reaction has run |
| `reaction:before-write` | decided on a reaction; nothing is written |
| `reaction:written` | written a reaction; the positions are not committed |
| `consumer:handled` | handled the whole batch; the positions are not committed |
| `consumer:committed` | committed the positions |

And `web:in-hand`, where a web process lingers by itself with the answer to a request that the harness has marked (`orders.IN_HAND`).

A name of the product that is not there any more is an error at the start of the process, and never a point that is not reached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from tests.faults.inside import orders
from tests.faults.inside.orders import reached

PLACE_LOST = {136, 286}
"""CappedPositionLost, ChangeStreamHistoryLost: what a change stream stood at is not in the oplog any more."""
RETRY_PARKED_WITHIN = 2.0
"""Parked keys are tried again at least so often (seconds), not after up to five minutes as in earnest: a test must end."""


def install(part: str) -> None:
    _aggregates()
    if "-worker" in part:
        _relay()
        _consumer()
        _streams()
    else:
        _web()


def _web() -> None:
    from flask import Flask, g, request

    answer = Flask.full_dispatch_request

    @wraps(answer)
    def full_dispatch_request(self: Flask) -> Any:
        response = answer(self)
        if request.method == "POST" and response.status_code < 300:
            reached("web:committed")
        if g.request_id == orders.IN_HAND:
            orders.linger("web:in-hand")
        return response

    Flask.full_dispatch_request = full_dispatch_request


def _aggregates() -> None:
    from shared.aggregate import Aggregates

    envelopes = Aggregates._envelopes

    @wraps(envelopes)
    def deciding(self: Aggregates, *arguments: Any) -> list[dict[str, Any]]:
        decided = envelopes(self, *arguments)
        reached("reaction:before-write" if arguments[-1] else "command:before-write")
        return decided

    def writing(write: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(write)
        def written(self: Aggregates, *arguments: Any) -> Any:
            saved = write(self, *arguments)
            if arguments[-2]:
                reached("reaction:written")
            return saved

        return written

    Aggregates._envelopes = deciding
    Aggregates._insert, Aggregates._update = writing(Aggregates._insert), writing(Aggregates._update)


def _relay() -> None:
    from shared.relay import Relay

    publish, pull = Relay.publish, Relay._pull

    @wraps(publish)
    def publishing(self: Relay, due: Any) -> int:
        reached("relay:before-append")
        return publish(self, due)

    @wraps(pull)
    def pulling(self: Relay, due: Any, event_ids: list[str]) -> None:
        if event_ids:
            reached("relay:acknowledged")
        if len(event_ids) > 1 and (what := orders.take("relay:half-removed")):
            pull(self, due, event_ids[::2])
            orders.carry_out(what, "relay:half-removed")
        pull(self, due, event_ids)

    Relay.publish, Relay._pull = publishing, pulling


def _streams() -> None:
    """Whoever waits in a change stream, by the name of his thread; and that he hears that his place in it is lost."""
    from pymongo.errors import OperationFailure
    from pymongo.synchronous.change_stream import ChangeStream

    try_next = ChangeStream.try_next

    @wraps(try_next)
    def waiting(self: ChangeStream) -> Any:
        point = f"{threading.current_thread().name}:waiting"
        reached(point)
        try:
            return try_next(self)
        except OperationFailure as error:
            if error.code in PLACE_LOST:
                orders.note("lost", point)
            raise

    ChangeStream.try_next = waiting


def _consumer() -> None:
    from shared import parking
    from shared.consumer import Consumer
    from shared.log import Fenced

    parking.LAST_RETRY = RETRY_PARKED_WITHIN
    handle, together, one, reaction_of, join = (
        Consumer.handle,
        Consumer._together,
        Consumer._one,
        Consumer._reaction,
        Consumer._join,
    )

    @wraps(handle)
    def handling(self: Consumer, deliveries: Any) -> None:
        reached("consumer:polled")
        handle(self, deliveries)
        reached("consumer:handled")

    @wraps(together)
    def taking_together(self: Consumer, envelopes: Any) -> bool:
        taken = together(self, envelopes)
        reached("consumer:read-models")
        return taken

    @wraps(one)
    def handling_one(self: Consumer, envelope: Any, call: Any, **more: Any) -> Any:
        self._in_hand = envelope
        failure = one(self, envelope, call, **more)
        if failure is None:
            orders.handled(self._service, envelope.partitionkey, envelope.sequence)
        return failure

    @wraps(reaction_of)
    def finding_reaction(self: Consumer, type: str) -> Any:
        orders.fail_if_bugged(self._service, type, self._in_hand.data.get("family_id", ""))
        return reaction_of(self, type)

    @wraps(join)
    def joining(self: Consumer) -> Any:
        reader = join(self)
        commit = reader.commit

        def committing() -> None:
            try:
                commit()
            except Fenced:
                orders.note("fenced", "consumer:committed")
                raise
            reached("consumer:committed")

        reader.commit = committing
        return reader

    Consumer.handle, Consumer._together, Consumer._one = handling, taking_together, handling_one
    Consumer._reaction, Consumer._join = finding_reaction, joining
