"""What a service's interface is, for programs (`/<service>/openapi.json`, OpenAPI 3.1) and for people (`/<service>/docs`).

flask-smorest writes down the routes, schemas and docstrings. Added here, for every route, is what the application itself knows:
which roles may use it, the headers of creates and commands, the problems it can answer with (a view adds its own:
`blueprint.alt_response(409)`), and an example of what goes in and comes out, made of the examples of the fields (a view may give
its own: `blueprint.arguments(…, example=…)`). What shows a thing links to the commands on it, with the version that it has.

The page is Swagger UI from the wheel `flask-swagger-ui` (only its files are used): nothing is fetched from elsewhere, and no script
or style stands in the page, so that it runs under a strict content security policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Blueprint, Flask, Response, current_app, render_template, send_from_directory, url_for
from flask_smorest import Api
from flask_smorest.spec.plugins import FlaskPlugin
from werkzeug.exceptions import NotFound

from shared.http.auth import PUBLIC, declared_roles, public
from shared.http.problems import PROBLEMS
from shared.http.strict import WITH_BODY, method_of

SWAGGER_UI = Path(find_spec("flask_swagger_ui").origin).parent / "dist"  # type: ignore[union-attr, arg-type]
OURS = Path(__file__).parent / "static"
ASSETS = {"swagger-ui.css": SWAGGER_UI, "swagger-ui-bundle.js": SWAGGER_UI, "docs.js": OURS}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
BY_FORMAT = {
    "uuid": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "date": "2026-11-24",
    "date-time": "2026-11-24T05:00:00.000Z",
}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "description": "Names the kind of problem; a page says more about it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "Dotted path of a field → what is wrong with it.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "instance": {"type": "string", "description": "Id of the request."},
        "allowed": {"type": "array", "items": {"type": "string"}, "description": "Commands open now."},
        "candidates": {"type": "array", "items": {"type": "object"}, "description": "Who is meant, perhaps."},
        "scopes": {"type": "array", "items": {"type": "string"}, "description": "Consents that are missing."},
    },
}
KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
    "example": "5e1c7a52-6c5b-4a0b-9a70-0d3c7a0a7d11",
}
VERSION_HEADER = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,14})"$'},
    "description": "The ETag of the version that the command was decided on.",
    "example": '"7"',
}
ETAG = {
    "required": True,
    "schema": VERSION_HEADER["schema"],
    "description": "The version: what a command gives as its If-Match.",
    "example": VERSION_HEADER["example"],
}
RESOURCE = re.compile(r"(/[^{]*)/\{([^}]*)\}")
"""Path of a thing: that of the list it is in, and the name of its id."""


class _Api(Api):
    def _register_error_handlers(self) -> None:
        """`problems.register` does it."""


def _schema_name(schema: Any) -> str | None:
    """The name of a schema among the components; None for a part of one (`only`, `exclude`, `partial`), which has none."""
    if isinstance(schema, ma.Schema) and (schema.only or schema.exclude or schema.partial):
        return None
    return resolver(schema)


def documented_api(app: Flask) -> Api:
    """The flask-smorest API of `app`."""
    return _Api(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_schema_name)})


def openapi(app: Flask, api: Api) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `app`."""
    document = api.spec.to_dict()
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("Error", None)
    schemas["Problem"] = PROBLEM
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    components |= {"responses": {}, "links": {}, "headers": {"ETag": ETAG}}
    endpoints = {rule.rule: rule.endpoint for rule in app.url_map.iter_rules()}
    for (rule, method), allowed in declared_roles(app).items():
        path = document["paths"].get(FlaskPlugin.flaskpath2openapi(rule), {})
        operation = path.get(method.lower())
        if operation is None:  # pages, health: not part of the interface
            continue
        view = app.view_functions[endpoints[rule]]
        operation["operationId"] = f"{endpoints[rule]}.{method.lower()}".replace(".", "-")
        _add_roles(operation, allowed)
        statuses = _add_conditions(operation, method, "{" in path_of(rule), method_of(view, method))
        statuses |= {404} if "{" in path_of(rule) else set()
        statuses |= set() if allowed == PUBLIC else {401, 403}
        statuses |= {400, 413, 415} if method in WITH_BODY else set()
        _add_problems(operation, statuses | {422, 500, 503}, components["responses"])
        _add_examples(operation, schemas)
        _add_etags(operation, schemas)
    _add_links(document["paths"], components["links"])
    return document


def path_of(rule: str) -> str:
    """A Flask rule as an OpenAPI path."""
    return FlaskPlugin.flaskpath2openapi(rule)


def _add_roles(operation: dict[str, Any], allowed: frozenset[str]) -> None:
    told = "Open to everybody." if allowed == PUBLIC else f"Roles: {', '.join(sorted(allowed))}."
    operation["description"] = "\n\n".join(filter(None, (operation.get("description"), told)))
    operation["security"] = [] if allowed == PUBLIC else [{"token": []}]


def _add_conditions(operation: dict[str, Any], method: str, on_a_resource: bool, view: Any) -> set[int]:
    """The headers of a create or a command, and the problems that come with them."""
    parameters = operation.setdefault("parameters", [])
    if method == "POST" and "201" in operation["responses"]:
        parameters.append({**KEY_HEADER, "required": True})
        return {400, 404, 409}  # what it is made for may not be there
    is_command = method in WITH_BODY and on_a_resource and not getattr(view, "_unconditional", False)
    if is_command:
        parameters += [VERSION_HEADER, KEY_HEADER]
        return {409, 412, 428}
    return set()


def _add_problems(operation: dict[str, Any], statuses: set[int], responses: dict[str, Any]) -> None:
    kept = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    statuses = statuses | {
        int(status) for status in operation["responses"].keys() - kept if status.isdecimal()
    }
    operation["responses"] = kept
    for status in sorted(statuses):
        name = f"Problem{status}"
        slugs = [slug for slug, kind in PROBLEMS.items() if kind.status == status]
        responses[name] = {
            "description": " · ".join(f"`{slug}`: {PROBLEMS[slug].title}" for slug in slugs),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {
                        "type": f"/problems/{slugs[0]}",
                        "title": str(PROBLEMS[slugs[0]].title),
                        "status": status,
                        "instance": "4bf92f3577b34da6a3ce929d0e0e4736",
                    },
                }
            },
        }
        kept[str(status)] = {"$ref": f"#/components/responses/{name}"}


def _add_etags(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """The header of every answer that shows a thing with its version (`conditions.respond`)."""
    for answer in _answers(operation):
        for content in answer.get("content", {}).values():
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            if "version" in schemas.get(name, {}).get("properties", {}):
                answer["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}


def _add_links(paths: Mapping[str, dict[str, Any]], links: dict[str, Any]) -> None:
    """From what makes a thing or shows it to each command on it, on the version that was shown."""
    for path, item in paths.items():
        for operation in item.values():
            if "operationId" not in operation or VERSION_HEADER not in operation["parameters"]:
                continue
            name, thing = operation["operationId"], RESOURCE.match(path)
            links[name] = {
                "operationId": name,
                "parameters": {
                    f"path.{thing[2]}": "$response.body#/id",
                    "header.If-Match": "$response.header.ETag",
                },
            }
            for shows in (paths[thing[0]].get("get", {}), paths.get(thing[1], {}).get("post", {})):
                for answer in _answers(shows):
                    answer.setdefault("links", {})[name] = {"$ref": f"#/components/links/{name}"}


def _answers(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What an operation answers with when it has done what was asked."""
    return (answer for status, answer in operation.get("responses", {}).items() if status < "400")


def _add_examples(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    for part in [operation.get("requestBody", {}), *_answers(operation)]:
        for content in part.get("content", {}).values():
            if "schema" in content and "example" not in content and "examples" not in content:
                content["example"] = example_of(content["schema"], schemas)


def example_of(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], seen: frozenset[str] = frozenset()
) -> Any:
    """An instance of a JSON schema, made of the examples in it. `schemas`: what `$ref` names; one inside itself is left out.

    An optional member whose example is null is left out: it excludes another one, or the example is clearer without it.
    """
    for word in ("example", "default", "const"):
        if word in schema:
            return schema[word]
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return None if name in seen else example_of(schemas[name], schemas, seen | {name})
    for word in ("enum", "examples"):
        if schema.get(word):
            return schema[word][0]
    for word in ("allOf", "anyOf", "oneOf"):
        if word in schema:
            return example_of(schema[word][0], schemas, seen)
    kinds = schema.get("type")
    kind = next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        needed = schema.get("required", ())
        return {
            name: example_of(each, schemas, seen)
            for name, each in schema.get("properties", {}).items()
            if name in needed or each.get("example", "") is not None
        }
    if kind == "array":
        item = example_of(schema.get("items", {}), schemas, seen)
        return [] if item is None else [item] * max(schema.get("minItems", 1), 1)
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    return BY_FORMAT.get(schema.get("format", ""), "…") if kind == "string" else None


def blueprint(service: str, api: Api) -> Blueprint:
    """`/<service>/openapi.json` and `/<service>/docs`."""
    routes = Blueprint("docs", __name__, url_prefix=f"/{service}", template_folder="templates")
    written: list[str] = []

    @routes.get("/openapi.json")
    @public
    def openapi_json() -> Response:
        if not written:  # routes do not change while a process lives
            written.append(json.dumps(openapi(current_app, api), ensure_ascii=False, indent=1))
        return Response(written[0], content_type="application/json")

    @routes.get("/docs")
    @public
    def page() -> Response:
        html = render_template("docs.html", title=api.spec.title, spec=url_for("docs.openapi_json"))
        return Response(html, headers={"Content-Security-Policy": PAGE_POLICY}, mimetype="text/html")

    @routes.get("/docs/<name>")
    @public
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise NotFound
        response = send_from_directory(ASSETS[name], name, max_age=86_400)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response

    return routes
