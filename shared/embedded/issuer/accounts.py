"""The demo users and clients as Authlib wants to see them: who may log in, which program may fetch which token."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin

from shared.embedded.log_ins import Secrets, demo_users

CLAIMS = ("roles", "center_id", "region", "agency_id", "name")


@dataclass(frozen=True)
class User:
    """Somebody who may log in. `claims` holds those of `CLAIMS` that this person has."""

    login: str
    password: str = field(repr=False)
    claims: Mapping[str, Any]

    def get_user_id(self) -> str:
        return self.login


@dataclass(frozen=True)
class Client(ClientMixin):
    """A program that may fetch tokens; either people log in through it, or it acts for itself (client credentials)."""

    id: str
    secret: str = field(repr=False)
    claims: Mapping[str, Any]
    grants: tuple[str, ...]
    scopes: frozenset[str] = frozenset()
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()

    id_token_signed_response_alg = "ES256"  # noqa: S105 - Authlib assumes RS256 otherwise

    @property
    def client_metadata(self) -> dict[str, Any]:
        return {"post_logout_redirect_uris": list(self.post_logout_redirect_uris)}

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope that is granted; None (Authlib's word for *refused*) unless it is exactly this client's.

        People's client has to ask for `openid`: without it Authlib would not insist on a nonce.
        """
        return " ".join(self.scopes) if set((scope or "").split()) == self.scopes else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.redirect_uris)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants


@dataclass(frozen=True)
class Accounts:
    users: Mapping[str, User]
    clients: Mapping[str, Client]

    def user_with(self, login: str, password: str) -> User | None:
        """The user whose password this is. Takes the same time for a login that does not exist."""
        user = self.users.get(login)
        expected = user.password if user else random.token_hex(6)
        fits = compare_digest(expected.encode(), password.encode("utf-8", "replace"))
        return user if fits else None


def load_accounts(secrets: Secrets, origin: str) -> Accounts:
    """All demo users and clients. `origin`: where people come back to after the log-in."""
    lines = demo_users()
    users = [User(line["login"], secrets.users[line["login"]], _claims(line)) for line in lines["user"]]
    clients = [_client(line, secrets.clients[line["id"]], origin) for line in lines["client"]]
    return Accounts({user.login: user for user in users}, {client.id: client for client in clients})


def _client(line: Mapping[str, Any], secret: str, origin: str) -> Client:
    if not line.get("people"):
        return Client(line["id"], secret, _claims(line), ("client_credentials",))
    return Client(
        line["id"],
        secret,
        _claims(line),
        ("authorization_code", "refresh_token"),
        frozenset({"openid"}),
        (f"{origin}/session/callback",),
        (f"{origin}/", f"{origin}/intake/"),
    )


def _claims(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in CLAIMS if name in line}
