"""Operators of the database mean nothing: not in a body, not in a query, not in a path.

In every field of every body that is a text, in every query parameter and in every id of a path, on every route (walked over the
services' own documents), and in every query and form of the pages (walked over the URL maps). What is no text there is refused by the field's name. A text that looks like an operator is refused by name
too, or it is a text like any other: the answer is the one that another text gets, nothing more is found by it, and it is kept as it is.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.attacks.bodies import At, dotted, members, placed
from tests.attacks.pages import OF_COMMANDS, Page, Sent, at, counted, forms_of, maps, pages, send
from tests.callers import Caller, appeal
from tests.system.interface import Route
from tests.system.test_contract import sound
from tests.system.whose import AGENCY, Family

__all__ = ["at", "maps", "pages"]

NO_TEXTS: tuple[Any, ...] = ({"$gt": ""}, {"$ne": None}, {"$where": "1"}, ["a"], {"$regex": ".*"})
TEXTS = ("$gt", "a.b", '{"$gt": ""}', "$where: 1", "\x00", "a\x00", ".*")
TAKEN = ("$gt", "a.b", '{"$gt": ""}', "$where: 1", ".*", "a.$.b", "$$ROOT")
"""Of these texts nothing is wrong where people write what they like."""
PLAIN = "somebody"
"""What a text is held against: right as a text, and as an id that people can read."""
NAMES = ("[$gt]", "[$ne]", "[]", ".$gt", "$")
"""After the name of a parameter."""
ON_PAGES = ('{"$ne": null}', '{"$gt": ""}', ".*", "\x00")
"""Fewer of them: a page reads its query and its forms by the schemas of the API."""
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
    for place, schema in members(route.body or {}):
        kinds = [part.get("type") for part in (schema, *schema.get("anyOf", ()))]
        if any(kind == "string" or (isinstance(kind, list) and "string" in kind) for kind in kinds):
            yield place


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
        for place in texts(route):
            who = caller(route)
            plain = route.send(who, things, json=placed(route.example, place, PLAIN))
            for value in (*NO_TEXTS, *TEXTS):
                answer = route.send(who, things, json=placed(route.example, place, value))
                as_text = isinstance(value, str) and "\x00" not in value
                if not named(answer, dotted(place)) and not (as_text and alike(answer, plain)):
                    wrong.append(
                        f"{route} {dotted(place)} = {value!r}: {shown(answer)}; plain: {shown(plain)}"
                    )
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


# -- on pages


IN_FORMS = ("[$gt]", ".$gt")
DRAFTS = "intake.drafts"
CHOOSES = {by.removeprefix("?") for _, _, by in OF_COMMANDS.values()}
"""By these a page knows which of its forms is sent."""


@pytest.fixture(scope="module")
def on_pages(families) -> dict[str, Any]:
    """What the pages take an id of. There is no draft."""
    return {**families["open"].things, "draft_id": str(uuid.uuid4())}


def reader(family: Family, page: Page) -> str:
    return next(each for each in (family.head, family.holder, AGENCY) if page.allows(each))


def wrong_names(http: httpx.Client, path: str, query: dict[str, str]) -> dict[str, Any] | None:
    """What a page has against its query, as it tells a program. None: nothing."""
    answer = http.get(path, params=query, headers={"Accept": "application/json"})
    return answer.json()["errors"] if answer.status_code == 422 else None


@pytest.fixture(scope="module")
def queries(at, pages, routes, families, on_pages) -> dict[Page, list[str]]:
    """Page → the names that it knows in its query, of all that there are; pages that read none are not in it."""
    others = {"q", "do", "n", "ids", "draft", "replaces", "subject", "page", "tab", "to", "of", "next"}
    names = others.union(*(route.filters for route in routes), families["open"].things)
    found = {}
    for page in pages:
        if page.method == "GET":
            wrong = wrong_names(
                at(reader(families["open"], page)),
                page.path(on_pages),
                dict.fromkeys(["strange", *names], "\x00"),
            )
            if wrong and "strange" in wrong:
                found[page] = sorted(name for name in names if wrong.get(name) != wrong["strange"])
    return found


def test_every_query_of_every_page(at, pages, families, queries, on_pages):
    """An operator after a name is a name that nobody knows, or one more that is not read; as a value it is a text like another."""
    wrong, walked, everybody = [], 0, set().union(*(family.secrets for family in families.values()))
    for page in pages:
        if page.method != "GET":
            continue
        http, path = at(reader(families["open"], page)), page.path(on_pages)
        strange = [f"{name}{suffix}" for name in queries.get(page, ["q", "holder"]) for suffix in NAMES]
        refused = wrong_names(http, path, dict.fromkeys(strange, "a"))
        if page in queries and not set(strange) <= set(refused or ()):
            wrong.append(f"{page}: takes {set(strange) - set(refused or ())}")
        if page not in queries and refused is None:
            bare, answer = http.get(path), http.get(path, params=dict.fromkeys(strange, "a"))
            if (answer.status_code, told_of(everybody, answer)) != (
                bare.status_code,
                told_of(everybody, bare),
            ):
                wrong.append(f"{page}: is another with {strange}: {answer.status_code}")
        for name in queries.get(page, ()):
            plain = http.get(path, params={name: PLAIN})
            assert plain.status_code < 500, f"{page}?{name}"
            for value in ON_PAGES:
                answer = http.get(path, params={name: value})
                if answer.status_code not in (plain.status_code, 422) or (
                    told_of(everybody, answer) - told_of(everybody, plain)
                ):
                    wrong.append(f"{page}?{name}={value!r}: {answer.status_code}, plain: {plain.status_code}")
                walked += 1
    assert not wrong, "\n".join(wrong)
    assert (len(queries) > 10, walked > 100) == (True, True), (len(queries), walked)


def outcome(answer: httpx.Response) -> list[str]:
    """The fields in which a page finds something wrong."""
    return sorted(set(re.findall(r'href="#([\w.]+)"', answer.text)))


def told_of(secrets: set[str], answer: httpx.Response) -> set[str]:
    return {each for each in secrets if each in answer.text}


def test_every_form_of_every_page(at, world, pages, routes, families, on_pages):
    """A field with an operator in its name is no field: the answer is the one without it. In every field as a text, it is another text.

    On a version that there never was, or with nothing in the fields that must be filled in: so nothing is carried out.
    (The register page keeps what was typed, right or wrong, as a draft.)
    """
    world.at_rest()
    family, wrong, walked, named, before = families["open"], [], 0, set(), counted(world)
    for page in pages:
        if page.method == "GET" or page.rule.endswith("/draft"):
            continue
        http, path = at(reader(family, page)), page.path(on_pages)
        for sent in forms_of(page, routes, on_pages):
            fields = [name for name, _ in sent.fields if name not in CHOOSES]
            chosen = [(name, value) for name, value in sent.fields if name in CHOOSES]

            def given(fields, http=http, page=page, path=path, sent=sent, chosen=chosen) -> httpx.Response:
                return send(http, page, path, Sent(query=sent.query, fields=[*chosen, *fields]), _version=0)

            without = given([])
            named |= set(outcome(without))
            for suffix in IN_FORMS:
                answer = given([(f"{name}{suffix}", PLAIN) for name in fields if ".0." not in name])
                if (answer.status_code, outcome(answer)) != (without.status_code, outcome(without)):
                    wrong.append(
                        f"{page} {chosen} {sent.query} with {suffix}: {answer.status_code}, without {without.status_code}"
                    )
                walked += 1
            plain = given([(name, PLAIN) for name in fields])
            assert max(without.status_code, plain.status_code) < 500, f"{page} {chosen} {sent.query}"
            for value in ON_PAGES[1:]:
                answer = given([(name, value) for name in fields])
                shown = set(family.told_in(answer.text)) - set(family.told_in(plain.text))
                if answer.status_code not in (plain.status_code, 422) or shown:
                    wrong.append(
                        f"{page} {chosen} {sent.query} = {value!r}: {answer.status_code} {shown}, plain: {plain.status_code}"
                    )
                walked += 1
    assert not wrong, "\n".join(wrong)
    assert (walked > 150, len(named) > 20) == (True, True), (walked, named)
    world.at_rest()
    assert {**counted(world), DRAFTS: 0} == {**before, DRAFTS: 0}


def test_a_draft_keeps_such_names_and_texts(at, world):
    """A draft is what was typed, whatever it is: kept as texts, shown again, and no query."""
    http, key = at("worker.astana"), uuid.uuid4().hex
    fields = {f"applicant.iin{suffix}": "a" for suffix in NAMES} | {
        "applicant.family_name": '{"$gt": ""}',
        "need": "$where: 1",
    }
    assert http.post("/intake/register/draft", data={"_key": key, **fields}).status_code == 200
    (kept,) = world.database("intake")["drafts"].find({"owner": "worker.astana", "key": key})
    assert {"applicant.family_name", "need"} <= {name for name, _ in kept["fields"]}
    assert all(isinstance(each, str) for field in kept["fields"] for each in field)
    assert set(map(tuple, kept["fields"])) <= set(fields.items())
    shown = http.get("/intake/register", params={"draft": kept["_id"]})
    assert (shown.status_code, "$where: 1" in shown.text) == (200, True)


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
