"""The world around referrals, in tests: families and cases that it hears of, people who call it, and intake behind its door."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from flask import Flask
from werkzeug.test import TestResponse

from services.referrals.domain.referral import Referral
from services.referrals.reactions import subscription
from services.referrals.service import Referrals
from shared import mongo
from shared.aggregate import Saved
from shared.consumer import Consumer
from shared.events import (
    AppealRegistered,
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseReopened,
    Danger,
    Event,
    FamilyDangerChanged,
    MeasureCancelled,
    PlanDrafted,
    cut,
    declared,
    type_of,
)
from shared.events.casework import PlannedMeasure
from shared.events.cloudevents import Envelope, data_of, to_message
from shared.log import Delivery
from tests.tokens import bearer

HEALTH = "agency-health-astana"
POLICE = "agency-police-astana"
WORKER, SECOND, SUPERVISOR = "worker.astana", "worker2.astana", "supervisor.astana"


def fresh() -> str:
    return str(uuid.uuid4())


@dataclass
class Case:
    """A case, as casework and intake tell of it. `n`: how many events of it were told."""

    id: str = field(default_factory=fresh)
    family_id: str = field(default_factory=fresh)
    person_id: str = field(default_factory=fresh)
    holder: str = WORKER
    center_id: str = "center-71-1"
    state: str = "implementation"
    n: int = 0
    file_version: int = 1

    def says(self, event_type: type[Event], /, at: int | None = None, **facts: Any) -> Envelope:
        """The next event of the case, or the one in place `at`."""
        if at is None:
            self.n += 1
        number = at or self.n
        event = event_type(
            **self._base(), number="71-1-2026-000001", state=self.state, restricted=False, **facts
        )
        return envelope(event, self.id, number)

    def family_says(self, restricted: bool, file_version: int) -> Envelope:
        """The danger of the family has changed."""
        event = FamilyDangerChanged(
            **self._base(),
            center_ids=(self.center_id,),
            danger=Danger(domestic_violence=restricted),
            restricted=restricted,
            file_version=file_version,
            previous=Danger(),
        )
        return envelope(event, self.family_id, file_version)

    def appeal_says(self, restricted: bool, file_version: int = 1) -> Envelope:
        """The family has come to the window."""
        event = AppealRegistered(
            **self._base(),
            number="71-1-2026-000009",
            state="registered",
            danger=Danger(domestic_violence=restricted),
            restricted=restricted,
            file_version=file_version,
            channel="window",
            grounds=("homelessness",),
            scopes=("processing",),
            received_on=date(2026, 3, 16),
        )
        return envelope(event, fresh(), 1)

    def plan(self, *numbers: int) -> Envelope:
        lines = tuple(
            PlannedMeasure(n=n, kind="medical", responsible="agency", due_on=date(2026, 12, 1))
            for n in numbers
        )
        return self.says(PlanDrafted, plan_version=1, measures=lines)

    def cancels(self, n: int, at: int | None = None) -> Envelope:
        return self.says(MeasureCancelled, at, n=n, kind="medical")

    def closes(self) -> Envelope:
        self.state = "closed"
        return self.says(CaseClosed, reason_code="moved")

    def reopens(self) -> Envelope:
        self.state = "assessment"
        return self.says(CaseReopened)

    def goes_to(self, holder: str) -> Envelope:
        previous, self.holder = self.holder, holder
        return self.says(CaseAssigned, previous_holder=previous)

    def _base(self) -> dict[str, Any]:
        return {
            "family_id": self.family_id,
            "person_id": self.person_id,
            "center_id": self.center_id,
            "actor": SUPERVISOR,
            "occurred_at": cut(datetime.now(UTC)),
            "holder": self.holder,
            "open": (),
        }


def envelope(event: Event, subject: str, n: int) -> Envelope:
    kind = type(event)
    return Envelope(
        id=f"{subject}-{n}",
        type=type_of(kind),
        source=f"/{declared(kind).service}",
        subject=subject,
        time=event.occurred_at,
        sequence=f"0001-{n:012d}",
        partitionkey=subject,
        data=data_of(event),
    )


@dataclass
class World:
    """The service, its application, and the events that reach it."""

    app: Flask
    service: Referrals

    def hears(self, *envelopes: Envelope) -> None:
        """Let the service's consumer handle these, as one poll; nothing may be parked."""
        consumer = Consumer("referrals", subscription(self.service), None, self.service.store.database)
        topic = "birtereze." + envelopes[0].source.strip("/")
        consumer.handle([Delivery(topic, str(n), to_message(each)) for n, each in enumerate(envelopes)])
        assert consumer.parking.counts() == (0, 0)

    def case(self, *measures: int, restricted: bool = False, **known: Any) -> Case:
        """A case that has arrived here, with these planned measures."""
        case = Case(**known)
        self.hears(case.appeal_says(restricted))
        self.hears(case.says(CaseOpened, appeal_id=fresh()))
        if measures:
            self.hears(case.plan(*measures))
        return case

    def get(self, login: str, path: str, **query: Any) -> TestResponse:
        return self.app.test_client().get(f"/referrals/v1/{path}", headers=token(login), query_string=query)

    def post(
        self,
        login: str,
        path: str,
        body: Any = None,
        *,
        version: int | None = None,
        key: str | None = None,
        **headers: str,
    ) -> TestResponse:
        sent = {**token(login), **headers}
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        if key is not None:
            sent["Idempotency-Key"] = key
        return self.app.test_client().post(
            f"/referrals/v1/{path}", headers=sent, json={} if body is None else body
        )

    def ask(self, case: Case, login: str | None = None, key: str | None = None, **body: Any) -> TestResponse:
        """POST …/referrals for the case, to the health department unless `body` says otherwise."""
        whom = {} if "service_kind" in body else {"service_id": "service-health-astana"}
        asked = {
            "case_id": case.id,
            "priority": "routine",
            "reason": "She needs a doctor.",
            "disclose": ["name"],
        }
        return self.post(login or case.holder, "referrals", {**asked, **whom, **body}, key=key or fresh())

    def asked(self, case: Case, *commands: str, **body: Any) -> dict[str, Any]:
        """A referral of the case after these commands of the agency, as its holder sees it."""
        referral = done(self.ask(case, **body), 201)
        for command in commands:
            done(self.do(referral, command))
            referral = done(self.get(case.holder, f"referrals/{referral['id']}"))
        return referral

    def do(
        self, referral: dict[str, Any], command: str, login: str | None = None, **body: Any
    ) -> TestResponse:
        """A command, by whoever normally gives it, on the version in hand."""
        login = login or (WORKER if command in ("cancel", "acknowledge") else HEALTH)
        body = body or BODIES.get(command, {})
        return self.post(login, f"referrals/{referral['id']}/{command}", body, version=referral["version"])

    def saved(self, referral: dict[str, Any]) -> Saved[Referral]:
        return self.service.store.referrals.get(referral["id"])

    def told(self, referral: dict[str, Any]) -> list[Envelope]:
        """All events of the referral (nothing has taken them to the log)."""
        document = self.service.store.referrals.collection.find_one({"_id": referral["id"]})
        return [msgspec.convert(each, Envelope) for each in document["outbox"]]

    def now(self) -> datetime:
        return mongo.database_time(self.service.store.client)


WHY = {"reason_code": "no-capacity"}
BODIES = {
    "reject": WHY,
    "fail": WHY,
    "cancel": WHY,
    "hold": {"note": "The doctor is away."},
    "acknowledge": {"note": "No longer needed."},
    "complete": {"result": {"summary": "Treated.", "given_on": "2026-03-16", "condition": "home"}},
}


def token(login: str) -> dict[str, str]:
    """The header with a token; also of agencies that are no demo clients."""
    agency = {"roles": ["partner"], "agency_id": login} if login.startswith("agency-") else {}
    return bearer(login, **agency)


def done(response: TestResponse, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def refused(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    problem = response.get_json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{slug}"), problem
    return problem


# ---------------------------------------------------------------------------------------------- intake


class Intake:
    """A small HTTP server in place of intake and the issuer. What it answers is set by the test; what it was asked is kept."""

    def __init__(self) -> None:
        self.status, self.body = 200, {}
        self.content: bytes | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.arrived = threading.Semaphore(0)

    def answers(self, status: int, body: dict[str, Any] | None = None, content: bytes | None = None) -> None:
        self.status, self.body, self.content = status, body or {}, content


@contextmanager
def intake_at(port: int) -> Iterator[Intake]:
    """Intake, listening at that port of loopback for the length of the block."""
    intake = Intake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/oidc/token":
                self.reply(200, {"access_token": "token", "token_type": "Bearer", "expires_in": 900})
                return
            intake.asked.append((self.path, json.loads(raw)))
            intake.arrived.release()
            intake.may_answer.wait(10)
            self.reply(intake.status, intake.body, intake.content)

        def reply(self, status: int, body: dict[str, Any], content: bytes | None = None) -> None:
            content = json.dumps(body).encode() if content is None else content
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # whoever asked has given up
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield intake
    finally:
        intake.may_answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
