"""The shell around every page: who is logged in, what he may open, and what is shown when something is refused.

    blueprint = Pages("register", __name__, url_prefix="/intake")

    @blueprint.get("/register")
    @roles("worker", "supervisor")
    def new(): return ui.page("register.html", form=forms.blank(), active="register")

A page's route declares its roles like any other. What it refuses (a `Refusal`, an unknown address, a part that is away) is a page
too, or a small panel where htmx asked for one; a program that asks the same address with `Accept: application/json` still gets
problem+json. Who is not logged in is sent to the log-in and comes back; a form that arrives after the session has ended is given
back with everything in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flask
from flask import Flask, Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from shared.aggregate import Saved
from shared.http.session import from_our_pages
from shared.i18n import N_, languages, request_language, text
from shared.ui import forms, words

HERE = Path(__file__).parent
ASSETS = HERE.parents[1] / ".assets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
DONE_COOKIE = "bt_done"
DONE_SECONDS = 20
TOAST_COOKIE = "bt_toast"
CENTER_STAFF = frozenset({"worker", "supervisor"})
MESSAGES = {
    "saved": N_("Saved."),
    "registered": N_("The appeal is registered."),
    "sent": N_("Sent."),
}
"""What a toast may say. The cookie carries the code, not the text."""

NAVIGATION: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("worklist", "/intake/worklist", N_("Worklist"), CENTER_STAFF),
    ("appeals", "/intake/appeals", N_("Appeals"), CENTER_STAFF),
    ("cases", "/casework/cases", N_("Cases"), CENTER_STAFF),
    ("referrals", "/referrals/sent", N_("Referrals"), CENTER_STAFF),
    ("messages", "/notifications/messages", N_("Messages"), CENTER_STAFF),
    ("inbox", "/referrals/inbox", N_("Inbox"), frozenset({"partner"})),
)
"""What stands in the navigation: key, address, label, and who sees it."""


class Pages(flask.Blueprint):
    """Routes that answer a person with a page. Templates of the service are in its `templates` folder."""

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.after_request(_as_page)


def _as_page(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "same-origin"  # forms say where they come from
        response.headers["Content-Language"] = request_language()
    return response


def install(app: Flask, templates: Path | None = None, words_file: Path | None = None) -> None:
    """Give an application the shell: templates, what they may use, and pages for what is refused."""
    folders = [each for each in (templates, HERE / "templates") if each is not None]
    if words_file is not None:
        words.add(words_file)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_loader = _loader(folders)  # type: ignore[assignment]
    app.jinja_env.globals |= {
        "_": lambda sentence, **values: text(sentence, request_language(), **values),
        "word": words.word,
        "item_word": words.item,
        "count": words.count,
        "number": words.number,
        "choices": words.choices,
        "staff_name": words.staff,
        "owner_name": words.owner,
        "age": words.age,
        "asset": asset,
        "language_href": language_href,
    }
    app.jinja_env.filters |= {
        "day": words.day,
        "moment": words.moment,
        "when": words.when,
        "day_heading": words.day_heading,
        "time_of": words.time_of,
    }
    app.context_processor(_about_the_reader)
    app.extensions["problem_page"] = problem_page


def _loader(folders: list[Path]) -> Any:
    from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader

    own = [FileSystemLoader(folder) for folder in folders]
    govuk = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    return ChoiceLoader([*own, govuk])


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page from a template.

    The summary of what is wrong stands above the fields that tell what they are called, so a page with errors is rendered twice.
    """
    form = values.get("form")
    if isinstance(form, forms.Form) and form.errors:
        render_template(template, **values)
    return _html(render_template(template, **values), status)


def _html(body: str, status: int) -> Response:
    return Response(body, status, content_type="text/html; charset=utf-8")


def form_page(template: str, form: forms.Form, **values: Any) -> Response:
    """A page with a form: 200 when it is shown at first, 422 with errors in it, 409 when it was refused as a whole."""
    status = 422 if form.errors else 409 if form.notice else 200
    notice = problem_of(form.notice) if form.notice else None
    return page(template, status, form=form, notice=notice, **values)


def problem_of(refusal: Any) -> dict[str, Any]:
    """Title and remedy of a refusal, in the reader's language: `{slug, title, detail, remedy}`."""
    from shared.http.problems import PROBLEMS

    kind, language = PROBLEMS[refusal.slug], request_language()
    detail = text(refusal.detail, language) if refusal.detail else None
    return {
        "slug": refusal.slug,
        "title": text(kind.title, language),
        "detail": detail,
        "remedy": text(REMEDIES.get(refusal.slug, kind.remedy), language),
    }


REMEDIES = {
    "stale": N_("Look at what has changed; what you typed is still here. Then send it again."),
    "wrong-state": N_("Somebody may have been faster. Look at how it stands now."),
    "key-reused": N_("This form was sent before. Open the page anew to begin another one."),
    "not-found": N_("It does not exist, or it is not yours to read. Check the address or search for the family."),
    "forbidden": N_("Ask the one who is responsible, or the head of the center."),
    "unavailable": N_("The rest works, and nothing is lost. Try again in a few seconds."),
    "internal": N_("Try again. If it happens again, tell the administrators the number below."),
    "unauthenticated": N_("Log in and go on where you were."),
    "validation": N_("Check the address: something in it is not as it should be."),
}
"""What a person can do; the documentation's remedies speak to programs."""


def done(saved: Saved[Any], href: str, message: str = "saved") -> AnyResponse:
    """After a command: on to another page (so that reload does not send again), which says that it is done.

    The worklist waits up to a second for what `saved` caused: the browser carries its id and sequence there.
    """
    answer = redirect(href, 303)
    how: Any = {"httponly": True, "samesite": "Lax", "path": "/", "secure": request.is_secure}
    answer.set_cookie(DONE_COOKIE, f"{saved.id}.{saved.sequence}", max_age=DONE_SECONDS, **how)
    answer.set_cookie(TOAST_COOKIE, message, max_age=DONE_SECONDS, **how)
    return answer


def just_done() -> tuple[str, str] | None:
    """(id, sequence) of what this browser has just changed, if anything."""
    subject, _, sequence = request.cookies.get(DONE_COOKIE, "").partition(".")
    return (subject, sequence) if subject and sequence and len(sequence) < 60 else None


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def query(schema: Any) -> dict[str, Any]:
    """The query of a page, read by a schema; an empty filter of a form is none. Raises Invalid."""
    import marshmallow as ma

    from shared.http.problems import flat
    from shared.refusals import Invalid

    given = {name: value for name, value in request.args.items() if value}
    try:
        return schema().load(given)
    except ma.ValidationError as error:
        raise Invalid(flat(error.normalized_messages())) from None


# ------------------------------------------------------------------ what every template knows


def _about_the_reader() -> dict[str, Any]:
    me = g.get("actor")
    roles = me.roles if me else frozenset()
    return {
        "language": request_language(),
        "languages": languages,
        "me": me,
        "role_name": words.word("role", role_of(me)) if me and role_of(me) else "",
        "center_name": _name_of("center", me.center_id if me else None),
        "agency_name": _name_of("agency", me.agency_id if me else None),
        "navigation": [
            {"key": key, "href": href, "label": text(label, request_language()), "count": None}
            for key, href, label, seen_by in NAVIGATION
            if roles & seen_by
        ],
        "may_register": bool(roles & CENTER_STAFF),
        "may_search": bool(roles & CENTER_STAFF),
        "toasts": _toasts(),
        "today": words.long_day(words.today()),
        "here": here(),
    }


def role_of(me: Any) -> str | None:
    """The role by which somebody is addressed."""
    order = ("supervisor", "worker", "partner", "regional", "national", "auditor", "registry", "service")
    return next((role for role in order if me and role in me.roles), None)


def _name_of(kind: str, id: str | None) -> str:
    return words.word(kind, id) if id and words.has(kind, id) else ""


def _toasts() -> list[dict[str, str]]:
    """What has just been done. Shown once: the cookie goes with the answer that shows it."""
    code = request.cookies.get(TOAST_COOKIE, "")
    if code not in MESSAGES or request.method != "GET" or is_htmx():
        return []

    @flask.after_this_request
    def shown_once(response: Response) -> Response:
        response.delete_cookie(TOAST_COOKIE, path="/")
        return response

    return [{"tone": "done", "text": text(MESSAGES[code], request_language())}]


@cache
def _fingerprint(path: str) -> str:
    folder, _, name = path.partition("/")
    file = HERE / "static" / name if folder == "own" else ASSETS / path
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else "0"


def asset(path: str) -> str:
    """The address of a file that the gateway serves, with its fingerprint: browsers keep it until it changes."""
    return f"/assets/{path}?v={_fingerprint(path)}"


def here() -> str:
    """The address of the current page; of a form that was sent, the page it stands on."""
    query = request.query_string.decode("utf-8", "replace")
    return f"{request.path}?{query}" if query else request.path


def language_href(language: str) -> str:
    return f"/session/language?to={language}&next={quote(here(), safe='')}"


# ------------------------------------------------------------------ what is shown when something is refused


def wants_page() -> bool:
    """Whether the answer is for a person: a route of pages, or an unknown address, asked by a browser."""
    blueprint = current_app.blueprints.get(request.blueprint or "")
    if not (isinstance(blueprint, Pages) or request.url_rule is None):
        return False
    return is_htmx() or "text/html" in request.accept_mimetypes.values()


def problem_page(document: Mapping[str, Any], response: Response) -> Response:
    """The problem as a page or a panel, where a person asks; else the answer as it was."""
    if not wants_page():
        return response
    slug = document["type"].rpartition("/")[2]
    if slug == "unauthenticated":
        return _as_page(_log_in_first(document))
    shown = {
        **document,
        "slug": slug,
        "remedy": text(REMEDIES.get(slug, N_("Go back and try again.")), request_language()),
        "request_id": document["instance"],
    }
    template = "ui/problem_panel.html" if is_htmx() else "ui/problem.html"
    answer = _html(render_template(template, problem=shown), response.status_code)
    for name, value in response.headers.items():
        if name.lower() in ("retry-after", "allow"):
            answer.headers[name] = value
    return _as_page(answer)


def log_in_href(next: str) -> str:
    return f"/session/log-in?next={quote(next, safe='')}"


def _log_in_first(document: Mapping[str, Any]) -> Response:
    remedy = REMEDIES["unauthenticated"]
    if is_htmx():
        shown = {**document, "slug": "unauthenticated", "remedy": text(remedy, request_language())}
        return _html(render_template("ui/problem_panel.html", problem=shown, log_in=log_in_href("/")), 401)
    if request.method in ("GET", "HEAD"):
        return redirect(log_in_href(here()), 303)  # type: ignore[return-value]
    # Only to a page of ours: another site must not learn, nor prefill, what somebody types here.
    fields = list(request.form.items(multi=True)) if from_our_pages() else []
    kept = [(name, value) for name, value in fields if name != forms.RESTORE_FIELD]
    body = render_template(
        "ui/session_ended.html", fields=kept, log_in=log_in_href("/session/logged-in"), action=here()
    )
    return _html(body, 401)
