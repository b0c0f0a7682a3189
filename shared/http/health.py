"""How a service is: for the gateway, the orchestrator and Prometheus. Open to all, and without anything worth hiding.

- `/<service>/healthz`: the process lives.
- `/<service>/readyz`: 200 `{store, log {last_seen, backlog}}` while its store answers, else 503. What is known of the worker is
  shown and never makes it fail: a service goes on taking requests while the log is away.
- `/<service>/metrics`: Prometheus.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import telemetry
from shared.http.auth import public
from shared.http.fields import shown
from shared.refusals import Unavailable

NAME = "health"


COUNTED_FOR = 10.0
"""Seconds for which a count of breaches is shown: it is a count over all that is open, and this route is open to everybody."""


def log_level(endpoint: str | None) -> int:
    """Probes come every few seconds: their lines are for debugging only."""
    return logging.DEBUG if endpoint and endpoint.startswith(f"{NAME}.") else logging.INFO


def blueprint(
    service: str,
    store_check: Callable[[], Any],
    log_state: Callable[[], Mapping[str, Any]],
    breaches: Callable[[], int] | None,
) -> Blueprint:
    """The routes above. See `create_app` for the arguments."""
    routes = Blueprint(NAME, __name__, url_prefix=f"/{service}")
    counted_until = [0.0]

    @routes.get("/healthz")
    @public
    def healthz() -> Any:
        return {"status": "ok"}

    @routes.get("/readyz")
    @public
    def readyz() -> Any:
        try:
            store_check()
        except Exception as error:
            telemetry.logger().warning("store does not answer", exc_info=error)
            raise Unavailable from None
        return jsonify({"store": "ok", "log": _log(log_state)})

    @routes.get("/metrics")
    @public
    def metrics() -> Response:
        if breaches is not None and time.monotonic() >= counted_until[0]:
            _show_breaches(service, breaches)
            counted_until[0] = time.monotonic() + COUNTED_FOR
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return routes


def _log(log_state: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    try:
        state = log_state()
        seen, backlog = state.get("last_seen"), state.get("backlog")
    except Exception as error:
        telemetry.logger().warning("state of the worker is not known", exc_info=error)
        seen = backlog = None
    return {"last_seen": shown(seen), "backlog": backlog}


def _show_breaches(service: str, breaches: Callable[[], int]) -> None:
    gauge = telemetry.gauge(
        "birtereze_open_items_in_breach", "Open items without owner, next action or due time.", ("service",)
    ).labels(service)
    try:
        gauge.set(breaches())
    except Exception as error:
        telemetry.logger().warning("breaches cannot be counted", exc_info=error)
        gauge.set(float("nan"))  # not known is not zero
