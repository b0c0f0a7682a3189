"""Intake and the people around it, in tests: who calls it, who comes to the window, and what the log says afterwards."""

from __future__ import annotations

import itertools
import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from services.intake.domain.iin import synthetic_iin
from services.intake.service import Intake
from shared.events import Event, OpenItem, Owner, type_of
from shared.events.cloudevents import Envelope, data_of, to_message
from tests.tokens import bearer

WORKER, SECOND, SUPERVISOR = "worker.astana", "worker2.astana", "supervisor.astana"
FAR, FAR_SUPERVISOR = "worker.almaty", "supervisor.almaty"
ASTANA, ALMATY = "center-71-1", "center-75-1"
CENTERS = {FAR: ALMATY, FAR_SUPERVISOR: ALMATY}
NO_DANGER = {"life": False, "child": False, "domestic_violence": False}
NOT_ASKED = {"life": None, "child": None, "domestic_violence": None}
VIOLENCE = {**NO_DANGER, "domestic_violence": True}
CONSENT = {"given": True, "scopes": ["processing", "sms"]}

SAME = "same-person-elsewhere"
SCREENED = {"outcome": "consultation", "note": "Рассказали о пособии."}
OPEN_CASE = {"outcome": "open-case", "note": "Нужно сопровождение."}

_serials = itertools.count()
_letters = random.Random(7)


def fresh() -> str:
    return str(uuid.uuid4())


def name() -> str:
    """A name that nobody had before, with letters that fold to themselves."""
    return "".join(_letters.choice("бдлмнрт") + _letters.choice("аои") for _ in range(8)).capitalize()


def born() -> date:
    return date(1960, 1, 1) + timedelta(days=next(_serials))


def somebody(**changes: Any) -> dict[str, Any]:
    """A person in need, with an IIN. `None` takes a field away."""
    birth_date = born()
    person = {
        "iin": synthetic_iin(birth_date, 0),
        "family_name": name(),
        "given_name": name(),
        "birth_date": birth_date.isoformat(),
        "sex": "female",
        "language": "ru",
        **changes,
    }
    return {field: value for field, value in person.items() if value is not None}


def without_iin(**changes: Any) -> dict[str, Any]:
    return somebody(iin=None, no_iin_reason="documents-lost", **changes)


def line(person: dict[str, Any], relation: str = "spouse", **changes: Any) -> dict[str, Any]:
    """Somebody as a line of a household."""
    kept = {field: value for field, value in person.items() if field not in ("language", "no_iin_reason")}
    return {**kept, "relation": relation, **changes}


@dataclass
class World:
    app: Flask
    intake: Intake

    # Calling it ---------------------------------------------------------------------------------

    def get(self, path: str, who: str = WORKER, **query: Any) -> TestResponse:
        return self.app.test_client().get(f"/intake/v1/{path}", headers=bearer(who), query_string=query)

    def send(
        self,
        path: str,
        body: dict[str, Any],
        who: str = WORKER,
        *,
        key: str | None = None,
        version: int | str | None = None,
        method: str = "POST",
    ) -> TestResponse:
        headers = {**bearer(who), "Accept-Language": "en"}
        if key:
            headers["Idempotency-Key"] = key
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self.app.test_client().open(f"/intake/v1/{path}", method=method, json=body, headers=headers)

    def body(
        self, applicant: dict[str, Any] | None = None, who: str = WORKER, **changes: Any
    ) -> dict[str, Any]:
        body = {
            "center_id": CENTERS.get(who, ASTANA),
            "channel": "window",
            "applicant": applicant or somebody(),
            "safe_contact": {"sms": "unknown"},
            "grounds": ["homelessness"],
            "danger": NO_DANGER,
            "need": "Жильё",
            "consent": CONSENT,
            **changes,
        }
        return {field: value for field, value in body.items() if value is not None}

    def comes(
        self, applicant: dict[str, Any] | None = None, who: str = WORKER, **changes: Any
    ) -> dict[str, Any]:
        """Somebody comes, and the appeal that was registered."""
        answer = self.send("appeals", self.body(applicant, who, **changes), who, key=fresh())
        assert answer.status_code == 201, answer.json
        return answer.json

    def does(
        self, path: str, body: dict[str, Any], who: str = WORKER, method: str = "POST"
    ) -> dict[str, Any]:
        """A command on what is there now, and what it answers."""
        kind, id = path.split("/")[:2]
        version = getattr(self.intake.store, kind).get(id).version
        answer = self.send(path, body, who, version=version, method=method)
        assert answer.status_code == 200, answer.json
        return answer.json

    def sees(self, path: str, who: str = WORKER) -> dict[str, Any]:
        answer = self.get(path, who)
        assert answer.status_code == 200, answer.json
        return answer.json

    # Looking behind -----------------------------------------------------------------------------

    def told(self, kind: str, id: str) -> list[Envelope]:
        """What an aggregate has told, in order (no relay takes anything away here)."""
        document = getattr(self.intake.store, kind).collection.find_one({"_id": id})
        return [Envelope(**entry) for entry in document["outbox"]]

    def names_of(self, kind: str, id: str) -> list[str]:
        return [envelope.type.split(".")[3] for envelope in self.told(kind, id)]

    def lines_of(self, family_id: str) -> list[dict[str, Any]]:
        return list(self.intake.store.access_log.collection.find({"family_ids": family_id}).sort("at"))


def envelope(event: Event, subject: str, number: int, source: str = "/casework") -> Envelope:
    """An event as the log brings it."""
    kind = type_of(type(event))
    made = Envelope(
        id=f"{subject}-{number}",
        type=kind,
        source=source,
        subject=subject,
        time=event.occurred_at,
        sequence=f"0001-{number:012d}",
        partitionkey=subject,
        data=data_of(event),
    )
    to_message(made)
    return made


def items(resource: dict[str, Any]) -> set[str]:
    return {item["item"] for item in resource["open"]}


def now() -> datetime:
    return datetime.now(UTC)


def told(body: str = "police", **changes):
    return {"body": body, "told_at": now().isoformat(), "how": "phone", "reference": "КУИ-17", **changes}


def case_event(kind, appeal: dict, case_id: str, number: int = 1, holder: str = SECOND):
    item = OpenItem(
        item="assess",
        owner=Owner(kind="staff", id=holder),
        next_action="assess",
        due_at=now() + timedelta(days=3),
        rule="assess",
    )
    event = kind(
        family_id=appeal["family_id"],
        person_id=appeal["person_id"],
        center_id=appeal["center_id"],
        actor="system",
        occurred_at=now(),
        holder=holder,
        open=(item,),
        number="71-1-2026-000001",
        state="assessment",
        restricted=appeal["restricted"],
        appeal_id=appeal["id"],
    )
    return envelope(event, case_id, number)


def another_iin(person: dict[str, Any]) -> str:
    """A number that somebody else born on the same day has."""
    return synthetic_iin(date.fromisoformat(person["birth_date"]), 1)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls give, all begun at the same moment."""
    start, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(n: int, call: Callable[[], Any]) -> None:
        start.wait()
        answers[n] = call()

    threads = [threading.Thread(target=run, args=(n, call)) for n, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers
