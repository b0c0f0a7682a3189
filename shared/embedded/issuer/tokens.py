"""The access tokens: RFC 9068, signed with ES256, and the one place that says which claims they carry."""

from __future__ import annotations

import time
import uuid
from typing import Any

from authlib.common.security import generate_token
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc import jwt
from joserfc.jwk import KeySet

from shared.embedded.issuer.accounts import Client, User

AUDIENCE = "birtereze"


def claims(issuer: str, client: Client, user: User | None, now: int, seconds: int) -> dict[str, Any]:
    """The claims that services rely on (`shared.http.tokens`); one that somebody does not have is left out, never null.

    `sub` is the login, or the client's id where a program acts for itself: it is what "staff id" means everywhere.
    """
    return {
        "iss": issuer,
        "sub": user.login if user else client.id,
        "aud": AUDIENCE,
        "client_id": client.id,
        "iat": now,
        "exp": now + seconds,
        "jti": uuid.uuid4().hex,
        **(user.claims if user else client.claims),
    }


class AccessTokens(JWTBearerTokenGenerator):
    """Authlib's generator, with exactly our claims (its own would write an empty `scope` for programs)."""

    def __init__(self, issuer: str, keys: KeySet, seconds: int) -> None:
        super().__init__(
            issuer,
            alg="ES256",
            refresh_token_generator=lambda **_: generate_token(43),
            expires_generator=lambda client, grant_type: seconds,
        )
        self._keys, self._seconds = keys, seconds

    def get_jwks(self) -> KeySet:
        return self._keys

    def access_token_generator(self, client: Client, grant_type: str, user: User | None, scope: str) -> str:
        header = {"alg": "ES256", "typ": "at+jwt"}
        return jwt.encode(
            header, claims(self.issuer, client, user, int(time.time()), self._seconds), self._keys
        )
