"""The interface of the running services, read from their own OpenAPI documents: the tests walk over it, not over lists by hand.

    for route in routes_of(documents(stack.origin)):
        answer = route.send(caller, things, headers=…)

`things` are values by the names that the routes use (`case_id`, `person_id`, `n` …). A name that no test has a value for is an
error that names the route: whoever adds a route with a new kind of id has to say here whose it is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.embedded.log_ins import demo_users
from tests.callers import Caller

SERVICES = ("intake", "casework", "referrals", "notifications")
METHODS = ("get", "post", "patch", "put", "delete")
ROLES_OF = {
    line.get("login") or line["id"]: frozenset(line.get("roles", ()))
    for lines in demo_users().values()
    for line in lines
}
"""Login or client id → roles."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation. `takes`: the names in its path; `filters`: its query parameters by name; `example`: a valid body, if it has one."""

    service: str
    method: str
    path: str
    roles: frozenset[str]
    takes: tuple[str, ...]
    filters: Mapping[str, Mapping[str, Any]] = field(repr=False)
    headers: Mapping[str, bool] = field(repr=False)
    """Header → whether it is required."""
    body: Mapping[str, Any] | None = field(repr=False)
    example: Any = field(repr=False)
    shown: Mapping[str, Any] = field(repr=False)
    """Schema of what a successful answer holds."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and "cursor" in self.filters

    @property
    def is_create(self) -> bool:
        return self.headers.get("Idempotency-Key", False)

    @property
    def is_command(self) -> bool:
        return "If-Match" in self.headers

    @property
    def is_resource(self) -> bool:
        """One thing, with its version."""
        return self.method == "GET" and "version" in self.shown.get("properties", {})

    @property
    def resource(self) -> str:
        """The path of the thing that this is a command on (or that it shows)."""
        return re.match(r"(/[^{]*\{[^}]*\})?", self.path).group(0)  # type: ignore[union-attr]

    def allows(self, caller: str) -> bool:
        return bool(self.roles & ROLES_OF[caller])

    def url(self, things: Mapping[str, Any]) -> str:
        """The address for these things. KeyError-free: what is not known is an AssertionError that names the route."""
        unknown = [name for name in self.takes if name not in things]
        assert not unknown, f"{self}: this test has no value for {unknown}; say whose it is"
        return self.path.format_map(things)

    def send(self, caller: Caller, things: Mapping[str, Any], **options: Any) -> httpx.Response:
        """Call it, with the documented example as the body unless `json` or `content` says otherwise."""
        if self.body is not None and not {"json", "content"} & set(options):
            options["json"] = self.example
        return caller.http.request(self.method, self.url(things), **options)


def documents(origin: str) -> dict[str, dict[str, Any]]:
    """The four OpenAPI documents, by service."""
    return {
        service: httpx.get(f"{origin}/{service}/openapi.json", trust_env=False).json() for service in SERVICES
    }


def routes_of(documents: Mapping[str, dict[str, Any]]) -> list[Route]:
    return [route for service, document in documents.items() for route in _routes(service, document)]


def _routes(service: str, document: dict[str, Any]) -> Iterator[Route]:
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield _route(service, method, path, item[method], schemas)


def _route(
    service: str, method: str, path: str, operation: dict[str, Any], schemas: Mapping[str, Any]
) -> Route:
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answer = next(value for status, value in operation["responses"].items() if status < "300")
    told = re.search(r"Roles: (.+)\.$", operation["description"])
    return Route(
        service=service,
        method=method.upper(),
        path=path,
        roles=frozenset(told.group(1).split(", ")) if told else frozenset(),
        takes=tuple(re.findall(r"\{(\w+)\}", path)),
        filters={each["name"]: each for each in parameters if each["in"] == "query"},
        headers={each["name"]: each.get("required", False) for each in parameters if each["in"] == "header"},
        body=resolved(content["schema"], schemas) if content else None,
        example=content.get("example"),
        shown=resolved(answer["content"]["application/json"]["schema"], schemas),
    )


def resolved(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in place."""
    if isinstance(schema, list):
        return [resolved(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    return {name: resolved(each, schemas) for name, each in schema.items()}


def ids_in(schema: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted paths of the members of a body that are ids of something created here (UUIDs)."""
    for part in (schema, *schema.get("anyOf", ())):
        if part.get("format") == "uuid":
            yield ".".join(at)
        for name, member in part.get("properties", {}).items():
            yield from ids_in(member, (*at, name))
        if "items" in part:
            yield from ids_in(part["items"], at)


def with_member(body: Any, path: str, value: Any) -> Any:
    """The body with another value at a dotted path; objects that were left out on the way are made."""
    name, _, rest = path.partition(".")
    return {**body, name: with_member(body.get(name) or {}, rest, value) if rest else value}


def fresh() -> str:
    """An id that nothing has."""
    return str(uuid.uuid4())


def following(
    caller: Caller, path: str, query: Mapping[str, Any], most: int = 20
) -> Iterator[httpx.Response]:
    """All pages of a list."""
    cursor = None
    for _ in range(most):
        answer = caller.http.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        yield answer
        cursor = answer.json().get("next")
        if cursor is None:
            return
    raise AssertionError(f"{path}: more than {most} pages")
