"""Every error is a problem document (RFC 9457), in the caller's language.

    {"type": "/problems/wrong-state", "title": "…", "status": 409, "detail": "…", "instance": "<request id>", "allowed": ["accept"]}

Code raises a refusal of `shared.refusals` (or a werkzeug HTTPException) and never builds an error answer itself; `register` turns

- a Refusal → the problem of its slug, with its members (`errors`, `allowed`, `candidates`, `scopes`);
- an HTTPException → the slug of its status, `Allow` and the like kept;
- an error of MongoDB → 503 `unavailable` while the database is away, 409 `conflict` for a lost write;
- anything else → 500 `internal`, logged by type and place, with nothing of it in the answer.

Texts are translated by Accept-Language. `PROBLEMS` holds all slugs; each has a page at its `type` (`problem_pages`), which says
what it means and what to do. `errors` are `{dotted.path: [text]}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, render_template, send_from_directory
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException, NotFound

from shared import telemetry
from shared.http.auth import public
from shared.i18n import N_, Message, request_language, text
from shared.mongo import is_away, is_transient
from shared.refusals import Refusal, Unavailable

STATIC = Path(__file__).parent / "static"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
MAX_ERRORS = 100
KEPT_HEADERS = ("allow", "retry-after", "www-authenticate")
AGAIN = N_("Try again after the seconds in Retry-After.")


@dataclass(frozen=True)
class Kind:
    """What a slug stands for: HTTP status, title, what it means and what to do about it."""

    status: int
    title: Message
    means: Message
    remedy: Message


PROBLEMS: dict[str, Kind] = {
    "bad-request": Kind(
        400,
        N_("The request is malformed"),
        N_("The address or a header of the request cannot be read."),
        N_("Correct the request; sending it again unchanged gives the same answer."),
    ),
    "bad-json": Kind(
        400,
        N_("The body cannot be read"),
        N_("The body is not a JSON object in UTF-8, or goes beyond what is read."),
        N_("Send one JSON object in UTF-8, without repeated members."),
    ),
    "missing-idempotency-key": Kind(
        400,
        N_("The Idempotency-Key is missing"),
        N_(
            "A request that creates something needs a header Idempotency-Key of 1 to 200 visible ASCII characters."
        ),
        N_(
            "Choose a new random key for each thing to be created, and keep it when you send the same request again."
        ),
    ),
    "unauthenticated": Kind(
        401,
        N_("Log in"),
        N_("The request carries no valid access token."),
        N_("Log in, or fetch a new access token, and send the request again."),
    ),
    "forbidden": Kind(
        403,
        N_("Not allowed"),
        N_("Your role does not allow this, or somebody else is responsible for it."),
        N_("Ask the one who is responsible, or your supervisor."),
    ),
    "no-consent": Kind(
        403,
        N_("The person has not consented"),
        N_("The person's consent for this purpose is missing or was withdrawn; scopes lists the purposes."),
        N_("Ask the person for consent and record it, then try again."),
    ),
    "not-found": Kind(
        404,
        N_("Not found"),
        N_("It does not exist, or you may not read it."),
        N_("Check the address."),
    ),
    "method-not-allowed": Kind(
        405,
        N_("The method is not allowed"),
        N_("This address does not answer this HTTP method; Allow lists those it answers."),
        N_("Use a method from Allow."),
    ),
    "wrong-state": Kind(
        409,
        N_("Not possible in this state"),
        N_(
            "The thing is in a state in which this command does not exist; allowed lists the commands open now."
        ),
        N_("Read it again and choose one of the allowed commands."),
    ),
    "possible-duplicate": Kind(
        409,
        N_("Perhaps already known"),
        N_("Somebody already known is close to the person described; candidates lists whom."),
        N_("Say with match whether it is one of the candidates or somebody new."),
    ),
    "conflict": Kind(
        409,
        N_("Changed by others at the same time"),
        N_("Others kept changing the same thing while the request was carried out. Nothing was changed."),
        N_("Try again."),
    ),
    "accept-first": Kind(
        409,
        N_("Accept the referral first"),
        N_("The client's data open only after the referral has been accepted."),
        N_("Accept the referral, then try again."),
    ),
    "length-required": Kind(
        411,
        N_("The length of the body is missing"),
        N_("The body was sent without a length (chunked)."),
        N_("Send the header Content-Length."),
    ),
    "stale": Kind(
        412,
        N_("Changed in the meantime"),
        N_("If-Match names a version that is no longer the current one. Nothing was changed."),
        N_("Read it again, look at what has changed, and send the command with the new version."),
    ),
    "too-large": Kind(
        413,
        N_("The body is too large"),
        N_("A body may have at most 1 MiB."),
        N_("Send less at a time."),
    ),
    "unsupported-media-type": Kind(
        415,
        N_("The media type is not supported"),
        N_("Bodies are read as application/json in UTF-8, without Content-Encoding."),
        N_("Send application/json."),
    ),
    "validation": Kind(
        422,
        N_("Some fields are wrong"),
        N_(
            "Fields or parameters are missing, unknown or wrong; errors says which and why. Nothing was changed."
        ),
        N_("Correct the fields listed and send the request again."),
    ),
    "key-reused": Kind(
        422,
        N_("The Idempotency-Key was used before"),
        N_(
            "The same Idempotency-Key came earlier with another command or another body. Nothing was changed."
        ),
        N_("Take a new key for a new request; keep the key only when you repeat the very same one."),
    ),
    "bad-cursor": Kind(
        422,
        N_("The cursor cannot be read"),
        N_("The cursor is not one that this list gave."),
        N_("Take the cursor from next, unchanged, or begin the list anew without one."),
    ),
    "precondition-required": Kind(
        428,
        N_("If-Match is missing"),
        N_("A command needs the header If-Match with the version that it was decided on."),
        N_("Read the thing, and send the command with its ETag as If-Match."),
    ),
    "rate-limited": Kind(
        429,
        N_("Too many requests"),
        N_("Too many requests came in a short time."),
        AGAIN,
    ),
    "internal": Kind(
        500,
        N_("An error on our side"),
        N_("Something failed that should not have. It has been recorded under the id in instance."),
        N_("Try again; if it happens again, tell the administrators the id in instance."),
    ),
    "unavailable": Kind(
        503,
        N_("Not available right now"),
        N_("A part that is needed does not answer right now."),
        AGAIN,
    ),
}

BY_STATUS = {
    PROBLEMS[slug].status: slug
    for slug in (
        "unauthenticated",
        "forbidden",
        "not-found",
        "method-not-allowed",
        "length-required",
        "too-large",
        "unsupported-media-type",
        "validation",
        "precondition-required",
        "rate-limited",
    )
}
"""What an HTTP error says that comes from Flask, werkzeug or webargs; any other one below 500 is `bad-request`."""


def problem(
    slug: str,
    *,
    detail: str | None = None,
    members: Mapping[str, Any] | None = None,
    headers: Iterable[tuple[str, str]] = (),
    status: int | None = None,
) -> Response:
    """The answer for a slug. `detail` and the texts in `members["errors"]` are translated here."""
    language = request_language()
    kind = PROBLEMS[slug]
    document: dict[str, Any] = {
        "type": f"/problems/{slug}",
        "title": text(kind.title, language),
        "status": status or kind.status,
    }
    if detail:
        document["detail"] = text(detail, language)
    document |= members or {}
    if "errors" in document:
        document["errors"] = _translated(document["errors"], language)
    document["instance"] = g.get("request_id", "")
    response = Response(
        json.dumps(document, ensure_ascii=False),
        document["status"],
        headers=list(headers),
        content_type="application/problem+json",
    )
    return in_language(_as_page(document, response), language)


def _as_page(document: Mapping[str, Any], response: Response) -> Response:
    """The answer, or a page that says the same, where a person is looking (`shared.ui`)."""
    show = current_app.extensions.get("problem_page")
    return show(document, response) if show else response


def in_language(response: Response, language: str) -> Response:
    """Say that the answer is in this language, and that another Accept-Language gives another one."""
    response.headers["Content-Language"] = language
    response.vary.add("Accept-Language")
    return response


def _translated(errors: Mapping[str, Iterable[str]], language: str) -> dict[str, list[str]]:
    first = list(errors.items())[:MAX_ERRORS]
    return {path[:200]: [text(each, language) for each in texts] for path, texts in first}


def flat(messages: Mapping[Any, Any], prefix: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages as `{dotted.path: [text]}`. What concerns a whole object stands under the object's path."""
    errors: dict[str, list[str]] = {}
    for key, value in messages.items():
        path = ".".join(part for part in (prefix, "" if key == "_schema" else str(key)) if part)
        if isinstance(value, Mapping):
            errors |= flat(value, path)
        else:
            errors.setdefault(path or "body", []).extend([value] if isinstance(value, str) else value)
    return errors


def from_refusal(error: Refusal) -> Response:
    headers = [("Retry-After", str(error.retry_after))] if isinstance(error, Unavailable) else []
    headers += getattr(error, "headers", [])
    return problem(error.slug, detail=error.detail, members=error.members(), headers=headers)


def from_http(error: HTTPException) -> Any:
    """An error of Flask, werkzeug or webargs. Redirects stay as they are."""
    if error.code is None or error.code < 400:
        return error.response or error
    if error.code >= 500:
        return problem("unavailable" if error.code == 503 else "internal", status=error.code)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() in KEPT_HEADERS]
    if error.code == 413:
        headers.append(("Connection", "close"))  # the rest of the body is not read
    by_location = (getattr(error, "data", None) or {}).get("messages") or {}
    errors: dict[str, list[str]] = {}
    for messages in by_location.values():
        errors |= flat(messages) if isinstance(messages, Mapping) else {"body": list(messages)}
    slug = BY_STATUS.get(error.code, "bad-request")
    return problem(slug, members={"errors": errors} if errors else None, headers=headers, status=error.code)


def from_mongo(error: PyMongoError) -> Response:
    if is_away(error):
        telemetry.logger().warning("store is away", exc_info=error)
        return from_refusal(Unavailable())
    if is_transient(error):
        telemetry.logger().warning("write conflict", exc_info=error)
        return problem("conflict")
    return from_bug(error)


def from_bug(error: Exception) -> Response:
    telemetry.logger().error("unhandled exception", exc_info=error)
    return problem("internal")


def register(app: Flask) -> None:
    """Let `app` answer every error with a problem document."""
    app.register_error_handler(Refusal, from_refusal)
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(PyMongoError, from_mongo)
    app.register_error_handler(Exception, from_bug)


def problem_pages() -> Blueprint:
    """The pages at `/problems/<slug>`. One service mounts them (intake); the gateway sends `/problems/*` there."""
    pages = Blueprint("problems", __name__, template_folder="templates")

    @pages.get("/problems/<slug>")
    @public
    def page(slug: str) -> Response:
        """What a problem means and what to do about it."""
        if slug not in PROBLEMS:
            raise NotFound
        language = request_language()
        kind = PROBLEMS[slug]
        shown = {name: text(getattr(kind, name), language) for name in ("title", "means", "remedy")}
        what_to_do = text(N_("What to do"), language)
        html = render_template(
            "problem.html", slug=slug, status=kind.status, language=language, what_to_do=what_to_do, **shown
        )
        answer = Response(html, content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = PAGE_POLICY
        return in_language(answer, language)

    @pages.get("/problems/page.css")
    @public
    def style() -> Response:
        """How these pages look."""
        return send_from_directory(STATIC, "problem.css", max_age=86400)

    return pages
