"""Every page of the four services, read from their URL maps, and the forms that stand on them.

    for page in walked():
        browser.request(page.method, page.path(things))

What a form is filled in with are the examples of the API's routes, for a form is a body of the same schema. A page that takes an id
whose owner nobody knows, or sends a form that is not told here, is an error that names it: whoever adds one says whose it is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared.http.auth import PUBLIC, declared_roles
from shared.http.tokens import ROLES
from shared.ui import Pages, forms
from tests.architecture.test_routes import SERVICES, application_of
from tests.system.interface import ROLES_OF, Route
from tests.system.whose import Family

CONVERTER = re.compile(r"<(?:[^:<>]+:)?(\w+)>")
PAGE = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
PANEL = {**PAGE, "HX-Request": "true"}
FLEETING = re.compile(
    r"""name="_(?:key|loaded)" value="[^"]*"|<code>[A-Za-z0-9-]{8,64}</code>|<time[^>]*>[^<]*</time>"""
)
"""What differs from answer to answer: a form's key and hour, the number of a request."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One route of the URL maps. `rule`: with `{names}` as the OpenAPI documents write them; `is_page`: a person sees it."""

    service: str
    method: str
    rule: str
    roles: frozenset[str]
    is_page: bool

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def takes(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.rule))

    @property
    def is_open(self) -> bool:
        return self.roles == PUBLIC

    def allows(self, caller: str) -> bool:
        return self.is_open or bool(self.roles & ROLES_OF[caller])

    def path(self, things: Mapping[str, Any]) -> str:
        unknown = [name for name in self.takes if name not in things]
        assert not unknown, f"{self}: this test has no value for {unknown}; say whose it is"
        return self.rule.format_map(things)


def url_maps() -> list[Page]:
    """Every route that the services answer, those of programs too."""
    return [page for service in SERVICES for page in _routes(service)]


def walked() -> list[Page]:
    """The routes that a person sees."""
    return [page for page in url_maps() if page.is_page]


def _routes(service: str) -> Iterator[Page]:
    app = application_of(service)
    try:
        for (rule, method), roles in declared_roles(app).items():
            if method != "HEAD":
                yield Page(
                    service=service,
                    method=method,
                    rule=CONVERTER.sub(r"{\1}", rule),
                    roles=roles,
                    is_page=_is_page(app, rule, method),
                )
    finally:
        app.extensions[service].store.database.client.close()


def _is_page(app: Any, rule: str, method: str) -> bool:
    endpoints = {
        each.endpoint for each in app.url_map.iter_rules() if each.rule == rule and method in each.methods
    }
    return any(isinstance(app.blueprints.get(each.rpartition(".")[0]), Pages) for each in endpoints)


# ---------------------------------------------------------------------------------------------- forms


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A form as it is sent: `query`: what its address says beside, `fields`: what stands in it, `roles`: who may give the command
    by the API, where the page is for others too."""

    query: Mapping[str, Any] = field(default_factory=dict)
    fields: Sequence[tuple[str, str]] = ()
    roles: frozenset[str] = ROLES

    def allows(self, caller: str) -> bool:
        return bool(self.roles & ROLES_OF[caller])


OF_COMMANDS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "/intake/appeals/{appeal_id}": (
        "/intake/v1/appeals/{appeal_id}",
        ("screening", "notices", "assign"),
        "_form",
    ),
    "/intake/families/{family_id}": ("/intake/v1/families/{family_id}", ("notices", "same-person"), "_form"),
    "/intake/persons/{person_id}/consents": (
        "/intake/v1/persons/{person_id}",
        ("consents", "consents/withdraw"),
        "_form",
    ),
    "/casework/cases/{case_id}/decision": (
        "/casework/v1/cases/{case_id}",
        ("plan/approve", "plan/return", "closure/approve", "closure/return"),
        "_decision",
    ),
    "/referrals/referrals/{referral_id}": (
        "/referrals/v1/referrals/{referral_id}",
        ("cancel", "acknowledge"),
        "?do",
    ),
    "/referrals/inbox/{referral_id}": (
        "/referrals/v1/referrals/{referral_id}",
        ("accept", "reject", "start", "hold", "resume", "complete", "fail"),
        "?do",
    ),
}
"""Page with several forms → the thing in the API, its commands, and by what the page knows which is sent: a field, or `?` a query."""
OF_ANOTHER_NAME = {
    "/casework/cases/{case_id}/sign": "/casework/v1/cases/{case_id}/plan/sign",
    "/casework/cases/{case_id}/assessment/level": "/casework/v1/cases/{case_id}/assessment",
    "/referrals/new": "/referrals/v1/referrals",
    "/notifications/messages/{message_id}": "/notifications/v1/messages/{message_id}/acknowledge",
    "/intake/search": "/intake/v1/persons/search",
    "/intake/register": "/intake/v1/appeals",
    "/intake/register/draft": "/intake/v1/appeals",
    "/intake/register/household": "/intake/v1/appeals",
    "/intake/register/look": "/intake/v1/appeals",
    "/intake/register/next": "/intake/v1/appeals",
}
"""Page → the route of the API with the same body, where the address does not say it."""
BARE = {
    "/intake/register/drafts/{draft_id}/drop",
    "/referrals/inbox/{referral_id}/client",
    "/session/log-out",
}
"""Buttons: forms without fields."""


def forms_of(page: Page, routes: Sequence[Route], things: Mapping[str, Any]) -> list[Sent]:
    """Every form that the page sends, filled in about these things. Fails with the name of a page whose forms are not known."""
    by_path = {route.path: route for route in routes if route.body is not None}

    def form(path: str, query: Mapping[str, Any] | None = None, **more: str) -> Sent:
        assert path in by_path, (
            f"{page}: this test does not know its form; say by which route of the API it is read"
        )
        route = by_path[path]
        typed = forms.blank(about(route.example, things)).raw
        return Sent(query=query or {}, fields=[*typed.items(multi=True), *more.items()], roles=route.roles)

    if page.rule in BARE:
        return [Sent()]
    if page.rule in OF_COMMANDS:
        thing, commands, by = OF_COMMANDS[page.rule]
        if by.startswith("?"):
            return [form(f"{thing}/{name}", {by[1:]: name}) for name in commands]
        return [form(f"{thing}/{name}", **{by: name.rpartition("consents/")[2]}) for name in commands]
    (path,) = tried(page)
    return [form(path, {"case_id": things["case_id"]} if page.rule == "/referrals/new" else {})]


def tried(page: Page) -> set[str]:
    """The routes of the API whose bodies the page's forms are."""
    if page.rule in OF_COMMANDS:
        thing, commands, _ = OF_COMMANDS[page.rule]
        return {f"{thing}/{name}" for name in commands}
    alike = page.rule.replace(f"/{page.service}/", f"/{page.service}/v1/", 1)
    return set() if page.rule in BARE else {OF_ANOTHER_NAME.get(page.rule, alike)}


def about(body: Any, things: Mapping[str, Any]) -> Any:
    """A body of the documentation, with the ids of these things in it."""
    known = {name: things[name] for name in ("case_id", "person_id") if name in body and name in things}
    return {**body, **known}


# ---------------------------------------------------------------------------------------------- asking


def browser(origin: str, token: str | None = None, **headers: str) -> httpx.Client:
    """A browser with somebody's access token in its cookie; without one nobody is logged in to it."""
    cookies = {"bt_access": token} if token else None
    return httpx.Client(
        base_url=origin, cookies=cookies, headers={**PAGE, **headers}, timeout=20, trust_env=False
    )


def send(http: httpx.Client, page: Page, path: str, sent: Sent, **own: Any) -> httpx.Response:
    """Send a form; `own`: further fields, such as `_version`."""
    data: dict[str, list[str]] = {}
    for name, value in [*sent.fields, *((name, str(value)) for name, value in own.items())]:
        data.setdefault(name, []).append(value)
    return http.request(page.method, path, params=sent.query or None, data=data)


def attempts(
    page: Page, routes, things: Mapping[str, Any], versions: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """How a page is tried: as a page and as a panel; each of its forms, on the version that the thing has now."""
    if page.method == "GET":
        yield from ({"headers": headers} for headers in ({}, PANEL))
        return
    for sent in forms_of(page, routes, things):
        yield {"sent": sent, "version": versions.get(page.takes[0]) if page.takes else None}


# ---------------------------------------------------------------------------------------------- what tests share


def counted(world) -> dict[str, int]:
    """How much there is of everything that people write."""
    return {
        f"{service}.{name}": world.database(service)[name].count_documents({})
        for service in ("intake", "casework", "referrals", "notifications")
        for name in world.database(service).list_collection_names()
        if name not in ("access_log", "lease", "heartbeats")
    }


@pytest.fixture(scope="module")
def maps() -> list[Page]:
    return url_maps()


@pytest.fixture(scope="module")
def pages(maps) -> list[Page]:
    found = [page for page in maps if page.is_page and not page.is_open]
    assert len(found) > 70
    return found


@pytest.fixture(scope="module")
def with_ids(pages) -> list[Page]:
    return [page for page in pages if page.takes]


@pytest.fixture(scope="module")
def at(stack, people):
    """Browsers by the login or client id of who sits at them."""
    known: dict[str, httpx.Client] = {}

    def window(name: str) -> httpx.Client:
        if name not in known:
            token = people(name).http.headers["Authorization"].removeprefix("Bearer ")
            known[name] = browser(stack.origin, token)
        return known[name]

    yield window
    for each in known.values():
        each.close()


@pytest.fixture(scope="module")
def things(families, at) -> dict[str, dict[str, Any]]:
    """Family → the values of all names that pages use; the draft is one that its holder has begun."""
    return {
        name: {**family.things, "draft_id": draft_of(at(family.holder))} for name, family in families.items()
    }


def draft_of(http: httpx.Client) -> str:
    """The id of a new draft of an appeal."""
    seen = set(drafts(http))
    answer = http.post(
        "/intake/register/draft", data={"_key": uuid.uuid4().hex, "applicant.family_name": "Draftova"}
    )
    assert answer.status_code == 200, answer.text[:300]
    (made,) = set(drafts(http)) - seen
    return made


def drafts(http: httpx.Client) -> list[str]:
    return re.findall(r"/intake/register/drafts/([0-9a-f-]{36})/drop", http.get("/intake/register").text)


@pytest.fixture(scope="module")
def versions(people, routes, families, world) -> dict[str, dict[str, int]]:
    """Family → name of an id → the version that this thing has now."""
    world.at_rest()
    return {name: versions_of(people, routes, family) for name, family in families.items()}


def versions_of(people, routes, family: Family) -> dict[str, int]:
    found = {
        route.takes[0]: int(route.send(people(family.head), family.things).headers["ETag"].strip('"'))
        for route in routes
        if route.is_resource and len(route.takes) == 1
    }
    assert {"appeal_id", "family_id", "person_id", "case_id", "referral_id", "message_id"} <= set(found)
    return found
