"""Access tokens from the embedded issuer, by the ways that people and programs go: `make token USER=… | CLIENT=…`.

    user_token(origin, "worker.astana", password, staff_pages_secret)       # the log-in form, code + PKCE
    client_token(origin, "agency-health-astana", secret)                    # client credentials

Errors: Trouble, one line, without the password. The command prints the token alone on standard output.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from shared.embedded.log_ins import STAFF_PAGES, read_secrets
from shared.embedded.trouble import Trouble


def user_token(origin: str, login: str, password: str, client_secret: str) -> str:
    """Log a demo user in, as a browser would, and exchange the code for an access token."""
    return user_tokens(origin, login, password, client_secret)["access_token"]


def user_tokens(origin: str, login: str, password: str, client_secret: str) -> dict:
    """The whole answer of the token endpoint: `access_token, refresh_token, id_token, expires_in, …`."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    redirect_uri, state = f"{origin}/session/callback", secrets.token_urlsafe(16)
    asked = {
        "response_type": "code",
        "client_id": STAFF_PAGES,
        "redirect_uri": redirect_uri,
        "scope": "openid",
        "state": state,
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with _http(origin) as http:
        page = _ask(
            http, "POST", "/oidc/authorize", params=asked, data={"login": login, "password": password}
        )
        if page.status_code == 401:
            raise Trouble(f"The password of {login} is not accepted.")
        if page.status_code == 429:
            raise Trouble(f"Too many wrong passwords for {login}: wait {page.headers['Retry-After']} s.")
        answer = parse_qs(urlsplit(page.headers.get("Location", "")).query)
        if answer.get("state") != [state] or "code" not in answer:
            raise Trouble(f"The issuer refused the log-in of {login} (HTTP {page.status_code}).")
        grant = {
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return _token(http, grant, STAFF_PAGES, client_secret)


def client_token(origin: str, client_id: str, client_secret: str) -> str:
    """An access token of a program that acts for itself."""
    with _http(origin) as http:
        return _token(http, {"grant_type": "client_credentials"}, client_id, client_secret)["access_token"]


def _token(http: httpx.Client, grant: dict[str, str], client_id: str, client_secret: str) -> dict:
    answer = _ask(http, "POST", "/oidc/token", data=grant, auth=(client_id, client_secret))
    if answer.status_code != 200:
        raise Trouble(f"The issuer gave no token to {client_id} (HTTP {answer.status_code}).")
    return answer.json()


def _http(origin: str) -> httpx.Client:
    return httpx.Client(base_url=origin, timeout=10, trust_env=False)


def _ask(http: httpx.Client, method: str, path: str, **options) -> httpx.Response:
    try:
        return http.request(method, path, **options)
    except httpx.TransportError:
        raise Trouble(f"Nothing answers at {http.base_url}: start the stack first (make run).") from None


def main(arguments: list[str]) -> int:
    """`user <login>` or `client <id>`; PORT and DATA_DIR as for `make run`."""
    try:
        kind, name = arguments
        kept = read_secrets(Path(os.environ.get("DATA_DIR") or ".data"))
        origin = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
        known = {"user": kept.users, "client": kept.clients}[kind]
        if name not in known:
            raise Trouble(f"There is no demo {kind} {name}; there are: {', '.join(known)}.")
        if kind == "user":
            print(user_token(origin, name, known[name], kept.clients[STAFF_PAGES]))
        else:
            print(client_token(origin, name, known[name]))
    except (ValueError, KeyError):
        print("Give one of the two: make token USER=<login> or make token CLIENT=<id>", file=sys.stderr)
        return 1
    except (Trouble, OSError) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
