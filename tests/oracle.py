"""What must be true of a whole system at rest, counted from outside: the log, the documents, the read models, the SMS that left.

    world = World(stack)
    world.at_rest()            # waits until nothing is under way
    world.check()              # raises AssertionError, with what is wrong

The log is read as any consumer reads it. Nothing here knows how a service came to what it has.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
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
WAITING = {
    "appeal": {"registered", "screened"},
    "case": {"assessment", "planning", "approval", "implementation", "closing"},
    "referral": {"requested", "accepted", "in-progress", "on-hold"},
    "message": {"undeliverable", "failed", "expired"},
}
"""Kind of thing → states in which something is always to be done (a message that was acknowledged is done)."""


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

    # ------------------------------------------------------------------ at rest

    def at_rest(self, seconds: float = 60.0) -> None:
        """Wait until nothing is under way: no outbox waits, every group has read everything, no SMS is due."""
        until(self._is_at_rest, "everything at rest", seconds)

    def _is_at_rest(self) -> bool:
        waiting = [
            self.database(service)[name].count_documents({"outbox.0": {"$exists": True}})
            for service, names in AGGREGATES.items()
            for name in names
        ]
        on_the_way = {"state": {"$in": ["created", "sending", "held"]}}
        unsent = self.database("notifications")["messages"].count_documents(on_the_way)
        return not any(waiting) and not unsent and all(self._has_read_all(service) for service in AGGREGATES)

    def _has_read_all(self, service: str) -> bool:
        """Whether a service's group has handled everything on the topics that it listens to."""
        group = self.database("log")["groups"].find_one({"_id": service}) or {"positions": []}
        read = {entry["topic"]: entry["position"] for entry in group["positions"]}
        topics = importlib.import_module(f"services.{service}.reactions").TOPICS
        return all(read.get(topic, 0) == self.length(topic) for topic in topics)

    # ------------------------------------------------------------------ what must be true

    def check(self) -> dict[str, int]:
        """All that must hold; returns what was counted."""
        self._check_nothing_is_put_aside()
        log = self.log()
        unique = {envelope.id: envelope for envelope in log}
        by_subject: dict[str, list[Envelope]] = defaultdict(list)
        for envelope in log:
            by_subject[envelope.subject].append(envelope)
        for subject, events in by_subject.items():
            check_order(subject, events)
            check_nobody_falls_through(subject, events)
        self._check_documents(by_subject)
        self._check_read_models(unique, by_subject)
        return {"events": len(unique), "repeats": len(log) - len(unique), "sms": len(self.check_sms())}

    def _check_nothing_is_put_aside(self) -> None:
        for service in AGGREGATES:
            for name in ("parked", "dead"):
                aside = [(each.get("type"), each["reason"]) for each in self.documents(service, name)]
                assert not aside, f"{name} in {service}: {aside}"

    def _check_documents(self, by_subject: dict[str, list[Envelope]]) -> None:
        for service, names in AGGREGATES.items():
            for name in names:
                for document in self.documents(service, name):
                    told = by_subject.get(document["_id"], [])
                    last = max((envelope.sequence for envelope in told), default="")
                    assert document["sequence"] == last, (
                        f"{name} {document['_id']}: the log does not end where it does"
                    )
                    assert not document["outbox"], f"{name} {document['_id']} still has events to publish"

    def _check_read_models(self, unique: dict[str, Envelope], by_subject: dict[str, list[Envelope]]) -> None:
        timeline = {row["_id"]: row["name"] for row in self.documents("intake", "timeline")}
        missing = [unique[id].type for id in set(unique) - set(timeline)]
        invented = [timeline[id] for id in set(timeline) - set(unique)]
        assert (missing, invented) == ([], []), "what is not on the timeline, and what is not on the log"
        expected = {}
        for subject, events in by_subject.items():
            last = max(events, key=lambda envelope: envelope.sequence)
            for item in last.base().open:
                expected[f"{subject}:{item.item}"] = (last.data["holder"], item.due_at, item.owner.id)
        rows = {
            row["_id"]: (row["holder"], row["due_at"], row["owner"]["id"])
            for row in self.database("intake")["worklist"].find({"open": True})
        }
        assert rows == expected, "the worklist is not what the last event of each thing says"

    def sms(self) -> list[dict[str, Any]]:
        """The SMS that left."""
        path = self.stack.data_dir / "sms" / "outbox.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def check_sms(self) -> list[dict[str, Any]]:
        """Each reference left once, and is a message that says so."""
        sent = self.sms()
        references = [line["reference"] for line in sent]
        assert len(set(references)) == len(references), "an SMS left twice"
        told = {m["_id"] for m in self.documents("notifications", "messages") if m["state"] == "sent"}
        assert told == set(references), "what is said to be sent is not what left"
        return sent


def _poll(reader: Any, seen: int, length: int) -> list[Any]:
    """The next deliveries; [] at the end of the topic."""
    if seen >= length:
        return []
    return until(lambda: reader.poll(500, 1.0), "the log can be read")


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
