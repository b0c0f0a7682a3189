"""Log-in (OpenID Connect: authorization code, PKCE S256), log-out and language: the routes under `/session`.

One service serves them (intake); the gateway sends `/session/*` there, and its cookies are good for all services. State, nonce and
verifier of an attempt live in one signed cookie per attempt, so two tabs do not disturb each other. Where the person wanted to go
travels in it too, and is only ever an address on this origin.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, g, redirect, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from shared.http import session
from shared.http.auth import actor, public, roles
from shared.http.session import LogIn
from shared.http.tokens import ROLES, BadToken, KeysUnavailable
from shared.i18n import LANGUAGE_COOKIE, N_, languages, request_language
from shared.refusals import Unavailable
from shared.ui.pages import CENTER_STAFF, Pages, page

blueprint = Pages("session", __name__, url_prefix="/session")

PATH = "/session"
ATTEMPT = "bt_log_in_"
ATTEMPT_SECONDS = 600
HOME = "/session/home"
YEAR = 365 * 24 * 3600


@blueprint.get("/log-in")
@public
def log_in() -> Any:
    """Send the browser to the issuer."""
    attempt = {
        "state": secrets.token_urlsafe(24),
        "nonce": secrets.token_urlsafe(24),
        "verifier": secrets.token_urlsafe(48),
        "next": safe(request.args.get("next", "")),
    }
    challenge = hashlib.sha256(attempt["verifier"].encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": _log_in().settings.pages_client_id,
        "redirect_uri": _callback(),
        "scope": "openid",
        "state": attempt["state"],
        "nonce": attempt["nonce"],
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "ui_locales": request_language(),
    }
    answer = redirect(f"{_log_in().settings.issuer_url}/authorize?{urlencode(asked)}", 303)
    how: Any = {"httponly": True, "samesite": "Lax", "secure": request.is_secure}
    answer.set_cookie(
        _cookie(attempt["state"]), _signer().dumps(attempt), max_age=ATTEMPT_SECONDS, path=PATH, **how
    )
    return answer


@blueprint.get("/callback")
@public
def callback() -> Any:
    """Back from the issuer with a code: redeem it, keep the tokens, go where the person wanted to."""
    state = request.args.get("state", "")
    attempt = _attempt(state)
    if attempt is None:
        return _failed(N_("This log-in was not begun in this browser, or it took longer than ten minutes."))
    if "code" not in request.args:
        return _failed(N_("The log-in service let nobody in."))
    tokens = _log_in().redeemed(request.args["code"], attempt["verifier"], _callback())
    if tokens is None or not _is_ours(tokens, attempt["nonce"]):
        return _failed(N_("The log-in service did not confirm the log-in."))
    session.keep(tokens["access_token"], tokens["refresh_token"])
    answer = redirect(attempt["next"], 303)
    answer.delete_cookie(_cookie(state), path=PATH, httponly=True, samesite="Lax")
    return answer


@blueprint.post("/log-out")
@public
def log_out() -> Any:
    """End the log-in here and at the issuer."""
    session.must_be_ours()
    refresh = request.cookies.get(session.REFRESH)
    if refresh:
        _log_in().ended(refresh)
    session.forget()
    asked = {
        "client_id": _log_in().settings.pages_client_id,
        "post_logout_redirect_uri": f"{_log_in().settings.origin}/",
    }
    return redirect(f"{_log_in().settings.issuer_url}/end-session?{urlencode(asked)}", 303)


@blueprint.get("/home")
@roles(*ROLES)
def home() -> Any:
    """The first page after log-in, by role."""
    if actor().roles & CENTER_STAFF:
        return redirect("/intake/worklist", 303)
    if actor().is_a("partner"):
        return redirect("/referrals/inbox", 303)
    return page("ui/no_pages.html")


@blueprint.get("/logged-in")
@roles(*ROLES)
def logged_in() -> Any:
    """What the tab says in which somebody has logged in again to send a form from another one."""
    return page("ui/logged_in.html")


@blueprint.get("/language")
@public
def language() -> Any:
    """Keep the language that was chosen, and go back."""
    answer = redirect(safe(request.args.get("next", "")), 303)
    chosen = request.args.get("to")
    if chosen in languages:
        answer.set_cookie(
            LANGUAGE_COOKIE, chosen, max_age=YEAR, path="/", samesite="Lax", secure=request.is_secure
        )
    return answer


def safe(address: str) -> str:
    """The address, if it is a plain one on this origin; else the first page."""
    plain = address.isprintable() and "\\" not in address and len(address) < 2000
    return address if plain and address.startswith("/") and not address.startswith("//") else HOME


def _attempt(state: str) -> dict[str, str] | None:
    try:
        attempt = _signer().loads(request.cookies.get(_cookie(state), ""), max_age=ATTEMPT_SECONDS)
    except BadSignature:
        return None
    return attempt if secrets.compare_digest(attempt["state"], state) else None


def _is_ours(tokens: dict[str, Any], nonce: str) -> bool:
    """Whether the ID token answers this attempt, and the access token is one that services take."""
    verifier = current_app.extensions["verifier"]
    try:
        verifier.check_id_token(tokens.get("id_token", ""), _log_in().settings.pages_client_id, nonce)
        g.actor = verifier.check(tokens["access_token"])
    except (BadToken, KeyError):
        return False
    except KeysUnavailable:
        raise Unavailable from None
    return "refresh_token" in tokens


def _failed(why: str) -> Response:
    return page("ui/log_in_failed.html", 400, why=why)


def _cookie(state: str) -> str:
    """The name of an attempt's cookie: the beginning of its state, of letters that a cookie's name may have."""
    return ATTEMPT + "".join(each for each in state[:12] if each.isalnum())


def _signer() -> URLSafeTimedSerializer:
    """Raises Unavailable where the secret of the pages' client is not set: an attempt that anybody can sign is none."""
    secret = _log_in().settings.pages_client_secret
    if not secret:
        raise Unavailable(detail=N_("The log-in service does not answer right now."))
    return URLSafeTimedSerializer(secret, salt="log-in")


def _log_in() -> LogIn:
    return current_app.extensions["log_in"]


def _callback() -> str:
    return f"{_log_in().settings.origin}/session/callback"
