"""A small service with a few routes, its issuer's keys, and a client. No sockets: Flask's test client, keys given as they are."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.views import MethodView
from joserfc import jwt
from joserfc.jwk import ECKey
from marshmallow import fields as ma
from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure

from shared import refusals
from shared.http import (
    Blueprint,
    ListArgs,
    actor,
    command_request,
    create_app,
    create_request,
    decode_cursor,
    first,
    page,
    page_of,
    problem_pages,
    public,
    respond,
    roles,
    unconditional,
)
from shared.http.fields import Code, Count, Empty, Flag, Id, Kato, Moment, ReadableId, Schema, Text
from shared.http.tokens import Verifier
from shared.i18n import N_
from shared.settings import Settings

ISSUER = "http://127.0.0.1:8000/oidc"


class Address(Schema):
    kato = Kato({"71", "75"}, required=True)
    line = Text(100)


class ThingIn(Schema):
    name = Text(20, required=True)
    colour = Code(("red", "blue"))
    size = Count(1, 10)
    urgent = Flag(allow_none=True)
    at = Moment()
    address = ma.Nested(Address)
    places = ma.List(ma.Nested(Address))


class ThingOut(ThingIn):
    id = Id(required=True)
    holder = ReadableId(required=True)
    version = Count(required=True)


class Filters(ListArgs):
    colour = Code(("red", "blue"))


class Reason(Schema):
    reason = Text(200, required=True, multiline=True)


FAILURES = {
    "missing": refusals.NotFound(),
    "wrong-state": refusals.WrongState(["accept", "reject"]),
    "possible-duplicate": refusals.PossibleDuplicate(
        [{"person_id": "p", "score": 1.0, "reasons": ["phone"]}]
    ),
    "no-consent": refusals.NoConsent(["share:health"]),
    "unavailable": refusals.Unavailable(7),
    "invalid": refusals.Invalid({"a.b": [N_("Longer than maximum length {max}.", max=5)]}),
    "away": AutoReconnect("Айгерим at 10.0.0.1"),
    "not-primary": NotPrimaryError("no", {"code": 10107}),
    "write-conflict": OperationFailure("conflict", 112),
    "broken-index": OperationFailure("duplicate Айгерим", 86),
    "bug": RuntimeError("Айгерим Серікқызы, +77011234567"),
}


def demo_blueprint() -> Blueprint:
    blueprint = Blueprint("things", __name__, url_prefix="/demo/v1")

    @blueprint.route("/things")
    class Things(MethodView):
        @roles("worker", "supervisor")
        @blueprint.arguments(Filters, location="query")
        @blueprint.response(200, page_of(ThingOut))
        def get(self, filters):
            """Things, by size."""
            after = decode_cursor(filters["cursor"], (int, str))
            rows = [{"id": str(uuid.UUID(int=n)), "name": "x", "holder": "a", "version": n} for n in range(5)]
            rows = [row for row in rows if after is None or row["version"] > after[0]]
            shown, last = first(rows, filters["limit"])
            return page(shown, last and (last["version"], last["id"]))

        @roles("worker")
        @blueprint.arguments(ThingIn)
        @blueprint.response(201, ThingOut)
        def post(self, body):
            """Make a thing."""
            once = create_request()
            thing = {
                **body,
                "id": str(uuid.uuid5(uuid.NAMESPACE_URL, once.key)),
                "holder": actor().sub,
                "version": 1,
            }
            return respond(thing, 1, 201)

    @blueprint.route("/things/<uuid:thing_id>/assign")
    class Assign(MethodView):
        @roles("supervisor")
        @blueprint.arguments(Reason)
        @blueprint.response(200)
        def post(self, body, thing_id):
            """Give it to somebody else."""
            ask = command_request("assign")
            return {
                "command": ask.command,
                "key": ask.key,
                "hash": ask.hash,
                "if_match": ask.if_match,
                "reason": body["reason"],
            }

    @blueprint.route("/things/<uuid:thing_id>/approve")
    class Approve(MethodView):
        @roles("supervisor")
        @blueprint.arguments(Empty)
        @blueprint.response(200)
        def post(self, body, thing_id):
            return {}

    @blueprint.route("/things/<uuid:thing_id>/door")
    class Door(MethodView):
        @unconditional
        @roles("service")
        @blueprint.response(200)
        def post(self, thing_id):
            """No body."""
            return {"sub": actor().sub}

    @blueprint.route("/things/<uuid:thing_id>")
    class Thing(MethodView):
        @roles("worker", "supervisor")
        @blueprint.response(200, ThingOut)
        def get(self, thing_id):
            """One thing."""
            return respond({"id": str(thing_id), "name": "x", "holder": "a", "version": 7}, 7)

        @roles("worker")
        @blueprint.arguments(ThingIn(partial=True))
        @blueprint.response(200, ThingOut(exclude=("places",)))
        def patch(self, body, thing_id):
            """Correct it."""
            ask = command_request("correct")
            return respond(
                {"name": "x", **body, "id": str(thing_id), "holder": "a", "version": 8}, ask.if_match or 0
            )

    @blueprint.route("/things/mine")
    class Mine(MethodView):
        @roles("worker")
        @blueprint.arguments(ListArgs, location="query")
        @blueprint.response(200, page_of(ThingOut))
        def get(self, filters):
            """Another list of the same."""
            return page([], None)

    @blueprint.route("/fail/<name>")
    class Fail(MethodView):
        @public
        @blueprint.response(200)
        def get(self, name):
            raise FAILURES[name]

    return blueprint


class Issuer:
    """Signs tokens, and gives the JWKS as a fetch would."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "k1"})
        self.fetches = 0

    def jwks(self) -> dict[str, Any]:
        self.fetches += 1
        return {"keys": [self.key.as_dict(private=False)]}

    def claims(self, sub: str = "worker.astana", *roles: str, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "birtereze",
            "sub": sub,
            "client_id": "panel",
            "iat": now,
            "exp": now + 900,
            "jti": uuid.uuid4().hex,
            "roles": list(roles or ("worker",)),
            "center_id": "center-71-1",
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, sub: str = "worker.astana", *roles: str, **changed: Any) -> str:
        return self.sign(self.claims(sub, *roles, **changed))

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = None) -> str:
        header = header or {"alg": "ES256", "typ": "at+jwt", "kid": "k1"}
        return jwt.encode(header, claims, key or self.key, algorithms=["ES256", "HS256", "none"])


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def store() -> dict[str, Any]:
    """What the demo's store and worker say; a test may change it."""
    return {
        "up": True,
        "log": {"last_seen": datetime(2026, 11, 24, 5, tzinfo=UTC), "backlog": 3},
        "breaches": 0,
    }


@pytest.fixture
def app(issuer: Issuer, store: dict[str, Any]):
    def store_check() -> None:
        if not store["up"]:
            raise AutoReconnect("down")

    app = create_app(
        "demo",
        settings=Settings(),
        blueprints=[demo_blueprint(), problem_pages()],
        store_check=store_check,
        log_state=lambda: store["log"],
        breaches=lambda: store["breaches"],
        translations=Path(__file__).parent / "none",
        verifier=Verifier(ISSUER, "", fetch=issuer.jwks),
    )
    app.testing = True
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def worker(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token('worker.astana', 'worker')}"}


@pytest.fixture
def supervisor(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token('supervisor.astana', 'supervisor')}"}
