"""Repeating a request safely, and changing only what one has seen.

    once = create_request()               # POST …/appeals: the header Idempotency-Key is required
    ask = command_request("assign")       # POST …/appeals/{id}/assign, and PATCH: If-Match and Idempotency-Key, as far as given

Both are handed on to the aggregate store, which decides: it knows which keys a resource has seen, which version is current, and
raises KeyReused, Stale or PreconditionRequired. `respond` gives a resource back with its ETag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import request

from shared.aggregate import Ask, Once, body_hash
from shared.http.auth import actor
from shared.http.strict import body, has_body
from shared.i18n import N_
from shared.refusals import Invalid, MissingIdempotencyKey

KEY = re.compile(r"[\x21-\x7e]{1,200}")
VERSION = re.compile(r'"(0|[1-9][0-9]{0,14})"')
View = TypeVar("View", bound=Callable[..., Any])


def now() -> datetime:
    """The time of a request: aware UTC, cut to milliseconds, which is what the store keeps."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def create_request() -> Once:
    """The Idempotency-Key of a request that creates, and the hash of what it asks. Raises MissingIdempotencyKey."""
    key = _key()
    if key is None:
        raise MissingIdempotencyKey
    return Once(key=key, hash=_hash())


def command_request(command: str) -> Ask:
    """A command, as the aggregate store needs it. Raises Invalid for an If-Match that is not one strong ETag of ours.

    Keys are kept per caller: the aggregate remembers the caller's name before the key, so that two people who happen to use the
    same one do not meet.
    """
    key = _key()
    own = f"{actor().sub} {key}" if key is not None else None
    return Ask(command=command, key=own, hash=_hash(), if_match=_version(), now=now())


def respond(resource: Any, version: int, status: int = 200) -> tuple[Any, int, Mapping[str, str]]:
    """What a view returns for a resource: the resource, the status, and its version as the ETag."""
    return resource, status, {"ETag": f'"{version}"'}


def unconditional(view: View) -> View:
    """Marks a POST on `…/{id}/…` that changes nothing there (a search, a door): its documentation names neither header."""
    view._unconditional = True  # type: ignore[attr-defined]
    return view


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None or KEY.fullmatch(key):
        return key
    raise MissingIdempotencyKey(N_("The Idempotency-Key is not 1 to 200 visible ASCII characters."))


def _version() -> int | None:
    etag = request.headers.get("If-Match")
    if etag is None:
        return None
    match = VERSION.fullmatch(etag.strip())
    if match is None:
        raise Invalid({"If-Match": [N_('Give one version in quotation marks, as the ETag has it: "7".')]})
    return int(match.group(1))


def _hash() -> str:
    return body_hash({"path": request.path, "body": body() if has_body() else {}})
