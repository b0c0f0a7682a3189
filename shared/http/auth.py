"""Who is asking, and may this role ask at all?

    @blueprint.route("/cases/<case_id>/plan/approve")
    class Approve(MethodView):
        @roles("supervisor")
        def post(self, case_id): ...

Every route says who may use it: `@roles(…)`, or `@public` for what needs no log-in. A route that says nothing keeps the application
from starting. The caller is checked before anything of the request's body is read: without a valid token 401, with a role that the
route does not name 403. What a role may do with *this* family is not decided here but in `shared.access`.

`actor()` is the caller. `declared_roles(app)` lists what all routes declare, for tests and for the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, g, request

from shared.access import Actor
from shared.http import session
from shared.http.session import LogIn
from shared.http.strict import method_of
from shared.http.tokens import ROLES, BadToken, KeysUnavailable, Verifier
from shared.i18n import N_
from shared.refusals import Forbidden, Refusal, Unavailable

PUBLIC = frozenset({"public"})
REALM = 'Bearer realm="birtereze"'
View = TypeVar("View")


class Unauthenticated(Refusal):
    """No access token, or none that is valid."""

    slug = "unauthenticated"

    def __init__(self, detail: str | None = None, *, invalid: bool = False) -> None:
        super().__init__(detail)
        self.headers = [("WWW-Authenticate", REALM + (', error="invalid_token"' if invalid else ""))]


def roles(*names: str) -> Callable[[View], View]:
    """Only callers with one of these roles may use the route. Above or below the other decorators, or on a whole MethodView."""
    unknown = set(names) - ROLES
    if unknown or not names:
        raise ValueError(f"roles: {sorted(unknown) or 'none given'}")

    def mark(view: View) -> View:
        view._roles = frozenset(names)  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Anybody may use the route, without a token."""
    view._roles = PUBLIC  # type: ignore[attr-defined]
    return view


def actor() -> Actor:
    """The caller of the current request. On a public route there is none: Unauthenticated."""
    caller = g.get("actor")
    if caller is None:
        raise Unauthenticated
    return caller


def declared_roles(app: Flask) -> dict[tuple[str, str], frozenset[str]]:
    """(rule, method) → the roles that may use it; `PUBLIC` for everybody. Raises RuntimeError that names every undeclared route."""
    declared: dict[tuple[str, str], frozenset[str]] = {}
    missing = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            found = _roles_of(view, method)
            if found is None:
                missing.append(f"{method} {rule.rule}")
            else:
                declared[rule.rule, method] = found
    if missing:
        raise RuntimeError("routes that do not say who may use them: " + ", ".join(missing))
    return declared


def _roles_of(view: Any, method: str) -> frozenset[str] | None:
    function = method_of(view, method)
    whole = getattr(view, "view_class", None)
    return getattr(function, "_roles", None) or getattr(whole, "_roles", None)


def install(app: Flask, verifier: Verifier, log_in: LogIn) -> None:
    """Check the caller before every view of `app`: by the bearer token, else by the cookies of a log-in."""

    def check_caller() -> None:
        if request.url_rule is None:  # 404 and 405 come from the router
            return
        allowed = _roles_of(app.view_functions[request.url_rule.endpoint], request.method)
        if allowed == PUBLIC:
            return
        g.actor = _authenticate(verifier, log_in)
        if not allowed or not (allowed & g.actor.roles):
            raise Forbidden

    app.before_request(check_caller)
    app.after_request(session.write)


def _authenticate(verifier: Verifier, log_in: LogIn) -> Actor:
    if "Authorization" in request.headers:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        return _checked(verifier, token.strip())
    if session.ACCESS in request.cookies or session.REFRESH in request.cookies:
        caller = _by_cookies(verifier, log_in)
        session.must_be_ours()
        return caller
    raise Unauthenticated


def _by_cookies(verifier: Verifier, log_in: LogIn) -> Actor:
    """The person logged in; with a new access token on the answer where the old one does not do any more."""
    try:
        return _checked(verifier, request.cookies.get(session.ACCESS, ""))
    except Unauthenticated:
        refresh = request.cookies.get(session.REFRESH)
        renewed = log_in.renewed(refresh) if refresh else None
        if renewed is None:
            session.forget()
            raise
    session.keep(renewed)
    return _checked(verifier, renewed)


def _checked(verifier: Verifier, token: str) -> Actor:
    try:
        return verifier.check(token)
    except BadToken as error:
        g.refused_token = error.why  # for the log line of the request
        detail = (
            N_("The access token has expired.") if error.expired else N_("The access token is not valid.")
        )
        raise Unauthenticated(detail, invalid=True) from None
    except KeysUnavailable:
        raise Unavailable(1, N_("The log-in service does not answer right now.")) from None
