"""A call from one service to another: the two doors of intake, and nothing else.

    tokens = TokenSource(settings.tokens_url, settings.client_id, settings.client_secret)
    intake = ServiceClient(settings.intake_url, tokens)
    status, body = intake.post(f"/intake/v1/persons/{id}/contact", {…})      # or Unavailable

The caller's threads must not hang because the other service does: at most `slots` calls are under way, whoever comes beyond is
told at once (`Unavailable`, worth another try after a second), and a call ends after `timeout` seconds, its token included.
Unreachable, too late, 5xx and an answer that is no JSON object are Unavailable too; every other status is the caller's to
judge. The trace goes along.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from shared import telemetry
from shared.refusals import Unavailable

BUSY_RETRY = 1
AWAY_RETRY = 5
BEFORE_EXPIRY = 30
"""A token is fetched anew this many seconds before it ends."""


class TokenSource:
    """Access tokens of one client (client credentials), kept until near their end. Safe to share between threads."""

    def __init__(
        self,
        token_url: str,
        client_id: str,
        secret: str,
        *,
        http: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = token_url
        self._credentials = (client_id, secret)
        self._http = http or httpx.Client(trust_env=False)
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def token(self, timeout: float = 2.0) -> str:
        """A token that is good for a while. Raises httpx.HTTPError when none is at hand and none comes within `timeout` seconds."""
        if not self._lock.acquire(timeout=timeout):
            raise httpx.PoolTimeout("another thread is fetching the token")
        try:
            if self._clock() >= self._until:
                self._fetch(timeout)
            return self._token
        finally:
            self._lock.release()

    def forget(self, token: str) -> None:
        """The other service refused this token: the next call fetches another one."""
        with self._lock:
            if token == self._token:
                self._until = 0.0

    def _fetch(self, timeout: float) -> None:
        answer = self._http.post(
            self._url, data={"grant_type": "client_credentials"}, auth=self._credentials, timeout=timeout
        )
        answer.raise_for_status()
        granted = answer.json()
        self._token = granted["access_token"]
        self._until = self._clock() + max(int(granted["expires_in"]) - BEFORE_EXPIRY, 1)


class ServiceClient:
    """Calls one other service, straight at its port. Safe to share between threads; `timeout` in seconds."""

    def __init__(
        self,
        base_url: str,
        token_source: TokenSource,
        slots: int = 4,
        timeout: float = 2.0,
        *,
        http: httpx.Client | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._tokens = token_source
        self._timeout = timeout
        self._slots = threading.BoundedSemaphore(slots)
        self._http = http or httpx.Client(
            limits=httpx.Limits(max_connections=slots, max_keepalive_connections=slots), trust_env=False
        )

    def post(
        self, path: str, json: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status (below 500) and JSON body of the answer. Raises Unavailable."""
        if not self._slots.acquire(blocking=False):
            raise Unavailable(BUSY_RETRY)
        try:
            answer = self._send(path, json, headers or {})
            body = answer.json()
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            telemetry.logger().warning("call to another service failed", exc_info=error)
            raise Unavailable(AWAY_RETRY) from None
        finally:
            self._slots.release()
        if answer.status_code >= 500 or not isinstance(body, dict):
            raise Unavailable(AWAY_RETRY)
        return answer.status_code, body

    def _send(self, path: str, json: Mapping[str, Any], headers: Mapping[str, str]) -> httpx.Response:
        deadline = time.monotonic() + self._timeout
        answer = self._try(path, json, headers, deadline)
        if answer.status_code == 401:  # the issuer has new keys: once more, with another token
            answer = self._try(path, json, headers, deadline)
        return answer

    def _try(
        self, path: str, json: Mapping[str, Any], headers: Mapping[str, str], deadline: float
    ) -> httpx.Response:
        token = self._tokens.token(_left(deadline))
        answer = self._http.post(
            self._base + path,
            json=json,
            headers={
                **headers,
                "Authorization": f"Bearer {token}",
                "traceparent": telemetry.current_traceparent(),
            },
            timeout=_left(deadline),
        )
        if answer.status_code == 401:
            self._tokens.forget(token)
        return answer


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)
