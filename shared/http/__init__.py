"""The HTTP side of every service: strict requests, one kind of error answer, roles, conditions, pages of lists, documentation.

    from shared import http
    from shared.http import Blueprint, actor, command_request, create_request, page, page_of, public, respond, roles

    blueprint = Blueprint("cases", __name__, url_prefix="/casework/v1")

    @blueprint.route("/cases/<uuid:case_id>/assign")
    class Assign(MethodView):
        @roles("supervisor")
        @blueprint.arguments(AssignIn)
        @blueprint.response(200, CaseOut)
        def post(self, body, case_id):
            saved = use_cases.assign(actor(), str(case_id), body, command_request("assign"))
            return respond(saved, saved.version)

Views are thin: they take what the schemas let through, call a use case or a query, and give back plain data. They build no error
answers: they let the refusals of `shared.refusals` pass (`problems` turns them into problem documents in the caller's language).

| module | is for |
|---|---|
| `app` | `create_app`: one service's application |
| `strict` | `Blueprint`; how requests are read |
| `auth`, `tokens` | who asks; which roles a route lets in |
| `conditions` | Idempotency-Key, If-Match, ETag |
| `fields`, `paging` | schemas, and lists by keyset |
| `problems` | errors, and the pages that explain them |
| `health`, `docs` | the routes that every service has |
"""

from shared.http.app import create_app
from shared.http.auth import actor, declared_roles, public, roles
from shared.http.conditions import command_request, create_request, respond, unconditional
from shared.http.paging import ListArgs, decode_cursor, page, page_of
from shared.http.problems import problem_pages
from shared.http.strict import Blueprint
from shared.keyset import first, keyset_filter

__all__ = [
    "Blueprint",
    "ListArgs",
    "actor",
    "command_request",
    "create_app",
    "create_request",
    "declared_roles",
    "decode_cursor",
    "first",
    "keyset_filter",
    "page",
    "page_of",
    "problem_pages",
    "public",
    "respond",
    "roles",
    "unconditional",
]
