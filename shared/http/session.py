"""The log-in of a person, kept in two cookies on the one origin: pages use the same tokens as programs.

`bt_access` is the access token (minutes), checked by every service like a bearer token. `bt_refresh` is the refresh token (a
working day), with which any service renews the access token on its own answer. There is no store of sessions. The refresh token is
not rotated: four panels that renew at the same moment would otherwise log each other out; it is revoked at log-out.

`SameSite=Lax` does not tell ports of one host apart, so a request that changes something and comes by cookie must also say that it
was sent by a page of our own origin (`from_our_pages`).
"""

from __future__ import annotations

from typing import Any

import httpx
from flask import Response, g, request

from shared import telemetry
from shared.i18n import N_
from shared.refusals import Forbidden, Unavailable
from shared.settings import Settings

ACCESS, REFRESH = "bt_access", "bt_refresh"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TIMEOUT = 2.0
RETRY_AFTER = 5


class LogIn:
    """What the issuer does for the pages' client: tokens for a code, a new access token, the end of a log-in."""

    def __init__(self, settings: Settings, http: httpx.Client | None = None) -> None:
        self.settings = settings
        self._http = http or httpx.Client(timeout=TIMEOUT, trust_env=False)
        self._client = (settings.pages_client_id, settings.pages_client_secret)

    def renewed(self, refresh_token: str) -> str | None:
        """A new access token; None when the log-in has ended. Raises Unavailable while the issuer is away."""
        answer = self._ask(
            self.settings.tokens_url, {"grant_type": "refresh_token", "refresh_token": refresh_token}
        )
        return answer.json()["access_token"] if answer.status_code == 200 else None

    def redeemed(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any] | None:
        """The tokens for an authorization code; None when the issuer refuses it. Raises Unavailable."""
        told = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
        answer = self._ask(self.settings.tokens_url, {"grant_type": "authorization_code", **told})
        return answer.json() if answer.status_code == 200 else None

    def ended(self, refresh_token: str) -> None:
        """Let the issuer forget the log-in. Raises Unavailable: then it has not ended."""
        self._ask(self.settings.revocation_url, {"token": refresh_token})

    def _ask(self, url: str, form: dict[str, str]) -> httpx.Response:
        try:
            answer = self._http.post(url, data=form, auth=self._client)
        except httpx.HTTPError as error:
            telemetry.logger().warning("the issuer does not answer", exc_info=error)
            raise Unavailable(RETRY_AFTER, N_("The log-in service does not answer right now.")) from None
        if answer.status_code >= 500:
            raise Unavailable(RETRY_AFTER, N_("The log-in service does not answer right now."))
        return answer


def from_our_pages() -> bool:
    """Whether the browser says that a page of this origin sent the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == request.host_url.rstrip("/")


def must_be_ours() -> None:
    """Raises Forbidden for a request that would change something, comes by cookie, and was not sent by a page of ours."""
    if request.method not in SAFE and not from_our_pages():
        raise Forbidden(N_("The request was sent by a page of another site."))


def keep(access: str, refresh: str | None = None) -> None:
    """Let the current answer set the cookies. Without `refresh` that one stays as it is."""
    g.new_tokens = (access, refresh)


def forget() -> None:
    """Let the current answer remove the cookies."""
    g.session_over = True


def write(response: Response) -> Response:
    """After every request: what `keep` or `forget` asked for."""
    how: Any = {"httponly": True, "samesite": "Lax", "path": "/", "secure": request.is_secure}
    if g.get("session_over"):
        for name in (ACCESS, REFRESH):
            response.delete_cookie(name, **how)
    elif tokens := g.get("new_tokens"):
        for name, value in zip((ACCESS, REFRESH), tokens, strict=True):
            if value is not None:
                response.set_cookie(name, value, **how)
    return response
