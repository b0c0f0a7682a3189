"""One service's web application, put together.

    def create_app() -> Flask:
        settings = load(CaseworkSettings)
        store = Store(connect(settings.mongo_url), settings)
        return http.create_app(
            "casework",
            settings=settings,
            blueprints=[cases(store), staff(store)],
            store_check=store.ping,
            log_state=store.log_state,
            breaches=store.breaches,
            translations=Path(__file__).parent / "translations",
        )

A request passes, in this order: its id and trace; the address; the caller and the role (401, 403); length and shape of the body
(411, 413, 415, 400); the schema (422); the view. Every answer has an X-Request-Id and the security headers, and is counted and
logged by its route (never by its address). Health, metrics and documentation come with every application (`health`, `docs`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import flask
import structlog
from flask import Flask, Response, g, request
from flask_babel import Babel, Domain
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import telemetry
from shared.http import auth, docs, health, problems, strict
from shared.http.session import LogIn
from shared.http.tokens import Verifier
from shared.i18n import add_translations, catalogue, default_language, request_language
from shared.settings import Settings

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def create_app(
    name: str,
    *,
    settings: Settings,
    blueprints: Sequence[flask.Blueprint],
    store_check: Callable[[], Any],
    log_state: Callable[[], Mapping[str, Any]],
    breaches: Callable[[], int] | None = None,
    translations: Path | None = None,
    verifier: Verifier | None = None,
) -> Flask:
    """The application of service `name`, all of whose routes stand under `/<name>`.

    `blueprints`: `strict.Blueprint`s, which are documented, and plain Flask ones (pages), which are not. `store_check`
    raises when the store does not answer; `log_state` gives `{last_seen, backlog}` of the worker; `breaches` counts open
    items without owner, next action or due time. Raises RuntimeError when a route does not say who may use it.
    """
    telemetry.configure(name, settings.log_level)
    app = Flask(name, static_folder=None, root_path=str(Path(__file__).parent))
    app.config.update(
        MAX_CONTENT_LENGTH=strict.MAX_BODY,
        PROVIDE_AUTOMATIC_OPTIONS=False,
        API_TITLE=f"Birtereze: {name}",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    _translate(app, translations)
    _observe(app, name)
    app.before_request(strict.check_address)
    verifier = verifier or Verifier(settings.issuer_url, settings.keys_url)
    log_in = LogIn(settings)
    auth.install(app, verifier, log_in)
    app.before_request(strict.check_request)
    api = docs.documented_api(app)
    for blueprint in blueprints:
        (api if isinstance(blueprint, strict.Blueprint) else app).register_blueprint(blueprint)
    app.register_blueprint(health.blueprint(name, store_check, log_state, breaches))
    app.register_blueprint(docs.blueprint(name, api))
    problems.register(app)
    auth.declared_roles(app)
    app.extensions |= {"settings": settings, "verifier": verifier, "log_in": log_in}
    return app


def _translate(app: Flask, translations: Path | None) -> None:
    if translations is not None:
        add_translations(translations)
    babel = Babel(
        app, default_locale=default_language, default_timezone="Asia/Almaty", locale_selector=request_language
    )
    babel.domain_instance = _Catalogues()


class _Catalogues(Domain):
    """Flask-Babel's gettext, served from the catalogues that the workers use too."""

    def get_translations(self) -> Any:
        return catalogue(request_language())


def _observe(app: Flask, name: str) -> None:
    """Give each request its id and trace, and each answer its headers, its line in the log and its place in the metrics."""

    def begin() -> None:
        g.began = time.perf_counter()
        g.request_id = telemetry.request_id(request.headers.get("X-Request-Id"))
        g.trace = telemetry.continue_trace(request.headers.get("traceparent"))
        g.trace.__enter__()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def finish(response: Response) -> Response:
        for header, value in HEADERS.items():
            response.headers.setdefault(header, value)
        response.headers["X-Request-Id"] = g.request_id
        route = request.url_rule.rule if request.url_rule else "(none)"
        method = request.method if request.method in METHODS else "OTHER"
        seconds = time.perf_counter() - g.began
        telemetry.count_request(name, method, route, response.status_code, seconds)
        caller = g.get("actor")
        telemetry.logger().log(
            health.log_level(request.endpoint),
            "request",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            **({"actor": caller.sub} if caller else {}),
            **({"refused_token": g.refused_token} if "refused_token" in g else {}),
        )
        return response

    def end(_: BaseException | None) -> None:
        trace = g.pop("trace", None)
        if trace is not None:
            trace.__exit__(None, None, None)
        structlog.contextvars.unbind_contextvars("request_id")

    app.before_request(begin)
    app.after_request(finish)
    app.teardown_request(end)
