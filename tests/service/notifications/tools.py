"""What the tests of notifications share: an intake that only has its contact door, events, and a service on a clock of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from services.notifications.reactions import subscription
from services.notifications.service import Notifications
from services.notifications.store import Store
from shared.events import (
    AppealAssigned,
    AppealRegistered,
    CaseAssigned,
    Danger,
    Event,
    FamilyDangerChanged,
    MeasureDelivered,
    ReferralAccepted,
    ReferralAssigned,
    cut,
    type_of,
)
from shared.events.base import declared
from shared.events.cloudevents import Envelope, data_of
from shared.ids import derived_id

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Astana."""
PHONE = "+77011234567"
CENTER = "center-71-1"
NOTHING_DANGEROUS = Danger(life=False, child=False, domestic_violence=False)


def an_id(name: str) -> str:
    """A UUID that a readable name stands for."""
    return derived_id("test", name)


# ---------------------------------------------------------------------- intake


@dataclass
class Intake:
    """An HTTP server with a token endpoint and the contact door. What the door says is set by the tests."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: int = 200
    gate: threading.Event = field(default_factory=threading.Event)
    """While it is not set, the door hangs."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def allow(self, person: str, language: str = "kk", hours: dict[str, str] | None = None) -> None:
        answer = {"allowed": True, "phone": PHONE, "language": language, "hours": hours}
        self.answers[an_id(person)] = answer

    def refuse(self, person: str, reason: str) -> None:
        self.answers[an_id(person)] = {"allowed": False, "reason": reason, "language": "kk"}

    def serve(self) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server


def _handler(intake: Intake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/oidc/token":
                return self._answer(200, {"access_token": "a token", "expires_in": 900})
            assert self.headers["Authorization"] == "Bearer a token"
            intake.asked.append({"path": self.path, **json.loads(body)})
            intake.gate.wait(5)
            person = self.path.split("/")[4]
            unknown = {"type": "/problems/not-found", "title": "", "status": 404}
            if intake.status != 200 or person not in intake.answers:
                return self._answer(intake.status if intake.status != 200 else 404, unknown)
            return self._answer(200, intake.answers[person])

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


# ---------------------------------------------------------------------- events


def base(family: str, **changed: Any) -> dict[str, Any]:
    return {
        "family_id": an_id(family),
        "person_id": an_id(f"{family}-person"),
        "center_id": CENTER,
        "actor": "worker.astana",
        "occurred_at": NOW,
        "holder": "worker.astana",
        "open": (),
        **changed,
    }


def registered(family: str = "f1", *, restricted: bool = False, version: int = 1, **changed: Any) -> Event:
    return AppealRegistered(
        **base(family, **changed),
        number="71-1-2026-000001",
        state="registered",
        danger=Danger(domestic_violence=restricted),
        restricted=restricted,
        file_version=version,
        channel="window",
        grounds=("disability",),
        scopes=("processing", "sms"),
        received_on=date(2026, 11, 24),
    )


def appeal_assigned(family: str, to: str) -> Event:
    return AppealAssigned(
        **base(family, holder=to),
        number="71-1-2026-000001",
        state="registered",
        danger=NOTHING_DANGEROUS,
        restricted=False,
        file_version=1,
        previous_holder="worker.astana",
    )


def danger_changed(family: str, *, restricted: bool, version: int) -> Event:
    return FamilyDangerChanged(
        **base(family, center_id=None),
        center_ids=(CENTER,),
        danger=Danger(domestic_violence=restricted),
        restricted=restricted,
        file_version=version,
        previous=NOTHING_DANGEROUS,
    )


def delivered(family: str = "f1", n: int = 1, **changed: Any) -> Event:
    return MeasureDelivered(
        **base(family, **changed),
        number="71-1-2026-000001",
        state="implementation",
        restricted=False,
        n=n,
        kind="medical",
        given_on=date(2026, 11, 24),
    )


def case_assigned(family: str, to: str) -> Event:
    return CaseAssigned(
        **base(family, holder=to),
        number="71-1-2026-000001",
        state="implementation",
        restricted=False,
        previous_holder="worker.astana",
    )


def _referral(kind: type[Event], family: str, holder: str = "worker.astana", **more: Any) -> Event:
    return kind(
        **base(family, holder=holder),
        number="71-1-2026-000001",
        case_id=an_id(f"{family}-case"),
        measure=1,
        service_id="service-health-astana",
        service_kind="health",
        agency_id="agency-health-astana",
        priority="routine",
        disclose=("name",),
        state="accepted",
        restricted=False,
        **more,
    )


def accepted(family: str = "f1") -> Event:
    return _referral(ReferralAccepted, family)


def referral_assigned(family: str, to: str) -> Event:
    return _referral(ReferralAssigned, family, to, previous_holder="worker.astana")


def envelope(event: Event, number: int = 1) -> Envelope:
    """The event as it comes from the log: the `number`-th of its aggregate, of which each family has one of a kind."""
    said = declared(type(event))
    subject = (
        event.family_id if said.subject == "family" else derived_id("test", event.family_id, said.subject)
    )
    sequence = f"0001-{number:012d}"
    return Envelope(
        id=derived_id("test", subject, sequence),
        type=type_of(type(event)),
        source=f"/{said.service}",
        subject=subject,
        time=cut(event.occurred_at),
        sequence=sequence,
        partitionkey=subject,
        data=data_of(event),
    )


def subject_of(event: Event) -> str:
    return envelope(event).subject


def take_in(service: Notifications, *envelopes: Envelope) -> None:
    """As the consumer does it: the read models take all, then each has its reaction."""
    consumer = subscription(service)
    for model in consumer.read_models:
        model(envelopes)
    for each in envelopes:
        reaction = consumer.reactions.get(each.type)
        if reaction is not None:
            reaction(each)


# ---------------------------------------------------------------------- time


@dataclass(frozen=True)
class StoreAt(Store):
    """A store whose clock stands still, and is moved by hand."""

    hands: list[datetime] = field(default_factory=lambda: [NOW])

    def now(self) -> datetime:
        return self.hands[0]


def on_its_own_clock(service: Notifications, at: datetime = NOW) -> Notifications:
    fields = {name: getattr(service.store, name) for name in Store.__dataclass_fields__}
    return replace(service, store=StoreAt(**fields, hands=[at]))


def move_on(service: Notifications, by: timedelta) -> None:
    service.store.hands[0] += by


# ---------------------------------------------------------------------- what came of it


def outbox(service: Notifications) -> list[dict[str, Any]]:
    """The SMS that have left."""
    path = Path(service.settings.data_dir) / "sms" / "outbox.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def told(service: Notifications, id: str) -> list[str]:
    """What a message's events say happened to it, in order: `created`, `sent` …"""
    entries: Sequence[dict[str, Any]] = service.store.messages.collection.find_one({"_id": id})["outbox"]
    return [entry["type"].split("message-")[1].removesuffix(".v1") for entry in entries]
