"""What must be true of a whole system at rest, counted from outside: the log, the documents, the read models, the SMS that left.

    world = World(stack)
    world.at_rest()            # waits until nothing is under way
    world.check()              # raises AssertionError, with what is wrong

    check(world.picture())     # the same; a Picture is plain data, so a test can spoil one and see that it is found out

The log is read as any consumer reads it. Nothing here knows how a service came to what it has.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared import mongo
from shared.embedded.stack import Stack
from shared.events import CATALOGUE, TOPICS, declared
from shared.events.cloudevents import Envelope, from_message
from shared.log import open_log
from shared.log.embedded import PREFIX
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
    stack: Stack

    @cached_property
    def client(self) -> Any:
        return mongo.connect(self.stack.mongo_url)

    def database(self, service: str) -> Any:
        return mongo.database(self.client, service)

    def documents(self, service: str, collection: str) -> list[dict[str, Any]]:
        return list(self.database(service)[collection].find({}))

    def close(self) -> None:
        self.client.close()

    # ------------------------------------------------------------------ the log

    def log(self) -> list[Envelope]:
        """Every event on the log, topic by topic, in the order in which it stands there."""
        log = open_log(Settings(mongo_url=self.stack.mongo_url))
        found: list[Envelope] = []
        try:
            for topic in TOPICS:
                log.rewind(f"oracle-{topic}")
                reader = log.reader(f"oracle-{topic}", [topic])
                seen = 0
                while deliveries := _poll(reader, seen, self.length(topic)):
                    found += [from_message(delivery.message) for delivery in deliveries]
                    seen += len(deliveries)
                reader.close()
        finally:
            log.close()
        return found

    def length(self, topic: str) -> int:
        return self.database("log")[PREFIX + topic].count_documents({})

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
        """Wait until nothing is under way: every group has read everything, no SMS is due, no outbox waits."""
        until(self._is_at_rest, "everything at rest", seconds)

    def _is_at_rest(self) -> bool:
        """In this order, and the log as long as before: a reaction that ends while we look shows in what is looked at later."""
        lengths = self._lengths()
        return (
            all(self._has_read_all(service, lengths) for service in AGGREGATES)
            and not self.database("notifications")["messages"].count_documents({"state": {"$in": UNDER_WAY}})
            and not any(
                self.database(service)[name].count_documents({"outbox.0": {"$exists": True}})
                for service, names in AGGREGATES.items()
                for name in names
            )
            and self._lengths() == lengths
        )

    def _lengths(self) -> dict[str, int]:
        return {topic: self.length(topic) for topic in TOPICS}

    def _has_read_all(self, service: str, lengths: Mapping[str, int]) -> bool:
        """Whether a service's group has handled everything on the topics that it listens to."""
        group = self.database("log")["groups"].find_one({"_id": service}) or {"positions": []}
        read = {entry["topic"]: entry["position"] for entry in group["positions"]}
        topics = importlib.import_module(f"services.{service}.reactions").TOPICS
        return all(read.get(topic, 0) == lengths[topic] for topic in topics)


def _poll(reader: Any, seen: int, length: int) -> list[Any]:
    """The next deliveries; [] at the end of the topic."""
    if seen >= length:
        return []
    return until(lambda: reader.poll(500, 1.0), "the log can be read")


# ---------------------------------------------------------------------------------------------- what must be true


def check(picture: Picture) -> dict[str, int]:
    """All that must hold of any system at rest; returns what was counted. Raises AssertionError, with what is wrong."""
    check_nothing_is_put_aside(picture)
    for subject, events in picture.by_subject.items():
        check_order(subject, events)
        check_nobody_falls_through(subject, events)
    check_documents(picture)
    check_timeline(picture)
    check_worklist(picture)
    check_sms(picture)
    return {
        "events": len(picture.unique),
        "repeats": len(picture.log) - len(picture.unique),
        "sms": len(picture.sms),
    }


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
        assert document["sequence"] == (last.sequence if last else ""), (
            f"{id}: the log does not end where the document does"
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
    assert (missing, invented) == ([], []), "what is not on the timeline, and what is not on the log"


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


def check_order(subject: str, events: list[Envelope]) -> None:
    """Numbers go up by one and leave none out; an event may be there again, but nothing new comes before its turn."""
    top = 0
    for envelope in events:
        number = int(envelope.sequence.rpartition("-")[2])
        assert number <= top + 1, f"{subject}: {envelope.sequence} follows {top}: something is missing"
        top = max(top, number)


def check_nobody_falls_through(subject: str, events: list[Envelope]) -> None:
    """After each event of a thing that is not finished somebody has something to do, and everything that is open says who and when."""
    for envelope in events:
        said = f"{envelope.type} {envelope.sequence} of {subject}"
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
