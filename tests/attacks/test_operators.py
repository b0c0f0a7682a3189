"""Operators of the database mean nothing: not in a body, not in a query, not in a path.

In every field of every body that is a text, in every query parameter and in every id of a path, on every route (walked over the
services' own documents). What is no text there is refused by the field's name. A text that looks like an operator is refused by name
too, or it is a text like any other: the answer is the one that another text gets, nothing more is found by it, and it is kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.attacks.bodies import At, dotted, members, placed
from tests.callers import Caller, appeal
from tests.system.interface import Route
from tests.system.test_contract import sound
from tests.system.whose import AGENCY

NO_TEXTS: tuple[Any, ...] = ({"$gt": ""}, {"$ne": None}, {"$where": "1"}, ["a"], {"$regex": ".*"})
TEXTS = ("$gt", "a.b", '{"$gt": ""}', "$where: 1", "\x00", "a\x00", ".*")
TAKEN = ("$gt", "a.b", '{"$gt": ""}', "$where: 1", ".*", "a.$.b", "$$ROOT")
"""Of these texts nothing is wrong where people write what they like."""
PLAIN = "somebody"
"""What a text is held against: right as a text, and as an id that people can read."""
NAMES = ("[$gt]", "[$ne]", "[]", ".$gt", "$")
"""After the name of a parameter."""
IDS = ('{"$gt":""}', '["a"]', "$gt", "a.b", "\x00", ".*", "1'||'1")


@pytest.fixture(scope="module")
def things(families):
    return families["open"].things


@pytest.fixture(scope="module")
def caller(people, families):
    """Somebody who may use a route, on the things of the open family."""

    def who(route: Route) -> Caller:
        if route.path.endswith("/contact"):
            return people("service-notifications")
        able = (families["open"].head, families["open"].holder, AGENCY, "service-referrals")
        return people(next(name for name in able if route.allows(name)))

    return who


def texts(route: Route) -> Iterator[At]:
    """Where a body has a text."""
    for at, schema in members(route.body or {}):
        kinds = [part.get("type") for part in (schema, *schema.get("anyOf", ()))]
        if any(kind == "string" or (isinstance(kind, list) and "string" in kind) for kind in kinds):
            yield at


def named(answer: httpx.Response, name: str) -> bool:
    """Whether the answer says that this field or parameter is wrong."""
    return answer.status_code == 422 and name in sound(answer).json().get("errors", {})


def alike(answer: httpx.Response, plain: httpx.Response) -> bool:
    """Whether the answer is that to another text. What is found by it is as much, or less."""
    return (answer.status_code, kind(answer)) == (plain.status_code, kind(plain)) and found(answer) <= found(
        plain
    )


def kind(answer: httpx.Response) -> Any:
    return sound(answer).json().get("type") if answer.status_code >= 400 else None


def found(answer: httpx.Response) -> int:
    told = answer.json()
    return len(told["items"]) if "items" in told else 0


def shown(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.text[:300]}"


def test_every_text_of_every_body(routes, caller, things):
    """Without a key and a version: so what is taken is not carried out, but for searches and doors."""
    wrong, walked = [], 0
    for route in routes:
        for at in texts(route):
            who = caller(route)
            plain = route.send(who, things, json=placed(route.example, at, PLAIN))
            for value in (*NO_TEXTS, *TEXTS):
                answer = route.send(who, things, json=placed(route.example, at, value))
                as_text = isinstance(value, str) and "\x00" not in value
                if not named(answer, dotted(at)) and not (as_text and alike(answer, plain)):
                    wrong.append(f"{route} {dotted(at)} = {value!r}: {shown(answer)}; plain: {shown(plain)}")
            walked += 1
    assert walked > 60
    assert not wrong, "\n".join(wrong)


def test_every_parameter_of_every_query(routes, caller, things):
    wrong, walked = [], 0
    for route in routes:
        for name in route.filters:
            who = caller(route)
            plain = route.send(who, things, params={name: PLAIN})
            for value in (*map(json.dumps, NO_TEXTS), *TEXTS):
                answer = route.send(who, things, params={name: value})
                refused = named(answer, name) or kind(answer) == "/problems/bad-cursor"
                if not refused and not alike(answer, plain):
                    wrong.append(f"{route}?{name}={value!r}: {shown(answer)}; plain: {shown(plain)}")
            for suffix in NAMES:
                answer = route.send(who, things, params={f"{name}{suffix}": "a"})
                if not named(answer, f"{name}{suffix}"):
                    wrong.append(f"{route}?{name}{suffix}=a: {shown(answer)}")
            walked += 1
    assert walked > 40
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("id", IDS)
def test_every_id_of_every_path(routes, caller, things, id):
    """In each place of its own; the other ids of the path are right."""
    wrong, walked = [], 0
    for route in routes:
        for name in route.takes:
            answer = route.send(caller(route), {**things, name: quote(id, safe="")})
            if kind(answer) not in ("/problems/not-found", "/problems/bad-request"):
                wrong.append(f"{route} {name}: {shown(answer)}")
            walked += 1
    assert walked > 50
    assert not wrong, "\n".join(wrong)


# -- what is taken as a text is kept as it is


@pytest.mark.parametrize("text", TAKEN)
def test_an_appeal_keeps_such_texts(people, text):
    """In the appeal itself and in the person."""
    worker = people("worker.astana")
    body = appeal(
        need=text,
        source={"agency_id": "agency-police-astana", "reference": text},
        applicant={"family_name": text, "given_name": text, "patronymic": text, "address": {"kato": "710000000", "line": text}},
        safe_contact={"sms": "no", "code_word": text},
        match={"new": True},
    )  # fmt: skip
    made = worker.create("/intake/v1/appeals", body)
    kept = worker.get(f"/intake/v1/appeals/{made['id']}")
    assert (kept["need"], kept["source"]["reference"]) == (text, text)
    person = worker.get(f"/intake/v1/persons/{made['person_id']}")
    names = [person[name] for name in ("family_name", "given_name", "patronymic")]
    assert [*names, person["address"]["line"], person["safe_contact"]["code_word"]] == [text] * 5


def test_a_changed_person_keeps_such_texts(people, world):
    worker = people("worker.astana")
    made = worker.create("/intake/v1/appeals", appeal())
    world.at_rest()
    path = f"/intake/v1/persons/{made['person_id']}"
    for text in TAKEN:
        told = {"family_name": text, "given_name": text, "patronymic": text, "address": {"kato": "710000000", "line": text}, "safe_contact": {"code_word": text}}  # fmt: skip
        etag = worker.http.get(path).headers["ETag"]
        answer = worker.http.patch(path, json=told, headers={"If-Match": etag})
        assert answer.status_code == 200, shown(answer)
        kept = worker.get(path)
        assert {name: kept[name] for name in ("family_name", "given_name", "patronymic")} == dict.fromkeys(
            ("family_name", "given_name", "patronymic"), text
        )
        assert (kept["address"]["line"], kept["safe_contact"]["code_word"]) == (text, text)


@pytest.mark.parametrize("text", TAKEN)
def test_a_referral_keeps_such_texts(people, things, text):
    worker = people("worker.astana")
    wanted = {"service_kind": "legal-aid", "priority": "routine", "disclose": []}
    made = worker.create("/referrals/v1/referrals", {"case_id": things["case_id"], **wanted, "reason": text})
    path = f"/referrals/v1/referrals/{made['id']}"
    assert worker.get(path)["reason"] == text
    worker.command(path, "cancel", {"reason_code": "duplicate", "note": text})
    assert worker.get(path)["history"][-1]["note"] == text
