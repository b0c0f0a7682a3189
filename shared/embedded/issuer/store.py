"""Authorization codes and refresh tokens, in the database `issuer`: kept as hashes, gone by themselves when they expire.

A reader of the database can log in with none of them. Whoever redeems a code takes it out in the same operation, so that a
code is used once, whatever races. Errors: pymongo's, when the database is away.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from authlib.oidc.core.models import AuthorizationCodeMixin
from pymongo.database import Database


@dataclass(frozen=True, kw_only=True)
class Code(AuthorizationCodeMixin):
    """What was agreed when a person logged in: for whom, through which client, and the PKCE challenge to answer."""

    client_id: str
    sub: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    auth_time: int
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class RefreshToken:
    """A log-in that goes on. `key` is the token's hash."""

    key: str
    client_id: str
    sub: str
    scope: str

    def check_client(self, client) -> bool:
        return self.client_id == client.get_client_id()

    def get_scope(self) -> str:
        return self.scope


class Store:
    def __init__(self, database: Database) -> None:
        self._codes = database["codes"]
        self._refresh_tokens = database["refresh_tokens"]

    def ensure_indexes(self) -> None:
        for collection in (self._codes, self._refresh_tokens):
            collection.create_index("expires_at", expireAfterSeconds=0)
        self._codes.create_index("nonce")
        self._refresh_tokens.create_index("sub")

    def add_code(self, code: str, agreed: Code, seconds: int) -> None:
        self._codes.insert_one(
            {"_id": _hash(code), **asdict(agreed), "expires_at": _now() + timedelta(seconds=seconds)}
        )

    def take_code(self, code: str, client_id: str) -> Code | None:
        """The code, which from now on is used up, even when the exchange then fails. None: unknown, used, late, foreign."""
        found = self._codes.find_one_and_delete({"_id": _hash(code)})
        if not found or found["client_id"] != client_id or found.pop("expires_at") <= _now():
            return None
        del found["_id"]
        return Code(**found)

    def knows_nonce(self, nonce: str, client_id: str) -> bool:
        return self._codes.find_one({"nonce": nonce, "client_id": client_id}, {"_id": 1}) is not None

    def add_refresh_token(self, token: str, *, client_id: str, sub: str, scope: str, seconds: int) -> None:
        expires_at = _now() + timedelta(seconds=seconds)
        self._refresh_tokens.insert_one(
            {
                "_id": _hash(token),
                "client_id": client_id,
                "sub": sub,
                "scope": scope,
                "expires_at": expires_at,
            }
        )

    def refresh_token(self, token: str) -> RefreshToken | None:
        found = self._refresh_tokens.find_one({"_id": _hash(token), "expires_at": {"$gt": _now()}})
        if not found:
            return None
        return RefreshToken(
            key=found["_id"], client_id=found["client_id"], sub=found["sub"], scope=found["scope"]
        )

    def revoke(self, token: RefreshToken) -> None:
        self._refresh_tokens.delete_one({"_id": token.key})

    def revoke_all_of(self, sub: str) -> None:
        self._refresh_tokens.delete_many({"sub": sub})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)
