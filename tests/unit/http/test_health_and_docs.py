"""The routes that every service has."""

from __future__ import annotations

import json
import time
from html.parser import HTMLParser

import jsonschema
import pytest
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

THING = "/demo/v1/things/{thing_id}"


@pytest.fixture
def document(client):
    return client.get("/demo/openapi.json").json


def metrics(client) -> dict[tuple[str, str], float]:
    answer = client.get("/demo/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.labels.get("service") == "demo"
    }


def test_alive(client):
    assert client.get("/demo/healthz").json == {"status": "ok"}


def test_ready_while_the_store_answers(client, store):
    answer = client.get("/demo/readyz")
    assert answer.status_code == 200
    assert answer.json == {"store": "ok", "log": {"last_seen": "2026-11-24T05:00:00.000Z", "backlog": 3}}
    store["up"] = False
    answer = client.get("/demo/readyz")
    assert (answer.status_code, answer.json["type"]) == (503, "/problems/unavailable")
    assert answer.headers["Retry-After"]


def test_what_is_not_known_of_the_worker_does_not_make_it_fail(client, store):
    for unknown in ({}, None, {"last_seen": None, "backlog": None}):
        store["log"] = unknown
        answer = client.get("/demo/readyz")
        assert (answer.status_code, answer.json["log"]) == (200, {"last_seen": None, "backlog": None})


def test_requests_are_counted_by_route_and_never_by_address(client, worker, store):
    name, route = "birtereze_http_requests_total", "/demo/v1/things/<uuid:thing_id>/assign"
    counted = (
        name,
        json.dumps({"method": "POST", "route": route, "service": "demo", "status": "403"}, sort_keys=True),
    )
    before = metrics(client).get(counted, 0)
    client.post("/demo/v1/things/00000000-0000-0000-0000-00000000abcd/assign?q=secret", headers=worker)
    client.get("/demo/v1/nowhere/secret")
    client.open("/demo/v1/nowhere/secret", method="BREW")
    after = metrics(client)
    assert after[counted] == before + 1
    assert not [labels for _, labels in after if "secret" in labels or "abcd" in labels or "BREW" in labels]


def test_breaches_are_counted_now_and_then(client, store, monkeypatch):
    key = ("birtereze_open_items_in_breach", '{"service": "demo"}')
    assert metrics(client)[key] == 0
    store["breaches"] = 1
    assert metrics(client)[key] == 0  # counted a moment ago
    monkeypatch.setattr("shared.http.health.COUNTED_FOR", 0.0)
    now = time.monotonic() + 60
    monkeypatch.setattr("shared.http.health.time.monotonic", lambda: now)
    store["breaches"] = 2
    assert metrics(client)[key] == 2
    store["breaches"] = "not a number"
    assert str(metrics(client)[key]) == "nan"  # not known is not zero


def test_the_document_is_valid_openapi(document):
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Birtereze: demo"


def test_every_operation_says_who_may_use_it_and_what_it_answers(document):
    things = document["paths"]["/demo/v1/things"]
    assert "Roles: supervisor, worker." in things["get"]["description"]
    assert things["get"]["security"] == [{"token": []}]
    assert document["paths"]["/demo/v1/fail/{name}"]["get"]["security"] == []
    for path, operations in document["paths"].items():
        for method in ("get", "post", "patch"):
            if method in operations:
                operation = operations[method]
                assert {"500", "503", "422"} <= set(operation["responses"]), path
                assert operation["operationId"]
    assert {"401", "403"} <= set(things["post"]["responses"])


def headers_of(operation) -> dict[str, bool]:
    return {
        each["name"]: each.get("required", False)
        for each in operation["parameters"]
        if each["in"] == "header"
    }


def test_creates_commands_and_doors_are_told_apart(document):
    paths = document["paths"]
    assert headers_of(paths["/demo/v1/things"]["post"]) == {"Idempotency-Key": True}
    assert headers_of(paths[f"{THING}/assign"]["post"]) == {"If-Match": False, "Idempotency-Key": False}
    assert headers_of(paths[THING]["patch"]) == {"If-Match": False, "Idempotency-Key": False}
    assert headers_of(paths[THING]["get"]) == headers_of(paths[f"{THING}/door"]["post"]) == {}
    assert {"409", "412", "428"} <= set(paths[f"{THING}/assign"]["post"]["responses"])
    assert "428" not in paths[f"{THING}/door"]["post"]["responses"]


def test_every_body_has_an_example_that_fits_its_schema(document):
    seen = 0
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method not in ("get", "post", "patch"):
                continue
            answers = [each for status, each in operation["responses"].items() if status < "400"]
            for part in [operation.get("requestBody", {}), *answers]:
                for content in part.get("content", {}).values():
                    if "schema" in content:
                        seen += 1
                        schema = {**content["schema"], "components": document["components"]}
                        jsonschema.Draft202012Validator(schema).validate(content["example"])
    assert seen >= 5


def test_the_example_of_a_create_is_accepted(client, worker, document):
    body = document["paths"]["/demo/v1/things"]["post"]["requestBody"]["content"]["application/json"][
        "example"
    ]
    assert body["colour"] == "red"
    answer = client.post("/demo/v1/things", json=body, headers={**worker, "Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.inline: list[str] = []
        self._open = ""

    def handle_starttag(self, tag, attributes) -> None:
        self._open = tag
        given = dict(attributes)
        self.assets += [given[name] for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data) -> None:
        if self._open in ("script", "style") and data.strip():
            self.inline.append(data)


def test_the_page_needs_nobody_else_and_no_inline_script(client):
    answer = client.get("/demo/docs")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    page = Page()
    page.feed(answer.text)
    assert page.inline == []
    assert len(page.assets) == 4
    for asset in page.assets:
        assert asset.startswith("/demo/")
        got = client.get(asset)
        assert got.status_code == 200
        got.close()
    script = client.get("/demo/docs/docs.js")
    assert script.mimetype == "text/javascript"
    script.close()
    assert client.get("/demo/docs/..%2fapp.py").status_code == 404
    assert client.get("/demo/docs/swagger-ui.js").status_code == 404
