"""What the contract says "for every route", asked of every route of the running services: walked over their OpenAPI documents.

Every answer that comes by (`sound`) also has to have the headers that all answers have, and to be a problem document if it is an error.
"""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

from shared.http.paging import encode_cursor
from tests.callers import Caller, appeal
from tests.contract.test_openapi import SLUGS
from tests.system.family import today
from tests.system.interface import SERVICES, Route, following
from tests.system.whose import AGENCY

STATUS = {slug: status for status, slugs in SLUGS.items() for slug in slugs} | {
    "bad-request": 400,
    "length-required": 411,
}
TOO_LONG = (414, 431)
"""What the gateway makes of addresses and headers that are too long: a bad request too."""
MEMBERS = {"type", "title", "status", "detail", "errors", "instance", "allowed", "candidates", "scopes"}
LANGUAGES = ("kk", "ru", "en")
UNREADABLE = {
    "broken": b'{"note": "x"',
    "100,000 brackets": b"[" * 100_000,
    "100,000 brackets inside": b'{"note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"note": NaN}',
    "a number of 5,000 digits": b'{"note": ' + b"9" * 5000 + b"}",
    "invalid UTF-8": b'{"note": "\xff"}',
    "a list": b"[{}]",
}
"""Some of what `tests/unit/http/test_requests.py` has all of."""
CURSORS = {
    "no base64": "!!!",
    "nothing": "",
    "no JSON": "eHh4",
    "too long": "a" * 1001,
    "another shape": encode_cursor(("a", "b", "c", "d", "e")),
    "no list": "e30",
    "another type": encode_cursor((1, 2)),
}
UNKNOWN = "not_in_the_contract"


# ---------------------------------------------------------------------------------------------- what all answers have


def sound(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is one that any route may give."""
    asked = f"{answer.request.method} {answer.request.url}: {answer.status_code}"
    headers = answer.headers
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", headers.get("X-Request-Id", "")), asked
    assert headers.get("X-Content-Type-Options") == "nosniff", asked
    assert "default-src 'none'" in headers.get("Content-Security-Policy", ""), asked
    assert headers.get("Cache-Control"), asked
    assert not [name for name in headers if name.lower().startswith("access-control")], asked
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        problem(answer)
    return answer


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem document that an answer is."""
    asked = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/problem+json", asked
    document = answer.json()
    assert {"type", "title", "status", "instance"} <= set(document) <= MEMBERS, asked
    slug = document["type"].removeprefix("/problems/")
    assert document["type"] == f"/problems/{slug}", asked
    assert document["status"] == answer.status_code, asked
    assert answer.status_code in (STATUS.get(slug), *(TOO_LONG if slug == "bad-request" else ())), asked
    assert document["title"], asked
    assert document["instance"] == answer.headers["X-Request-Id"], asked
    for texts in document.get("errors", {}).values():
        assert texts, asked
        assert all(isinstance(text, str) for text in texts), asked
    return document


def is_refused(answer: httpx.Response, slug: str, *errors: str) -> str | None:
    """None if the answer is that problem, naming exactly those fields; else what it is instead."""
    document = sound(answer).json() if answer.content else {}
    named = set(document.get("errors", ()))
    if document.get("type") == f"/problems/{slug}" and (not errors or named == set(errors)):
        return None
    return f"{answer.status_code} {answer.text[:300]}"


def everywhere(routes: list[Route], ask: Callable[[Route], Iterator[str | None]]) -> None:
    """Ask every one of the routes, and list all that answer otherwise than they should."""
    assert routes
    wrong = [f"{route}: {what}" for route in routes for what in ask(route) if what is not None]
    assert not wrong, f"{len(wrong)} of the answers:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def caller(people, families) -> Callable[[Route], Caller]:
    """Somebody who may use a route, on the things of the open family."""

    def who(route: Route) -> Caller:
        able = (families["open"].head, families["open"].holder, AGENCY, "service-referrals")
        if route.path.endswith("/contact"):
            return people("service-notifications")
        return people(next(name for name in able if route.allows(name)))

    return who


@pytest.fixture(scope="module")
def things(families) -> Mapping[str, Any]:
    return families["open"].things


@pytest.fixture(scope="module")
def anonymous(live):
    with httpx.Client(base_url=live.origin, trust_env=False, headers={"Accept-Language": "en"}) as client:
        yield client


# ---------------------------------------------------------------------------------------------- bodies and parameters


@pytest.fixture(scope="module")
def with_body(routes) -> list[Route]:
    return [route for route in routes if route.body is not None]


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_body_that_is_no_json_object_is_refused(with_body, caller, things, what):
    headers = {"Content-Type": "application/json"}

    def ask(route: Route) -> Iterator[str | None]:
        answer = route.send(caller(route), things, content=UNREADABLE[what], headers=headers)
        yield is_refused(answer, "bad-json")

    everywhere(with_body, ask)


@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
)
def test_another_media_type_is_refused(with_body, caller, things, kind):
    def ask(route: Route) -> Iterator[str | None]:
        headers = {"Content-Type": kind} if kind else {}
        content = json.dumps(route.example).encode()
        answer = route.send(caller(route), things, content=content, headers=headers)
        yield is_refused(answer, "unsupported-media-type")

    everywhere(with_body, ask)


def test_a_body_of_more_than_a_mebibyte_is_refused_by_the_gateway_and_by_the_service(
    live, anonymous, with_body, caller, things
):
    headers = {"Content-Type": "application/json"}
    large = b'{"note": "' + b"x" * 2**20 + b'"}'

    def ask(route: Route) -> Iterator[str | None]:
        yield is_refused(route.send(caller(route), things, content=large, headers=headers), "too-large")
        # A service answers a stranger before it has read the body: the gateway must not have begun to send it.
        stranger = anonymous.request(route.method, route.url(things), content=large, headers=headers)
        yield is_refused(stranger, "too-large")

    everywhere(with_body, ask)
    for route in {route.service: route for route in with_body}.values():
        own = {
            **headers,
            "Authorization": caller(route).http.headers["Authorization"],
            "Content-Length": str(len(large)),
        }
        assert announced(live.url(route.service), route.method, route.url(things), own) == (
            413,
            "/problems/too-large",
        )


def announced(origin: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and problem of a request whose body is announced and not sent: nobody has to read it in order to refuse it."""
    connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["type"]
    finally:
        connection.close()


def with_unknown(body: Any, at: str = "") -> tuple[Any, set[str]]:
    """The body with a member too many in each of its objects, and the paths of these."""
    if isinstance(body, list):
        parts = [with_unknown(each, f"{at}{index}.") for index, each in enumerate(body)]
        return [part for part, _ in parts], set().union(*(paths for _, paths in parts))
    if not isinstance(body, dict):
        return body, set()
    parts = {name: with_unknown(each, f"{at}{name}.") for name, each in body.items()}
    paths = {f"{at}{UNKNOWN}"}.union(*(paths for _, paths in parts.values()))
    return {**{name: part for name, (part, _) in parts.items()}, UNKNOWN: 1}, paths


def test_unknown_members_are_refused_by_name_however_deep(with_body, caller, things):
    """Nothing else is named: so the documented examples are right in all else."""

    def ask(route: Route) -> Iterator[str | None]:
        body, paths = with_unknown(route.example)
        headers = {"If-Match": '"1"', "Idempotency-Key": uuid.uuid4().hex}
        yield is_refused(
            route.send(caller(route), things, json=body, headers=headers), "validation", *sorted(paths)
        )

    everywhere(with_body, ask)


def test_unknown_and_repeated_parameters_are_refused_by_name(routes, caller, things):
    def ask(route: Route) -> Iterator[str | None]:
        who = caller(route)
        yield is_refused(route.send(who, things, params={UNKNOWN: "1"}), "validation", UNKNOWN)
        for name in route.filters:
            answer = route.send(who, things, params=[(name, "1"), (name, "1")])
            yield is_refused(answer, "validation", name)

    everywhere(routes, ask)


# ---------------------------------------------------------------------------------------------- callers, addresses, methods


@pytest.mark.parametrize("header", [None, "Basic d29ya2VyOng=", "Bearer {token}x"])
def test_without_a_valid_token_nobody_gets_in(anonymous, live, people, routes, things, header):
    token = people("worker.astana").http.headers["Authorization"].removeprefix("Bearer ")
    headers = {} if header is None else {"Authorization": header.replace("{token}", token)}

    def ask(route: Route) -> Iterator[str | None]:
        answer = anonymous.request(route.method, route.url(things), headers=headers)
        yield is_refused(answer, "unauthenticated")
        yield None if answer.headers.get("WWW-Authenticate", "").startswith("Bearer") else "WWW-Authenticate"

    everywhere(routes, ask)


def test_other_methods_are_refused_with_those_that_are_allowed(people, routes, things):
    allowed: dict[str, set[str]] = {}
    for route in routes:
        methods = {route.method, "HEAD"} if route.method == "GET" else {route.method}
        allowed.setdefault(route.url(things), set()).update(methods)
    who = people("supervisor.astana")
    for path, methods in allowed.items():
        for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - methods:
            answer = sound(who.http.request(method, path))
            assert is_refused(answer, "method-not-allowed") is None, f"{method} {path}: {answer.text[:200]}"
            assert set(answer.headers["Allow"].split(", ")) == methods, f"{method} {path}"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_not_there_is_not_found(anonymous, people, service):
    for path in (f"/{service}/", f"/{service}/v1", f"/{service}/v1/nothing", f"/{service}/v2/{uuid.uuid4()}"):
        for client in (anonymous, people("worker.astana").http):
            assert is_refused(client.get(path), "not-found") is None, path


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/problems/nothing", "/favicon.ico"])
def test_what_is_no_service_s_is_not_found(anonymous, path):
    assert is_refused(anonymous.get(path), "not-found") is None


def test_an_address_that_is_too_long_is_a_bad_request(anonymous):
    assert is_refused(anonymous.get("/intake/v1/appeals?limit=" + "9" * 5000), "bad-request") is None


@pytest.mark.parametrize("id", ["x", "1", "0" * 32, "%00", "..", "{case_id}", "'", "0" * 500])
def test_an_id_that_is_none_is_not_found(people, routes, things, id):
    for route in routes:
        if route.is_resource:
            path = re.sub(r"\{\w+\}", lambda _: id, route.path)
            answer = people("supervisor.astana").http.get(path)
            assert is_refused(answer, "not-found") is None, f"{path}: {answer.text[:200]}"


# ---------------------------------------------------------------------------------------------- creates and commands


@pytest.mark.parametrize("key", [None, "", "x" * 201, "with space"])
def test_a_create_without_a_good_idempotency_key_is_refused(routes, caller, things, key):
    headers = {} if key is None else {"Idempotency-Key": key}

    def ask(route: Route) -> Iterator[str | None]:
        yield is_refused(route.send(caller(route), things, headers=headers), "missing-idempotency-key")

    everywhere([route for route in routes if route.is_create], ask)


def wants_a_lawyer(case_id: str) -> dict[str, Any]:
    wanted = {"service_kind": "legal-aid", "priority": "routine", "reason": "Needs a lawyer.", "disclose": []}
    return {"case_id": case_id, **wanted}


def test_a_create_repeated_gives_the_same_thing_and_another_body_is_refused(people, families, routes):
    worker, case_id = people("worker.astana"), families["restricted"].things["case_id"]
    bodies = {
        "/intake/v1/appeals": ("need", appeal()),
        "/referrals/v1/referrals": ("reason", wants_a_lawyer(case_id)),
    }
    assert set(bodies) == {route.path for route in routes if route.is_create}
    for path, (member, body) in bodies.items():
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        first, again = (sound(worker.http.post(path, json=body, headers=headers)) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 201), f"{first.text} {again.text}"
        assert first.json()["id"] == again.json()["id"]
        for answer in (first, again):
            assert answer.headers["ETag"] == f'"{answer.json()["version"]}"', path
        other = worker.http.post(path, json={**body, member: "Another."}, headers=headers)
        assert is_refused(other, "key-reused") is None, other.text


@pytest.fixture(scope="module")
def commands(routes) -> list[Route]:
    found = [route for route in routes if route.is_command]
    assert len(found) > 30
    return found


def test_a_command_needs_the_version_that_it_was_decided_on(commands, caller, things):
    """In whatever state the thing is, and whatever the command: without a version it is not looked at."""

    def ask(route: Route) -> Iterator[str | None]:
        who = caller(route)
        yield is_refused(route.send(who, things), "precondition-required")
        yield is_refused(
            route.send(who, things, headers={"Idempotency-Key": uuid.uuid4().hex}), "precondition-required"
        )
        yield is_refused(route.send(who, things, headers={"If-Match": '"999999"'}), "stale")
        for etag in ("7", "*", 'W/"7"'):
            yield is_refused(route.send(who, things, headers={"If-Match": etag}), "validation", "If-Match")

    everywhere(commands, ask)


def test_a_command_repeated_changes_nothing_and_its_key_is_good_for_no_other(people, world, families):
    """Of three services, on things of the restricted family, at rest: else events of the others change them too."""
    family = families["restricted"]
    who, case_id = people(family.holder), family.things["case_id"]
    referral = who.create("/referrals/v1/referrals", wants_a_lawyer(case_id))["id"]
    help = {"kind": "documents", "given_on": today().isoformat(), "condition": "home"}
    for path, body, other in (
        (f"/casework/v1/cases/{case_id}/help", help, {"condition": "residence"}),
        (
            f"/referrals/v1/referrals/{referral}/cancel",
            {"reason_code": "duplicate"},
            {"reason_code": "unreachable"},
        ),
        (
            f"/intake/v1/persons/{family.things['person_id']}/consents",
            {"scopes": ["statistics"]},
            {"scopes": ["sms"]},
        ),
    ):
        world.at_rest()
        etag = who.http.get(path.rpartition("/")[0]).headers["ETag"]
        headers = {"If-Match": etag, "Idempotency-Key": uuid.uuid4().hex}
        first, again = (sound(who.http.post(path, json=body, headers=headers)) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 200), f"{path}: {first.text} {again.text}"
        assert first.json()["id"] == again.json()["id"]
        assert first.headers["ETag"] == f'"{first.json()["version"]}"' != etag
        assert len(first.json().get("help", [])) == len(again.json().get("help", [])), path
        refused = who.http.post(path, json={**body, **other}, headers=headers)
        assert is_refused(refused, "key-reused") is None, f"{path}: {refused.text}"


def test_one_thing_has_its_version_as_its_etag(routes, caller, things):
    resources = [route for route in routes if route.is_resource]
    assert {route.service for route in resources} == set(SERVICES)
    for route in resources:
        answer = sound(route.send(caller(route), things))
        assert answer.headers["ETag"] == f'"{answer.json()["version"]}"', route
        assert answer.json()["id"] in things.values(), route


# ---------------------------------------------------------------------------------------------- lists


@pytest.fixture(scope="module")
def lists(routes) -> list[Route]:
    found = [route for route in routes if route.is_list]
    shown = [route for route in routes if "items" in route.shown.get("properties", {})]
    assert found == [route for route in shown if route.method == "GET"], "a list without a cursor"
    return found


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.0", "x", "", "١", "9" * 3000])
def test_a_limit_is_a_number_from_1_to_200(lists, caller, things, limit):
    def ask(route: Route) -> Iterator[str | None]:
        yield is_refused(route.send(caller(route), things, params={"limit": limit}), "validation", "limit")

    everywhere(lists, ask)


@pytest.mark.parametrize("what", CURSORS)
def test_a_broken_cursor_is_refused(lists, caller, things, what):
    def ask(route: Route) -> Iterator[str | None]:
        yield is_refused(route.send(caller(route), things, params={"cursor": CURSORS[what]}), "bad-cursor")

    everywhere(lists, ask)


def test_pages_follow_one_another_by_cursor_and_by_link(people, routes, lists, caller, things):
    for route in lists:
        who, path = caller(route), route.url(things)
        whole = sound(who.http.get(path, params={"limit": 200})).json()
        assert {"items", "next"} == set(whole), f"{route}: {set(whole)}"
        assert len(whole["items"]) >= 2, f"{route} shows too little for this test"
        first = sound(who.http.get(path, params={"limit": 1}))
        link, cursor = first.headers["Link"], first.json()["next"]
        address = re.fullmatch(r'<(/[^>]+)>; rel="next"', link)
        assert address, f"{route}: {link}"
        by_link = sound(who.http.get(address.group(1))).json()["items"]
        by_cursor = sound(who.http.get(path, params={"limit": 1, "cursor": cursor})).json()["items"]
        assert len(first.json()["items"]) == len(by_link) == 1, route
        assert by_link == by_cursor != first.json()["items"], route
        last = list(following(who, path, {"limit": 200}))[-1]
        assert last.json()["next"] is None
        assert "Link" not in last.headers


def test_a_link_keeps_the_filters(people, families):
    worker, center = people("supervisor.astana"), families["open"].center_id
    query = {"center_id": center, "limit": "1"}
    link = worker.http.get("/intake/v1/appeals", params=query).headers["Link"]
    kept = httpx.URL(link[1 : link.index(">")]).params
    assert {name: kept[name] for name in query} == query


# ---------------------------------------------------------------------------------------------- languages


@pytest.fixture(scope="module")
def titles(anonymous) -> dict[str, dict[str, str]]:
    """Slug → language → the title, as the page of the problem has it."""
    found: dict[str, dict[str, str]] = {}
    for slug in STATUS:
        for language in LANGUAGES:
            page = sound(anonymous.get(f"/problems/{slug}", headers={"Accept-Language": language}))
            assert page.status_code == 200, slug
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            assert page.headers["Content-Language"] == language
            assert f'<html lang="{language}">' in page.text
            assert f"{STATUS[slug]} {slug}" in page.text
            (title,) = re.findall("<h1>(.+?)</h1>", page.text)
            found.setdefault(slug, {})[language] = title
    return found


def test_every_problem_has_a_page_in_three_languages(titles):
    for slug, told in titles.items():
        assert len(set(told.values())) == 3, f"{slug}: {told}"


def refusals(
    people, families, routes: Mapping[str, Route]
) -> Iterator[tuple[str, Callable[[dict[str, str]], httpx.Response]]]:
    """Slugs that can be had without breaking anything, each with a request that is refused so."""
    things = families["open"].things
    head, agency = people("supervisor.astana"), people(AGENCY)
    case = f"/casework/v1/cases/{things['case_id']}"
    hidden = f"/referrals/v1/referrals/{families['almaty'].things['referral_id']}/client"
    large = b"x" * (2**20 + 1)
    now = {"If-Match": head.http.get(case).headers["ETag"]}
    body = {"reason": "x"}

    def post(who: Caller, path: str, more: dict[str, str] | None = None, **sent: Any) -> Callable:
        return lambda headers: who.http.post(path, headers={**headers, **(more or {})}, **sent)

    def get(who: Caller, path: str) -> Callable:
        return lambda headers: who.http.get(path, headers=headers)

    yield "bad-json", post(head, f"{case}/reopen", {"Content-Type": "application/json"}, content=b"{")
    yield (
        "missing-idempotency-key",
        post(head, "/intake/v1/appeals", json=routes["/intake/v1/appeals"].example),
    )
    yield (
        "unauthenticated",
        lambda headers: httpx.get(f"{head.http.base_url}{case}", headers=headers, trust_env=False),
    )
    yield "forbidden", get(agency, case)
    yield "not-found", get(people("worker.almaty"), case)
    yield "not-found", get(head, "/nothing")
    yield "method-not-allowed", lambda headers: head.http.delete(case, headers=headers)
    yield "wrong-state", post(head, f"{case}/reopen", now, json=body)
    yield "accept-first", get(agency, hidden)
    yield "stale", post(head, f"{case}/reopen", {"If-Match": '"999999"'}, json=body)
    yield "too-large", post(head, f"{case}/reopen", {"Content-Type": "application/json"}, content=large)
    yield "unsupported-media-type", post(head, f"{case}/reopen", content=b"{}")
    yield "validation", get(head, f"{case}?{UNKNOWN}=1")
    yield "bad-cursor", get(head, "/casework/v1/cases?cursor=x")
    yield "precondition-required", post(head, f"{case}/reopen", json=body)
    yield "bad-request", get(head, "/casework/v1/cases?cursor=%ff")


def test_titles_are_in_the_language_of_the_caller(people, families, routes, titles):
    post = {route.path: route for route in routes if route.method == "POST"}
    seen = set()
    for slug, ask in refusals(people, families, post):
        for header, language in {
            "kk-KZ,ru;q=0.5": "kk",
            "ru": "ru",
            "en-GB": "en",
            "de": "ru",
            "": "ru",
        }.items():
            answer = ask({"Accept-Language": header})
            assert is_refused(answer, slug) is None, f"{slug}: {answer.status_code} {answer.text[:300]}"
            said = answer.json()["title"]
            assert said == titles[slug][language], f"{slug} {answer.request.url}: {said!r} for {header!r}"
        seen.add(slug)
    assert len(seen) >= 15


def test_what_is_wrong_with_a_field_is_said_in_the_language_of_the_caller(people):
    def said(language: str) -> str:
        answer = people("worker.astana").http.get(
            "/intake/v1/appeals", params={"limit": 0, UNKNOWN: 1}, headers={"Accept-Language": language}
        )
        return json.dumps(problem(answer)["errors"], ensure_ascii=False)

    assert len({said(language) for language in LANGUAGES}) == 3


# ---------------------------------------------------------------------------------------------- beside the interface


def test_a_request_id_goes_along_and_comes_back(anonymous):
    for path in ("/intake/v1/appeals", "/casework/healthz", "/nothing"):
        given = sound(anonymous.get(path, headers={"X-Request-Id": "asked-by-me-1"}))
        assert given.headers["X-Request-Id"] == "asked-by-me-1", path
        odd = sound(anonymous.get(path, headers={"X-Request-Id": 'a "b" {c}'}))
        assert odd.headers["X-Request-Id"] != 'a "b" {c}', path


@pytest.mark.parametrize("service", SERVICES)
def test_health_and_metrics_are_open_to_all(anonymous, service):
    health = sound(anonymous.get(f"/{service}/healthz"))
    assert health.status_code == 200
    ready = sound(anonymous.get(f"/{service}/readyz"))
    assert ready.status_code == 200
    assert set(ready.json()) == {"store", "log"}
    assert set(ready.json()["log"]) == {"last_seen", "backlog"}
    metrics = sound(anonymous.get(f"/{service}/metrics"))
    assert metrics.headers["Content-Type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(metrics.text) for sample in family.samples]
    breaches = [sample.value for sample in samples if sample.name == "birtereze_open_items_in_breach"]
    assert breaches == [0.0]
    assert any(sample.name == "birtereze_http_requests_total" for sample in samples)


@pytest.mark.parametrize("service", SERVICES)
def test_the_interface_is_described_in_openapi_3_1(anonymous, openapi, service):
    answer = sound(anonymous.get(f"/{service}/openapi.json"))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == openapi[service]
    assert answer.json()["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(answer.json()).validate()


class Page(HTMLParser):
    """What a page loads: `src` and `href` of everything, and whether something stands in it that a strict policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = tag
        for name, value in attributes:
            if name in ("src", "href", "action", "data-spec", "srcset", "poster"):
                self.loaded.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(name)

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and data.strip():
            self.inline.append(self._open)


@pytest.mark.parametrize("path", [*(f"/{service}/docs" for service in SERVICES), "/problems/not-found"])
def test_pages_load_what_they_need_from_our_own_origin_alone(live, anonymous, path):
    answer = sound(anonymous.get(path))
    page = Page(answer.text)
    assert page.inline == []
    assert page.loaded
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    allowed = {source for sources in policy.values() for source in sources.split()}
    assert allowed <= {"'self'", "'none'", "data:"}, policy
    for address in page.loaded:
        url = urljoin(live.origin + path, address)
        assert url.startswith(f"{live.origin}/"), f"{path} loads {url}"
        asset = sound(anonymous.get(url))
        assert asset.status_code == 200, url
        if asset.headers["Content-Type"].startswith("text/css"):
            used = re.findall(r"(?:url\(|@import\s+)[\"']?([^\"')]+)", asset.text)
            assert all(each.startswith(("data:", "#")) or not urlsplit(each).netloc for each in used), url
