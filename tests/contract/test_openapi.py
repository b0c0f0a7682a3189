"""What the OpenAPI documents promise, against the routes, the schemas and the problems of which they are made. Without a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared import embedded
from shared.http.docs import path_of
from shared.http.problems import PROBLEMS
from shared.http.strict import method_of
from shared.i18n import languages, text
from shared.ui import Pages
from tests.architecture.test_routes import SERVICES, application_of

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
CREATES = {"/intake/v1/appeals", "/referrals/v1/referrals"}
NEITHER = {
    "/intake/v1/persons/search",
    "/intake/v1/persons/{person_id}/disclosure",
    "/intake/v1/persons/{person_id}/contact",
}
"""Searches and doors: POSTs that need neither a key nor a version."""
SLUGS = {
    400: {"bad-json", "missing-idempotency-key"},
    401: {"unauthenticated"},
    403: {"forbidden", "no-consent"},
    404: {"not-found"},
    405: {"method-not-allowed"},
    409: {"wrong-state", "possible-duplicate", "conflict", "accept-first"},
    412: {"stale"},
    413: {"too-large"},
    415: {"unsupported-media-type"},
    422: {"validation", "key-reused", "bad-cursor"},
    428: {"precondition-required"},
    429: {"rate-limited"},
    500: {"internal"},
    503: {"unavailable"},
}
"""The contract's, each with its status."""


@pytest.fixture(scope="module", params=SERVICES)
def app(request):
    application = application_of(request.param)
    if request.param == "intake":  # the example's IIN is nobody's: synthetic
        intake = application.extensions["intake"]
        settings = replace(intake.settings, synthetic_iins=True)
        application.extensions["intake"] = replace(intake, settings=settings)
    yield application
    application.extensions[request.param].store.database.client.close()


@pytest.fixture(scope="module")
def document(app) -> dict[str, Any]:
    return app.test_client().get(f"/{app.name}/openapi.json").json


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method.lower() in item:
                yield method, path, item[method.lower()]


def headers_of(operation: dict[str, Any]) -> dict[str, bool]:
    return {
        each["name"]: each.get("required", False)
        for each in operation.get("parameters", ())
        if each["in"] == "header"
    }


def test_the_document_is_valid(document):
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def is_page(app, endpoint: str) -> bool:
    """Pages are for people; tests/browser walks over them."""
    return isinstance(app.blueprints.get(endpoint.rpartition(".")[0]), Pages)


def test_every_route_of_the_interface_is_documented(app, document):
    """So that tests that walk over the documents walk over everything."""
    interface = f"/{app.name}/v1/"
    routes = {
        (method, path_of(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(interface)
        for method in (rule.methods or set()) & set(METHODS)
    }
    assert routes == {(method, path) for method, path, _ in operations(document)}
    others = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(interface) and not is_page(app, rule.endpoint)
    }
    assert not {rule for rule in others if "<" in rule} - {f"/{app.name}/docs/<name>", "/problems/<slug>"}


def test_creates_commands_searches_and_doors_are_told_apart(document):
    for method, path, operation in operations(document):
        headers, statuses = headers_of(operation), set(operation["responses"])
        if method == "GET" or path in NEITHER:
            assert not headers, f"{method} {path}"
        elif path in CREATES:
            assert headers == {"Idempotency-Key": True}, f"{method} {path}"
            assert "201" in statuses, f"{method} {path}"
        else:
            assert headers == {"If-Match": False, "Idempotency-Key": False}, f"{method} {path}"
            assert {"200", "409", "412", "422", "428"} <= statuses, f"{method} {path}"


def test_what_shows_a_thing_leads_to_its_commands(document):
    """By links, with the version that it has: programs (and schemathesis) need not know which id belongs where."""
    links, linked = document["components"]["links"], set()
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            for name, link in answer.get("links", {}).items():
                assert link == {"$ref": f"#/components/links/{name}"}
                assert answer["headers"] == {"ETag": {"$ref": "#/components/headers/ETag"}}, (
                    f"{method} {path}"
                )
                assert status < "300"
                linked.add(name)
    commands = {
        operation["operationId"]: path
        for _, path, operation in operations(document)
        if "If-Match" in headers_of(operation)
    }
    assert linked == set(links) == set(commands)
    for name, path in commands.items():
        id = re.search(r"\{(\w+)\}", path).group(1)
        told = {f"path.{id}": "$response.body#/id", "header.If-Match": "$response.header.ETag"}
        assert links[name] == {"operationId": name, "parameters": told}


def test_bodies_are_closed(document):
    """An unknown member is refused: the schemas say so."""
    for method, path, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for schema in _objects(content["schema"], document["components"]["schemas"]):
                assert schema.get("additionalProperties") is False, f"{method} {path}: {schema}"


def _objects(schema: Any, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for each in schema:
            yield from _objects(each, schemas)
    if isinstance(schema, dict):
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from _objects(each, schemas)


def test_every_example_fits_its_schema(document):
    for method, path, operation in operations(document):
        answers = [answer for status, answer in operation["responses"].items() if status < "300"]
        for part in [operation.get("requestBody", {}), *answers]:
            for content in part.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                errors = list(jsonschema.Draft202012Validator(schema).iter_errors(content["example"]))
                assert not errors, f"{method} {path}: {errors[0].json_path} {errors[0].message}"


def test_every_example_of_a_body_is_accepted(app, document):
    """By the schema that reads it, which knows more than JSON Schema can say: check digits, fields that exclude each other."""
    endpoints = {path_of(rule.rule): rule.endpoint for rule in app.url_map.iter_rules()}
    walked = 0
    for method, path, operation in operations(document):
        if "requestBody" not in operation:
            continue
        example = operation["requestBody"]["content"]["application/json"]["example"]
        view = method_of(app.view_functions[endpoints[path]], method)
        (schema,) = [
            each["schema"] for each in view._apidoc["arguments"]["parameters"] if each["in"] == "json"
        ]
        with app.app_context():
            assert schema.validate(example) == {}, f"{method} {path}: {example}"
        walked += 1
    assert walked == len([op for _, _, op in operations(document) if op.get("requestBody")]) > 0


def test_the_problems_are_the_contract_s():
    for status, slugs in SLUGS.items():
        assert {slug for slug in slugs if slug in PROBLEMS and PROBLEMS[slug].status == status} == slugs


@pytest.mark.parametrize("slug", PROBLEMS)
def test_every_problem_is_told_in_three_languages(slug):
    for member in ("title", "means", "remedy"):
        told = {text(getattr(PROBLEMS[slug], member), language) for language in languages}
        assert len(told) == 3, f"{slug} {member}: {told}"


def test_the_gateway_says_the_same_of_what_it_refuses_itself():
    """It cannot ask the services for their texts: they stand in its file once more."""
    gateway = (Path(embedded.__file__).parent / "Caddyfile").read_text()
    told = re.findall(r'"(kk|ru|en) ([a-z-]+)" "([^"]+)"', gateway)
    assert len(told) >= 14
    for language, slug, title in told:
        assert title == text(PROBLEMS[slug].title, language), f"{slug} in {language}"
