"""Requests are read strictly: what was not understood is refused by name, never guessed or dropped.

    blueprint = Blueprint("cases", __name__, url_prefix="/casework/v1")

`Blueprint` is flask-smorest's, with these differences:

- a body is one JSON object in UTF-8 without a byte-order mark; another media type is 415; not JSON, nested deeper than
  `MAX_DEPTH`, a number of more than `MAX_DIGITS` digits or out of range, NaN, a member that occurs twice, half a surrogate pair
  → 400 `bad-json`;
- unknown members of the body and unknown or repeated query parameters → 422 `validation`, each named, on every route, those
  without arguments included;
- a schema given as a class is made once, not once per request.

`check_request` (run before every view, after the caller is known) does what webargs does not look at: the length of the body, its
encoding, and the routes that take no arguments. `body()` is the parsed body, read once per request.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

import flask_smorest
import marshmallow as ma
from flask import Request, current_app, g, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge, UnsupportedMediaType

from shared.i18n import N_
from shared.refusals import Invalid, Refusal

MAX_BODY = 1024 * 1024
MAX_DEPTH = 32
MAX_DIGITS = 20
WITH_BODY = ("POST", "PUT", "PATCH")


class BadJson(Refusal):
    """The body is not a JSON object that we read."""

    slug = "bad-json"


class BadRequest(Refusal):
    """The request itself is malformed: its address, or a header."""

    slug = "bad-request"


def _refuse_constant(name: str) -> NoReturn:
    raise BadJson(N_("{name} is not a JSON number.", name=name))


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadJson(N_("A number has more than {max} digits.", max=MAX_DIGITS))
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadJson(N_("A number is out of range."))
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJson(N_("A member of an object occurs twice."))
    return members


_decoder = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_integer, parse_float=_number, object_pairs_hook=_object
)


def loads(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises BadJson, with a text that says what is wrong with it (and quotes nothing)."""
    too_deep = N_("The JSON is nested deeper than {max} levels.", max=MAX_DEPTH)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson(N_("The body is not UTF-8.")) from None
    try:
        document = _decoder.decode(text)
    except RecursionError:
        raise BadJson(too_deep) from None
    except json.JSONDecodeError as error:
        raise BadJson(N_("The body is not JSON (character {position}).", position=error.pos)) from None
    if not isinstance(document, dict):
        raise BadJson(N_("The body must be a JSON object."))
    if _deeper_than(document, MAX_DEPTH):
        raise BadJson(too_deep)
    if "\\u" in text and not _encodable(document):
        raise BadJson(N_("The body holds half a surrogate pair."))
    return document


def _deeper_than(document: Any, depth: int) -> bool:
    level = [document]
    for _ in range(depth):  # breadth first: no recursion of ours
        containers = [value for value in level if isinstance(value, dict | list)]
        level = [
            child for value in containers for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return any(isinstance(value, dict | list) for value in level)


def _encodable(document: Any) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def body() -> dict[str, Any]:
    """The JSON body of the current request, as it came. Raises BadJson, and 415 for another media type."""
    if "json_body" not in g:
        charset = request.mimetype_params.get("charset", "utf-8").lower()
        if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
            raise UnsupportedMediaType
        g.json_body = loads(request.get_data())
    return g.json_body


def has_body() -> bool:
    return bool(request.content_length)


class StrictParser(FlaskParser):
    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.RAISE,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        return body()


class Blueprint(flask_smorest.Blueprint):
    """A flask-smorest blueprint that reads requests strictly (see the module)."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: type[ma.Schema] | ma.Schema, **options: Any) -> Any:
        return super().arguments(schema() if isinstance(schema, type) else schema, **options)


def check_address() -> None:
    """Before anything else: path and query are UTF-8. Raises BadRequest."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode("utf-8")
        unquote_to_bytes(request.query_string).decode("utf-8")
    except UnicodeError:
        raise BadRequest(N_("The address is not UTF-8.")) from None


def check_request() -> None:
    """Once the caller is known: the body's length and encoding, and arguments where a route takes none."""
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise LengthRequired
    if (request.content_length or 0) > MAX_BODY:
        raise RequestEntityTooLarge
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise Invalid({name: [N_("Given more than once.")] for name in repeated})
    view = view_function()
    if view is None or not hasattr(view, "_apidoc"):  # a page, or health: they look at what they take
        return
    taken = {parameter["in"] for parameter in view._apidoc.get("arguments", {}).get("parameters", ())}
    surplus: list[str] = []
    if "query" not in taken:
        surplus += request.args
    if "json" not in taken and request.method in WITH_BODY and has_body():
        surplus += body()
    if surplus:
        raise Invalid({name: [N_("Unknown field.")] for name in surplus})


def view_function() -> Any:
    """The function that answers the current request: the method of a MethodView, or the view function. None for none."""
    if request.url_rule is None:
        return None
    return method_of(current_app.view_functions[request.url_rule.endpoint], request.method)


def method_of(view: Any, method: str) -> Any:
    """The function of a view that answers `method`. HEAD is answered by GET."""
    holder = getattr(view, "view_class", None)
    if holder is None:
        return view
    return getattr(holder, method.lower(), None) or (
        getattr(holder, "get", None) if method == "HEAD" else None
    )
