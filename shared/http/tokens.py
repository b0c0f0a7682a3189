"""Access tokens: who is asking?

    verifier = Verifier(settings.issuer_url, settings.keys_url)
    actor = verifier.check(token)          # Actor, or BadToken, or KeysUnavailable

Tokens are JWTs of RFC 9068, signed by ES256 and nothing else: the header must say `typ: at+jwt` and name a `kid` of the
issuer's JWKS; `iss, aud, exp, iat, sub, client_id, jti` are required. Our own claims (`roles, center_id, region, agency_id,
name`) are checked for their shape; another issuer may call them otherwise (`claim_names`). An unknown role is ignored: whoever
has no role that we know is authenticated, and allowed nothing.

Keys are fetched at the first use and kept. A `kid` that is not among them makes the verifier fetch again, at most once a second
whatever arrives (a flood of invented ids costs the issuer one request a second), and no request waits for another's fetch while
there are keys. Authlib's stock validator is not used: it accepts tokens without `typ` and `kid`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

from shared import telemetry
from shared.access import Actor

ROLES = frozenset(
    {"worker", "supervisor", "regional", "national", "partner", "registry", "auditor", "service"}
)
OUR_CLAIMS = ("roles", "center_id", "region", "agency_id", "name")
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "client_id", "jti")
TYPES = ("at+jwt", "application/at+jwt")
MAX_TOKEN = 4096
MAX_CLAIM = 200
BETWEEN_FETCHES = 1.0
FETCH_TIMEOUT = 2.0
SKEW = 60
"""By how many seconds `iat` may lie ahead of this machine's clock. `exp` is exact."""


class BadToken(Exception):
    """The token proves nothing. `why`: a code for the log (never from the token)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    @property
    def expired(self) -> bool:
        return self.why == "expired"


class KeysUnavailable(Exception):
    """No key of the issuer has been fetched yet, and none can be now: nobody can be recognised."""


class _Claims(jwt.JWTClaimsRegistry):
    def validate_iat(self, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or value > self.now + SKEW:
            raise BadToken("iat")


class Verifier:
    """Checks access tokens of one issuer. Safe to share between threads.

    `fetch` gives the JWKS as a dict (by default over HTTP), `clock` seconds that only move forward: tests pass their own.
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str,
        *,
        audience: str = "birtereze",
        claim_names: Mapping[str, str] | None = None,
        fetch: Callable[[], Mapping[str, Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = jwks_url
        self._fetch = fetch or self._fetch_over_http
        self._clock = clock
        self._names = {claim: (claim_names or {}).get(claim, claim) for claim in OUR_CLAIMS}
        self._keys: dict[str, Any] = {}
        self._fetched_at: float | None = None
        self._lock = threading.Lock()
        required: dict[str, Any] = {claim: {"essential": True} for claim in REQUIRED}
        required["iss"]["value"] = issuer
        required["aud"]["value"] = audience
        self._claims = _Claims(leeway=0, **required)
        self._headers = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=True)

    def check(self, token: str) -> Actor:
        """Whose token this is. Raises BadToken, or KeysUnavailable when that cannot be found out now."""
        if len(token) > MAX_TOKEN:
            raise BadToken("too-long")
        try:
            decoded = jwt.decode(token, key=self._key, registry=self._headers)
            self._claims.validate(decoded.claims)
        except (BadToken, KeysUnavailable):
            raise
        except ExpiredTokenError:
            raise BadToken("expired") from None
        except JoseError as error:
            raise BadToken(error.error) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BadToken("malformed") from None
        return self._actor(decoded.claims)

    def check_id_token(self, token: str, audience: str, nonce: str) -> None:
        """Whether an ID token (OpenID Connect) is for this client and answers this nonce. Raises BadToken, KeysUnavailable."""
        claims = jwt.JWTClaimsRegistry(
            iss=self._claims.options["iss"],
            aud={"essential": True, "value": audience},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
        )
        try:
            claims.validate(jwt.decode(token, key=self._known_key, registry=self._headers).claims)
        except (BadToken, KeysUnavailable):
            raise
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BadToken("id-token") from None

    def _key(self, token: Any) -> Any:
        if str(token.headers().get("typ", "")).lower() not in TYPES:
            raise BadToken("typ")
        return self._known_key(token)

    def _known_key(self, token: Any) -> Any:
        kid = token.headers().get("kid")
        if not isinstance(kid, str):
            raise BadToken("kid")
        if kid not in self._keys:
            self._refetch()
        if not self._keys:
            raise KeysUnavailable
        if kid not in self._keys:
            raise BadToken("unknown-kid")
        return self._keys[kid]

    def _refetch(self) -> None:
        # with keys at hand nobody waits: whoever finds another one fetching goes on with the keys there are
        if not self._lock.acquire(blocking=not self._keys):
            return
        try:
            now = self._clock()
            if self._fetched_at is not None and now - self._fetched_at < BETWEEN_FETCHES:
                return
            self._fetched_at = now
            self._keys = {key.kid: key for key in KeySet.import_key_set(dict(self._fetch())).keys}
        except Exception as error:  # whatever is wrong with the answer: the keys we have stay good
            telemetry.logger().warning("keys of the issuer cannot be fetched", exc_info=error)
        finally:
            self._lock.release()

    def _fetch_over_http(self) -> Mapping[str, Any]:
        return httpx.get(self._url, timeout=FETCH_TIMEOUT, trust_env=False).raise_for_status().json()

    def _actor(self, claims: Mapping[str, Any]) -> Actor:
        ours = {claim: claims.get(name) for claim, name in self._names.items()}
        roles = ours.pop("roles")
        if roles is None:
            roles = []
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise BadToken("roles")
        for name, value in {"sub": claims["sub"], "client_id": claims["client_id"], **ours}.items():
            if value is not None and not _is_plain(value):
                raise BadToken(name)
        if ours["region"] is not None and not re.fullmatch(r"[0-9]{2}", ours["region"]):
            raise BadToken("region")
        return Actor(sub=claims["sub"], client_id=claims["client_id"], roles=frozenset(roles) & ROLES, **ours)


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_CLAIM and value.isprintable()
