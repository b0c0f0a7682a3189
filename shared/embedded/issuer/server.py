"""Authlib's authorization server and grants, tightened to what OAuth 2.1 asks for.

Stock Authlib accepts PKCE `plain`, even as the default, and does not insist on PKCE for clients with a secret; parameters may
come in query and body alike. Here: S256 or nothing, HTTP Basic or nothing, OAuth parameters of the log-in page from the query
only and those of `/token` from the body only. The grants reach what they need through `self.server`.
"""

from __future__ import annotations

import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from authlib.oidc.rpinitiated import EndSessionEndpoint
from flask import Flask
from flask import request as http_request
from joserfc.jwk import KeySet

from shared.embedded.issuer.accounts import Accounts, Client, User
from shared.embedded.issuer.settings import IssuerSettings
from shared.embedded.issuer.store import Code, RefreshToken, Store
from shared.embedded.issuer.tokens import AccessTokens

BASIC_ONLY = ["client_secret_basic"]


class _Payload(FlaskOAuth2Payload):
    @property
    def data(self):
        on_log_in_page = self._request.path.endswith("/authorize")
        return self._request.args if on_log_in_page or self._request.method == "GET" else self._request.form


class _Request(FlaskOAuth2Request):
    def __init__(self, request) -> None:
        super().__init__(request)
        self.payload = _Payload(request)


class Server(AuthorizationServer):
    def __init__(
        self, app: Flask, settings: IssuerSettings, accounts: Accounts, store: Store, keys: KeySet
    ) -> None:
        self.settings, self.accounts, self.store, self.keys = settings, accounts, store, keys
        super().__init__(app, accounts.clients.get, self._keep_refresh_token)
        self.register_token_generator(
            "default", AccessTokens(settings.issuer_url, keys, settings.access_token_seconds)
        )
        self.register_grant(CodeGrant, [OnlyS256(required=True), IdToken(self)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientCredentialsGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(EndSession)

    def create_oauth2_request(self, request) -> _Request:
        return _Request(http_request)

    def _keep_refresh_token(self, token: dict, request) -> None:
        if "refresh_token" in token:
            self.store.add_refresh_token(
                token["refresh_token"],
                client_id=request.client.id,
                sub=request.user.login,
                scope=token.get("scope", ""),
                seconds=self.settings.refresh_token_seconds,
            )


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = BASIC_ONLY

    def save_authorization_code(self, code: str, request) -> None:
        asked = request.payload.data
        agreed = Code(
            client_id=request.client.id,
            sub=request.user.login,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=asked["nonce"],
            code_challenge=asked["code_challenge"],
            auth_time=int(time.time()),
        )
        self.server.store.add_code(code, agreed, self.server.settings.code_seconds)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.store.take_code(code, client.id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It went when it was taken."""

    def authenticate_user(self, authorization_code: Code) -> User | None:
        return self.server.accounts.users.get(authorization_code.sub)


class OnlyS256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
    CODE_CHALLENGE_METHODS = {"S256": CodeChallenge.CODE_CHALLENGE_METHODS["S256"]}
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant, redirect_uri) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge"):
            raise InvalidRequestError("Missing 'code_challenge'")
        if asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge_method' must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):
    def __init__(self, server: Server) -> None:
        super().__init__(require_nonce=True)
        self._server = server

    def exists_nonce(self, nonce: str, request) -> bool:
        return self._server.store.knows_nonce(nonce, request.payload.client_id)

    def resolve_client_private_key(self, client: Client) -> KeySet:
        return self._server.keys

    def get_client_claims(self, client: Client) -> dict:
        return {"iss": self._server.settings.issuer_url, "aud": client.id}

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return UserInfo(sub=user.login, name=user.claims["name"])


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = BASIC_ONLY
    INCLUDE_NEW_REFRESH_TOKEN = False

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        return self.server.store.refresh_token(refresh_token)

    def authenticate_user(self, refresh_token: RefreshToken) -> User | None:
        return self.server.accounts.users.get(refresh_token.sub)

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """Kept: without rotation, panels that refresh at the same moment all succeed."""


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = BASIC_ONLY


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = BASIC_ONLY

    def query_token(self, token_string: str, token_type_hint: str | None) -> RefreshToken | None:
        return self.server.store.refresh_token(token_string)

    def revoke_token(self, token: RefreshToken, request) -> None:
        self.server.store.revoke(token)


class EndSession(EndSessionEndpoint):
    """Log-out: with an id token as the hint, all refresh tokens of that person end.

    A link without a hint ends nothing (anybody could send one), but may lead back to a page of the client.
    """

    def get_server_jwks(self) -> KeySet:
        return self.server.keys

    def get_algorithms(self) -> list[str]:
        return ["ES256"]

    def is_post_logout_redirect_uri_legitimate(
        self, request, post_logout_redirect_uri, client, logout_hint
    ) -> bool:
        return True  # only registered addresses come this far

    def end_session(self, end_session_request) -> None:
        hint = end_session_request.id_token_claims or {}
        # An access token is signed with the same key; only one made for a client is an id token.
        if hint.get("sub") and hint.get("aud") in self.server.accounts.clients:
            self.server.store.revoke_all_of(hint["sub"])
