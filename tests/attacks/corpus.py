"""A corpus of broken bodies for each POST that creates, sent, and what it left behind.

    for route in creating(routes):
        tally = send(route, people("worker.astana"), corpus(route, things, 300, seed))
        assert not tally.wrong and not left_behind(route, tally, before, world.picture())

Half of the bodies are wrong for certain, and the others are bytes that met with accidents: of those that are right all the same, what
is kept must be what they say.
"""

from __future__ import annotations

import json
import random
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.http.fields import UUID
from tests.attacks.bodies import broken, mutated
from tests.callers import Caller, appeal
from tests.oracle import Picture
from tests.system.interface import Route
from tests.system.test_contract import sound

AT_A_TIME = 2
SPARE = 1.1
"""So many times more are sent than have to be refused: some of those that met with accidents are right."""
FOR_WHAT_IT_IS = (400, 404, 409, 413, 422)
"""Refusals of a body; others, of who sends it or how, would show nothing."""
FRESH_AFTER = 25
"""So many bodies are made from one that is right: then from another, about other people."""


def whole_appeal(things: Mapping[str, Any]) -> dict[str, Any]:
    """Of people whom nobody knows, with nearly everything that can be said. They want no SMS: one would wait for its hours."""
    child = appeal()["applicant"]
    return appeal(
        applicant={"patronymic": "Сынаққызы", "address": {"kato": "710000000", "line": "Үлгі көшесі, 1"}},
        household=[{**child, "relation": "child", "alleged_abuser": False}],
        safe_contact={"sms": "no", "hours": {"from": "09:00", "to": "18:00"}, "code_word": "алма"},
        source={"agency_id": "agency-police-astana", "reference": "KP-7"},
    )


def whole_referral(things: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {
        "service_kind": "legal-aid",
        "priority": "routine",
        "reason": "Заңгер керек.",
        "disclose": ["name"],
    }
    return {"case_id": things["case_id"], **wanted}


RIGHT: Mapping[str, tuple[Callable[[Mapping[str, Any]], dict[str, Any]], str, str]] = {
    "/intake/v1/appeals": (whole_appeal, "intake", "appeals"),
    "/referrals/v1/referrals": (whole_referral, "referrals", "referrals"),
}
"""Path → a body that is right, and where what it creates is kept."""


def creating(routes: Sequence[Route]) -> list[Route]:
    """Every POST that creates. One that has no right body here is an error: whoever adds it says what one is."""
    found = [route for route in routes if route.is_create]
    assert {route.path for route in found} == set(RIGHT)
    return found


@dataclass(frozen=True)
class Body:
    """`may_be_right`: nobody looked whether it is."""

    raw: bytes
    may_be_right: bool


def corpus(route: Route, things: Mapping[str, Any], count: int, seed: int) -> Iterator[Body]:
    """The first of them is right as it stands: else nobody would notice that all are refused for another reason."""
    make, _, _ = RIGHT[route.path]
    rng = random.Random(seed)
    random.seed(seed)  # tests.callers draws from it
    yield Body(json.dumps(make(things)).encode(), True)
    for n in range(count):
        if n % FRESH_AFTER == 0:
            right = make(things)
        if n % 2:
            yield Body(mutated(json.dumps(right, ensure_ascii=False).encode(), rng), True)
        else:
            yield Body(broken(right, route.body or {}, rng), False)


@dataclass
class Tally:
    """`accepted`: what was sent and is there, with what was answered; `wrong`: what was answered otherwise than it may be."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many were refused for what they are."""
        return sum(self.statuses[status] for status in FOR_WHAT_IT_IS)

    @property
    def ids(self) -> set[str]:
        """Of all that was created, and of whom it is about."""
        return {shown[name] for _, shown in self.accepted for name in ("id", "family_id", "person_id")}

    def take(self, body: Body, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        try:
            sound(answer)
            refused = answer.status_code in FOR_WHAT_IT_IS
            assert refused or (body.may_be_right and answer.status_code == 201), answer.text[:300]
        except (AssertionError, ValueError) as difference:
            self.wrong.append(f"{answer.status_code} for {body.raw[:1000]!r}: {difference}")
        if answer.status_code == 201:
            self.accepted.append((json.loads(body.raw), answer.json()))


def send(route: Route, caller: Caller, bodies: Iterable[Body]) -> Tally:
    tally = Tally()

    def one(body: Body) -> tuple[Body, httpx.Response]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
        return body, caller.http.post(route.path, content=body.raw, headers=headers)

    with ThreadPoolExecutor(AT_A_TIME) as senders:
        for body, answer in senders.map(one, bodies):
            tally.take(body, answer)
    return tally


def shows_nothing(tally: Tally, wanted: int) -> list[str]:
    """Why what was sent shows nothing, if that is so."""
    found = [] if tally.accepted else ["not even the right body was accepted"]
    if tally.refused < wanted:
        found.append(f"only {tally.refused} of {wanted} were refused for what they are: {tally.statuses}")
    return found


def left_behind(route: Route, tally: Tally, before: Picture, after: Picture) -> list[str]:
    """What is there now and should not be: of what was refused, or otherwise than it was said."""
    _, service, collection = RIGHT[route.path]
    there, was = after.documents[service][collection], before.documents[service][collection]
    created = {shown["id"] for _, shown in tally.accepted}
    found = [f"{collection} {id} was not acknowledged" for id in there.keys() - was.keys() - created]
    found += [f"{collection} {id} was acknowledged and is not there" for id in created - there.keys()]
    ids = tally.ids
    for name, new in _new(before, after):
        if not any(id in new for id in ids):
            found.append(f"{name} of nothing that was acknowledged: {new[:300]}")
    for said, shown in tally.accepted:
        found += _otherwise(said, there.get(shown["id"], {}))
    return found


def _new(before: Picture, after: Picture) -> Iterator[tuple[str, str]]:
    """Aggregates, and events, that were not there before, as texts. (That somebody was shown a candidate is in the access log.)"""
    old = before.aggregates()
    for id, document in after.aggregates().items():
        if id not in old:
            yield "a document", f"{id} {document}"
    for id, envelope in after.unique.items():
        if id not in before.unique:
            yield "an event", f"{envelope}"


def _otherwise(said: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Texts that are kept otherwise than they were said."""
    texts = {
        name: _clean(value)
        for name, value in said.items()
        if isinstance(value, str) and name != "received_on"
    }
    return [
        f"{name}: {kept.get(name)!r}, not {text!r}" for name, text in texts.items() if kept.get(name) != text
    ]


def _clean(text: str) -> str:
    """As texts and ids are kept (`shared.http.fields`)."""
    if UUID.fullmatch(text):
        return text.lower()
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
