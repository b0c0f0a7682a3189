"""The world around casework, in tests: families whose appeals it hears of, partners that answer, and people who call it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from flask import Flask
from werkzeug.test import TestResponse

from services.casework.domain.case import Case
from services.casework.domain.levels import DOMAINS
from services.casework.reactions import subscription
from services.casework.service import Casework
from shared import mongo
from shared.aggregate import Saved
from shared.calendar import ALMATY
from shared.consumer import Consumer
from shared.events import (
    AppealRegistered,
    AppealScreened,
    Danger,
    Event,
    FamilyDangerChanged,
    OpenItem,
    Owner,
    cut,
    declared,
    type_of,
)
from shared.events.cloudevents import Envelope, data_of, to_message
from shared.log import Delivery
from tests.tokens import bearer

WORKER, SECOND, SUPERVISOR = "worker.astana", "worker2.astana", "supervisor.astana"
ALMATY_WORKER, ALMATY_SUPERVISOR = "worker.almaty", "supervisor.almaty"
HEALTH = "agency-health-astana"


def fresh() -> str:
    return str(uuid.uuid4())


def today() -> date:
    return datetime.now(ALMATY).date()


def hours_ago(hours: int) -> str:
    return (datetime.now(ALMATY) - timedelta(hours=hours)).isoformat(timespec="seconds")


@dataclass
class Teller:
    """An aggregate of another service: what it says next has the next number of its sequence."""

    id: str = field(default_factory=fresh)
    n: int = 0

    def says(self, event: Event, at: int | None = None) -> Envelope:
        if at is None:
            self.n += 1
        number = at or self.n
        kind = type(event)
        return Envelope(
            id=f"{self.id}-{number}",
            type=type_of(kind),
            source=f"/{declared(kind).service}",
            subject=self.id,
            time=event.occurred_at,
            sequence=f"0001-{number:012d}",
            partitionkey=self.id,
            data=data_of(event),
        )


@dataclass
class Family:
    """A family, as intake tells of it. `version`: that of its file."""

    teller: Teller = field(default_factory=Teller)
    person_id: str = field(default_factory=fresh)
    danger: Danger = field(default_factory=lambda: Danger(life=False, child=False, domestic_violence=False))
    restricted: bool = False
    version: int = 1

    @property
    def id(self) -> str:
        return self.teller.id

    def base(self, holder: str = WORKER, center_id: str = "center-71-1", open: tuple = ()) -> dict[str, Any]:
        return {
            "family_id": self.id,
            "person_id": self.person_id,
            "center_id": center_id,
            "actor": holder,
            "occurred_at": cut(datetime.now(UTC)),
            "holder": holder,
            "open": open,
        }

    def file(self) -> dict[str, Any]:
        return {"danger": self.danger, "restricted": self.restricted, "file_version": self.version}

    def changes(self, restricted: bool | None = None, **danger: bool) -> Envelope:
        """What is known of its danger has changed."""
        previous, self.danger = self.danger, Danger(**danger)
        self.version += 1
        self.restricted = self.danger.domestic_violence is True if restricted is None else restricted
        event = FamilyDangerChanged(
            **self.base(), **self.file(), center_ids=("center-71-1",), previous=previous
        )
        return self.teller.says(event)


@dataclass
class Appeal:
    """An appeal of a family."""

    family: Family
    holder: str = WORKER
    center_id: str = "center-71-1"
    teller: Teller = field(default_factory=Teller)

    @property
    def id(self) -> str:
        return self.teller.id

    def registered(self) -> Envelope:
        facts = {"channel": "window", "grounds": ("homelessness",), "scopes": (), "received_on": today()}
        return self.teller.says(AppealRegistered(**self._base("screening"), state="registered", **facts))

    def screened(self, outcome: str = "open-case") -> Envelope:
        return self.teller.says(
            AppealScreened(**self._base("case-opening"), state="screened", outcome=outcome)
        )

    def _base(self, item: str) -> dict[str, Any]:
        owner = Owner(kind="staff", id=self.holder)
        due = cut(datetime.now(UTC)) + timedelta(days=1)
        waiting = OpenItem(item=item, owner=owner, next_action="x", due_at=due, rule="x")
        base = self.family.base(self.holder, self.center_id, (waiting,))
        return {**base, **self.family.file(), "number": "71-1-2026-000009"}


@dataclass
class Referral:
    """A referral of a case, as referrals tells of it."""

    family: Family
    case_id: str
    measure: int | None = 1
    teller: Teller = field(default_factory=Teller)

    @property
    def id(self) -> str:
        return self.teller.id

    def says(self, kind: type[Event], at: int | None = None, **facts: Any) -> Envelope:
        base = {
            **self.family.base(),
            "number": "71-1-2026-000003",
            "case_id": self.case_id,
            "measure": self.measure,
            "service_id": "service-health-astana",
            "service_kind": "health",
            "agency_id": HEALTH,
            "priority": "routine",
            "disclose": ("name",),
            "state": "x",
            "restricted": False,
        }
        return self.teller.says(kind(**{**base, "actor": HEALTH}, **facts), at)


@dataclass
class World:
    """The service, its application, and the events that reach it."""

    app: Flask
    service: Casework

    # ------------------------------------------------------------------ what it hears

    def hears(self, *envelopes: Envelope) -> None:
        """Let the service's consumer handle these, as one poll; nothing may be parked."""
        consumer = Consumer("casework", subscription(self.service), None, self.service.store.database)
        deliveries = [
            Delivery("birtereze" + each.source.replace("/", "."), str(n), to_message(each))
            for n, each in enumerate(envelopes)
        ]
        consumer.handle(deliveries)
        assert consumer.parking.counts() == (0, 0), list(consumer.parking.due())

    def case(self, family: Family | None = None, **appeal: Any) -> dict[str, Any]:
        """The case of a family whose appeal was screened to *open-case*. Worker Astana holds it, unless the appeal says otherwise."""
        told = Appeal(family or Family(), **appeal)
        self.hears(told.registered(), told.screened())
        case = self.saved_with(told.id)
        if case.state.holder != told.holder:
            self.give(case.id, told.holder)
        return self.shown(case.id)

    def give(self, case_id: str, holder: str) -> None:
        """Let somebody hold a case, without anybody asking: tests need to know who does."""
        self.service.store.cases.collection.update_one(
            {"_id": case_id}, {"$set": {"holder": holder, "open.$[].owner.id": holder}}
        )

    # ------------------------------------------------------------------ what people do

    def get(self, login: str, path: str, **query: Any) -> TestResponse:
        return self.app.test_client().get(f"/casework/v1/{path}", headers=bearer(login), query_string=query)

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
        sent = {**bearer(login), **headers}
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        if key is not None:
            sent["Idempotency-Key"] = key
        body = {} if body is None else body
        return self.app.test_client().post(f"/casework/v1/{path}", headers=sent, json=body)

    def do(
        self, case: dict[str, Any], command: str, body: Any = None, login: str | None = None
    ) -> TestResponse:
        """A command on the version in hand, by the head where it is the head's, else by the holder."""
        login = login or (SUPERVISOR if command in HEAD else case["holder"])
        body = BODIES.get(command, {}) if body is None else body
        return self.post(login, f"cases/{case['id']}/{command}", body, version=case["version"])

    def after(self, case: dict[str, Any], *commands: str) -> dict[str, Any]:
        """The case after these commands, with their usual bodies; `plan/sign by family` says who signs."""
        for command in commands:
            path, _, by = command.partition(" by ")
            case = done(self.do(case, path, {"by": by, "method": "paper"} if by else None))
        return case

    def running(self, *measures: dict[str, Any], family: Family | None = None) -> dict[str, Any]:
        """A case whose plan is carried out."""
        case = self.after(self.case(family), "assessment")
        case = done(self.do(case, "plan", plan(*measures)))
        return self.after(case, "plan/sign by worker", "plan/sign by family", "plan/approve")

    # ------------------------------------------------------------------ what is there then

    def shown(self, case_id: str, login: str = SUPERVISOR) -> dict[str, Any]:
        return done(self.get(login, f"cases/{case_id}"))

    def saved(self, case: dict[str, Any]) -> Saved[Case]:
        return self.service.store.cases.get(case["id"])

    def saved_with(self, appeal_id: str) -> Saved[Case]:
        return self.service.store.cases.get(self.service.store.case_with(appeal_id))

    def told(self, case_id: str) -> list[Envelope]:
        """All events of the case (nothing has taken them to the log)."""
        document = self.service.store.cases.collection.find_one({"_id": case_id})
        return [msgspec.convert(each, Envelope) for each in document["outbox"]]

    def types(self, case_id: str) -> list[str]:
        return [each.type.split(".")[3] for each in self.told(case_id)]

    def now(self) -> datetime:
        return mongo.database_time(self.service.store.client)


HEAD = frozenset({"plan/approve", "plan/return", "closure/approve", "closure/return", "reopen", "assign"})


def measure(type: str = "center", **changes: Any) -> dict[str, Any]:
    responsible = {"type": type, **({"agency_id": HEALTH} if type == "agency" else {})}
    due_on = (today() + timedelta(days=30)).isoformat()
    return {"kind": "medical", "responsible": responsible, "due_on": due_on, **changes}


def plan(*measures: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"goals": ["The children go to school."], "measures": list(measures) or [measure()], **changes}


def domains(each: int = 1, **others: int) -> dict[str, int]:
    return {**dict.fromkeys(DOMAINS, each), **others}


DELIVERED = {"given_on": today().isoformat(), "condition": "home"}
VISIT = {
    "members": ["education", "health", "internal-affairs"],
    "left_at": hours_ago(3),
    "arrived_at": hours_ago(2),
    "departed_at": hours_ago(1),
    "findings": "The stove smokes.",
    "decision": "A fire detector is put in.",
}
BODIES: dict[str, Any] = {
    "assessment": {"domains": domains()},
    "plan": plan(),
    "plan/return": {"reason": "Too little."},
    "measures/1/deliver": DELIVERED,
    "measures/1/cancel": {"reason": "Not wanted any more."},
    "help": {"kind": "legal", **DELIVERED},
    "visits": VISIT,
    "review": {"outcome": "keep", "level": "B", "note": "Better."},
    "closure": {"reason": "moved", "note": "To Almaty."},
    "closure/return": {"reason": "Not yet."},
    "reopen": {"reason": "They are back."},
    "assign": {"holder": SECOND, "reason": "On leave."},
}


def done(response: TestResponse, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def refused(response: TestResponse, status: int, slug: str) -> dict[str, Any]:
    problem = response.get_json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{slug}"), problem
    return problem
