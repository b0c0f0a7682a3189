"""What must be true of a whole system at rest, counted from outside: the log, the documents, the read models, the SMS that left.

    world = World(stack)
    world.at_rest()            # waits until nothing is under way
    world.check()              # raises AssertionError, with what is wrong

    check(world.picture())     # the same; a Picture is plain data, so a test can spoil one and see that it is found out

The log is read from its beginning. Nothing here knows how a service came to what it has.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from shared import mongo
from shared.embedded.stack import Stack
from shared.events import CATALOGUE, TOPICS, declared
from shared.events.cloudevents import Envelope, UnreadableEnvelope, from_message
from shared.log import Log, open_log
from shared.settings import Settings
from tests.callers import until

AGGREGATES = {
    "intake": ("appeals", "families", "persons"),
    "casework": ("cases",),
    "referrals": ("referrals",),
    "notifications": ("messages",),
}
ASIDE = ("parked", "dead")
BESIDE = {
    "intake": ("timeline", "worklist", "access_log"),
    "casework": ("access_log",),
    "referrals": ("access_log",),
}
"""What else a picture shows of a service."""
WAITING = {
    "appeal": {"registered", "screened"},
    "case": {"assessment", "planning", "approval", "implementation", "closing"},
    "referral": {"requested", "accepted", "in-progress", "on-hold"},
    "message": {"undeliverable", "failed", "expired"},
}
"""Kind of thing → states in which something is always to be done (a message that was acknowledged is done)."""
UNDER_WAY = ("created", "sending", "held")
"""States of a message that has still to leave."""


@dataclass(frozen=True)
class Picture:
    """Everything there is at one moment of rest.

    `log`: every event, topic by topic, in the order in which it stands there. `documents`: service → collection → id → document.
    `sms`: the lines of what left.
    """

    log: Sequence[Envelope]
    documents: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
    sms: Sequence[Mapping[str, Any]]

    def aggregates(self) -> dict[str, Mapping[str, Any]]:
        """All documents with an outbox, by id."""
        return {
            id: document
            for service, names in AGGREGATES.items()
            for name in names
            for id, document in self.documents[service][name].items()
        }

    @cached_property
    def unique(self) -> dict[str, Envelope]:
        """The events by their ids: what was published twice is here once."""
        return {envelope.id: envelope for envelope in self.log}

    @cached_property
    def by_subject(self) -> dict[str, list[Envelope]]:
        """The events of each aggregate as they stand on the log, repeats included."""
        found: dict[str, list[Envelope]] = defaultdict(list)
        for envelope in self.log:
            found[envelope.subject].append(envelope)
        return found


@dataclass
class World:
    """What there is of a stack. `settings`: how its log is reached, where that is not the embedded one."""

    stack: Stack
    settings: Settings | None = field(default=None, kw_only=True)

    @cached_property
    def client(self) -> Any:
        return mongo.connect(self.stack.mongo_url)

    @cached_property
    def known(self) -> Settings:
        return self.settings or Settings(mongo_url=self.stack.mongo_url)

    @cached_property
    def event_log(self) -> Log:
        return open_log(self.known)

    def database(self, service: str) -> Any:
        return mongo.database(self.client, self.known.database(service))

    def documents(self, service: str, collection: str) -> list[dict[str, Any]]:
        return list(self.database(service)[collection].find({}))

    def close(self) -> None:
        self.event_log.close()
        self.client.close()

    def log(self) -> list[Envelope]:
        """Every event on the log, topic by topic, in the order in which it stands there. What is no event is left out."""
        deliveries = (
            delivery for topic in TOPICS for batch in self.event_log.read(topic) for delivery in batch
        )
        return [envelope for each in deliveries if (envelope := _envelope(each)) is not None]

    def sms(self) -> list[dict[str, Any]]:
        """The SMS that left."""
        path = self.stack.data_dir / "sms" / "outbox.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def picture(self) -> Picture:
        """All of it. Make it at rest: it is not one snapshot."""
        documents = {
            service: {
                name: {each["_id"]: each for each in self.documents(service, name)}
                for name in (*names, *ASIDE, *BESIDE.get(service, ()))
            }
            for service, names in AGGREGATES.items()
        }
        return Picture(self.log(), documents, self.sms())

    def check(self) -> dict[str, int]:
        """All that must hold; returns what was counted."""
        return check(self.picture())

    # ------------------------------------------------------------------ at rest

    def at_rest(self, seconds: float = 60.0) -> None:
        """Wait until nothing is under way. Fails with what still is."""
        under_way: list[str] = []

        def rests() -> bool:
            under_way[:] = self.under_way()
            return not under_way

        try:
            until(rests, "everything at rest", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; {', '.join(under_way)}") from None

    def under_way(self) -> list[str]:
        """What is under way; nothing: every group has handled everything, no SMS is due, no outbox waits, no key is parked.

        In this order, and nothing saved meanwhile: outboxes first, so that what left one while we look is missed by a group later.
        """
        saved = self._saved()
        return (
            [f"unpublished: {name}" for name in self._aggregates() if self._waits(*name.split("."))]
            or [f"unread by {service}" for service in AGGREGATES if not self._has_read_all(service)]
            or [f"parked in {service}" for service in AGGREGATES if self._has(service, "parked", {})]
            or ["SMS" for state in UNDER_WAY if self._has("notifications", "messages", {"state": state})]
            or (["saving"] if self._saved() != saved else [])
        )

    def _aggregates(self) -> list[str]:
        return [f"{service}.{name}" for service, names in AGGREGATES.items() for name in names]

    def _waits(self, service: str, name: str) -> bool:
        return self._has(service, name, {"outbox.0": {"$exists": True}})

    def _has(self, service: str, name: str, query: Mapping[str, Any]) -> bool:
        return self.database(service)[name].find_one(query, {"_id": 1}) is not None

    def _has_read_all(self, service: str) -> bool:
        return self.unread(service) == 0

    def unread(self, service: str) -> int:
        """How many messages a service's group has not handled yet, on all topics that it listens to."""
        topics = importlib.import_module(f"services.{service}.reactions").TOPICS
        return sum(self.event_log.lag(service, topics).values())

    def _saved(self) -> list[Any]:
        """Changes with every save of an aggregate."""
        versions = {"$group": {"_id": None, "versions": {"$sum": "$version"}}}
        return [
            list(self.database(service)[name].aggregate([versions]))
            for service, names in AGGREGATES.items()
            for name in names
        ]


def _envelope(delivery: Any) -> Envelope | None:
    try:
        return from_message(delivery.message)
    except UnreadableEnvelope:
        return None


# ---------------------------------------------------------------------------------------------- what must be true


def check(picture: Picture) -> dict[str, int]:
    """All that must hold of any system at rest; returns what was counted. Raises AssertionError, with what is wrong."""
    for each in CHECKS.values():
        each(picture)
    return counted(picture)


def counted(picture: Picture) -> dict[str, int]:
    return {
        "events": len(picture.unique),
        "repeats": len(picture.log) - len(picture.unique),
        "sms": len(picture.sms),
    }


def differences(picture: Picture) -> dict[str, str]:
    """Everything that does not hold: name of the check → what is wrong."""
    found = {}
    for name, each in CHECKS.items():
        try:
            each(picture)
        except AssertionError as wrong:
            found[name] = str(wrong)
    return found


def check_nothing_is_put_aside(picture: Picture) -> None:
    for service, collections in picture.documents.items():
        for name in ASIDE:
            aside = [(each.get("type"), each["reason"]) for each in collections[name].values()]
            assert not aside, f"{name} in {service}: {aside}"


def check_documents(picture: Picture) -> None:
    """Each aggregate is where its last event on the log says: nothing saved that was not told, nothing told that was not saved."""
    aggregates = picture.aggregates()
    for id, document in aggregates.items():
        told = picture.by_subject.get(id, [])
        last = max(told, key=lambda envelope: envelope.sequence, default=None)
        ends = last.sequence if last else ""
        assert document["sequence"] == ends, (
            f"{id}: the document ends at {document['sequence']}, the log at {ends} ({last and last.type})"
        )
        assert not document["outbox"], f"{id} still has events to publish"
        if last and "open" in document:
            told_open = [item["item"] for item in last.data["open"]]
            assert [item["item"] for item in document["open"]] == told_open, (
                f"{id}: other things are open than it told"
            )
    unknown = [subject for subject in picture.by_subject if subject not in aggregates]
    assert not unknown, f"on the log, and not there: {unknown}"


def check_timeline(picture: Picture) -> None:
    rows = picture.documents["intake"]["timeline"]
    missing = [envelope.type for id, envelope in picture.unique.items() if id not in rows]
    invented = [row["name"] for id, row in rows.items() if id not in picture.unique]
    assert (missing, invented) == ([], []), f"not on the timeline: {missing}; not on the log: {invented}"


def check_worklist(picture: Picture) -> None:
    expected = {}
    for subject, events in picture.by_subject.items():
        last = max(events, key=lambda envelope: envelope.sequence)
        for item in last.base().open:
            expected[f"{subject}:{item.item}"] = (last.data["holder"], item.due_at, item.owner.id)
    rows = {
        id: (row["holder"], row["due_at"], row["owner"]["id"])
        for id, row in picture.documents["intake"]["worklist"].items()
        if row["open"]
    }
    assert rows == expected, "the worklist is not what the last event of each thing says"


def check_sms(picture: Picture) -> None:
    """Each reference left once, and is a message that says so."""
    references = [line["reference"] for line in picture.sms]
    assert len(set(references)) == len(references), "an SMS left twice"
    messages = picture.documents["notifications"]["messages"]
    told = {id for id, message in messages.items() if message["state"] == "sent"}
    assert told == set(references), "what is said to be sent is not what left"


def check_order(picture: Picture) -> None:
    """Numbers go up by one and leave none out; an event may be there again, but nothing new comes before its turn."""
    for subject, events in picture.by_subject.items():
        top = 0
        for envelope in events:
            number = int(envelope.sequence.rpartition("-")[2])
            assert number <= top + 1, f"{subject}: {envelope.sequence} follows {top}: something is missing"
            top = max(top, number)


def check_repeats(picture: Picture) -> None:
    """What is there again is the same event; nothing was told that was then saved otherwise."""
    places: dict[tuple[str, str], str] = {}
    for envelope in picture.log:
        said = f"{envelope.type} {envelope.sequence} of {envelope.subject}"
        assert picture.unique[envelope.id] == envelope, f"{said}: told again, and otherwise"
        place = places.setdefault((envelope.subject, envelope.sequence), envelope.id)
        assert place == envelope.id, f"{said}: two events under one number"


def check_nobody_falls_through(picture: Picture) -> None:
    """After each event of a thing that is not finished somebody has something to do, and everything that is open says who and when."""
    for envelope in picture.log:
        said = f"{envelope.type} {envelope.sequence} of {envelope.subject}"
        if envelope.type not in CATALOGUE:  # of a build to come
            continue
        kind = declared(CATALOGUE[envelope.type]).subject
        state = envelope.data.get("state")
        acknowledged = envelope.type.endswith("-acknowledged.v1")
        if state in WAITING.get(kind, ()) and not acknowledged:
            assert envelope.data["open"], f"{said}: {state}, and nobody has anything to do"
        assert envelope.data["holder"], f"{said}: nobody answers for it"
        for item in envelope.data["open"]:
            complete = (
                item["owner"]["kind"]
                and item["owner"]["id"]
                and item["next_action"]
                and item["due_at"]
                and item["rule"]
            )
            assert complete, f"{said}: {item['item']} does not say who does what by when"


CHECKS: Mapping[str, Callable[[Picture], None]] = {
    "put-aside": check_nothing_is_put_aside,
    "order": check_order,
    "repeats": check_repeats,
    "falls-through": check_nobody_falls_through,
    "documents": check_documents,
    "timeline": check_timeline,
    "worklist": check_worklist,
    "sms": check_sms,
}
"""Everything that must hold of any system at rest, by the names under which a difference is told."""
