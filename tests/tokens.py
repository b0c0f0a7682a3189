"""Tokens for tests of one application: keys of our own, given to the verifier as they are."""

from __future__ import annotations

import time
import uuid
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from shared.http.tokens import Verifier

ISSUER = "http://127.0.0.1:8000/oidc"
KEY = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
KEY.ensure_kid()

ASTANA = {"center_id": "center-71-1"}
PEOPLE: dict[str, dict[str, Any]] = {
    "worker.astana": {"roles": ["worker"], **ASTANA},
    "worker2.astana": {"roles": ["worker"], **ASTANA},
    "supervisor.astana": {"roles": ["supervisor"], **ASTANA},
    "worker.almaty": {"roles": ["worker"], "center_id": "center-75-1"},
    "supervisor.almaty": {"roles": ["supervisor"], "center_id": "center-75-1"},
    "regional.astana": {"roles": ["regional"], "region": "71"},
    "national": {"roles": ["national"]},
    "auditor": {"roles": ["auditor"]},
    "partner.health.astana": {"roles": ["partner"], "agency_id": "agency-health-astana"},
    "agency-health-astana": {"roles": ["partner"], "agency_id": "agency-health-astana"},
    "agency-police-astana": {"roles": ["partner"], "agency_id": "agency-police-astana"},
    "registry-family-map": {"roles": ["registry"]},
    "service-referrals": {"roles": ["service"]},
    "service-notifications": {"roles": ["service"]},
}


def verifier() -> Verifier:
    """A verifier that knows the tests' key and asks nobody."""
    return Verifier(ISSUER, "http://127.0.0.1:9/unused", fetch=lambda: KeySet([KEY]).as_dict(private=False))


def token(login: str, **claims: Any) -> str:
    """An access token of a demo user or client; `claims` replace or add to those in the table."""
    now = int(time.time())
    said = {
        "iss": ISSUER, "aud": "birtereze", "sub": login, "client_id": login, "iat": now, "exp": now + 900,
        "jti": uuid.uuid4().hex, **PEOPLE.get(login, {}), **claims,
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid}, said, KEY)


def bearer(login: str, **claims: Any) -> dict[str, str]:
    """The header with such a token."""
    return {"Authorization": f"Bearer {token(login, **claims)}"}
