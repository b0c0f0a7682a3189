"""Every route says which roles may use it, and refuses all others: walked over the URL maps, not over a list by hand."""

from __future__ import annotations

import importlib
import re

import pytest

from shared.http.auth import PUBLIC, declared_roles
from shared.http.tokens import ROLES
from shared.settings import Settings
from tests.tokens import bearer, verifier

SERVICES = ("intake", "casework", "referrals", "notifications")
OPEN_TO_ALL = {"healthz", "readyz", "metrics", "openapi.json", "docs", "problems", "session"}
UUID = "6f1f3f0e-0000-4000-8000-000000000000"


def application_of(service: str):
    """The real application, on a database that does not exist: nothing here may get as far as the store."""
    url = "mongodb://127.0.0.1:9/?replicaSet=rs0"
    module = importlib.import_module(f"services.{service}.app")
    settings_module = importlib.import_module(f"services.{service}.settings")
    kind = next(
        (
            k
            for k in vars(settings_module).values()
            if isinstance(k, type) and issubclass(k, Settings) and k is not Settings
        ),
        Settings,
    )
    return module.create_app(kind(mongo_url=url, log_level="error"), verifier=verifier())


@pytest.fixture(scope="module", params=SERVICES)
def app(request):
    application = application_of(request.param)
    yield application
    application.extensions[request.param].store.database.client.close()


def path_of(rule: str) -> str:
    return re.sub(r"<(?:[^:<>]+:)?[^<>]+>", UUID, re.sub(r"<int:[^<>]+>", "1", rule))


def test_what_is_open_to_all_is_what_the_contract_opens(app):
    for (rule, _), allowed in declared_roles(app).items():
        if allowed == PUBLIC:
            assert set(rule.strip("/").split("/")) & OPEN_TO_ALL, f"{rule} is open to all"


def test_every_route_refuses_the_roles_that_it_does_not_name(app):
    client = app.test_client()
    walked = 0
    for (rule, method), allowed in declared_roles(app).items():
        if allowed == PUBLIC:
            continue
        for role in sorted(ROLES - allowed):
            answer = client.open(
                path_of(rule),
                method=method,
                headers=bearer("somebody", roles=[role], center_id="center-71-1"),
            )
            assert answer.status_code == 403, f"{method} {rule} lets {role} in: {answer.status_code}"
            assert method == "HEAD" or answer.json["type"] == "/problems/forbidden"
            walked += 1
    assert walked > 20


def test_every_route_refuses_who_has_no_token_or_a_role_unknown_to_us(app):
    client = app.test_client()
    for (rule, method), allowed in declared_roles(app).items():
        if allowed == PUBLIC:
            continue
        answer = client.open(path_of(rule), method=method)
        assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, True), f"{method} {rule}"
        answer = client.open(path_of(rule), method=method, headers=bearer("somebody", roles=["minister"]))
        assert answer.status_code == 403, f"{method} {rule}"


def test_every_route_stands_under_its_service(app):
    for rule in app.url_map.iter_rules():
        first = rule.rule.strip("/").split("/")[0]
        assert first in {app.name, "problems", "session"}, rule.rule
