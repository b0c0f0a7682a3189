"""The ways in which a command is refused.

The domain and the use cases raise these; `shared.http.problems` turns each into the problem+json that the contract names,
in the caller's language. They are pure: no HTTP, no texts with personal data. A refusal never leaves anything half-written,
for it is raised before the one write that would have been made.

    raise WrongState(allowed=["accept", "reject"])
    raise Invalid({"applicant.iin": ["The check digit does not match."]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Refusal(Exception):
    """Base of all refusals. `slug` is the contract's name of the problem; `detail` a translatable text or None."""

    slug: ClassVar[str]

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(self.slug)
        self.detail = detail

    def members(self) -> dict[str, Any]:
        """Further members of the problem document, beside type, title, status and detail."""
        return {}


class NotFound(Refusal):
    """It does not exist, or the caller may not read it: the two look alike."""

    slug = "not-found"


class Forbidden(Refusal):
    """It may be read but not acted on, or the role never may."""

    slug = "forbidden"


class Conflict(Refusal):
    """Lost the race again and again; the caller may try again."""

    slug = "conflict"


class AcceptFirst(Refusal):
    """A partner wants the client's fields before it has accepted the referral."""

    slug = "accept-first"


class Stale(Refusal):
    """`If-Match` names a version that is no longer the current one."""

    slug = "stale"


class PreconditionRequired(Refusal):
    """A command came without `If-Match`, and with no Idempotency-Key that the resource knows."""

    slug = "precondition-required"


class MissingIdempotencyKey(Refusal):
    """A create came without a usable `Idempotency-Key`."""

    slug = "missing-idempotency-key"


class KeyReused(Refusal):
    """The Idempotency-Key was used before, for another command or another body."""

    slug = "key-reused"


class BadCursor(Refusal):
    """`cursor` is not one that a list of ours gave."""

    slug = "bad-cursor"


class WrongState(Refusal):
    """The command does not exist in the state in which the thing is. `allowed`: the commands open now."""

    slug = "wrong-state"

    def __init__(self, allowed: Sequence[str], detail: str | None = None) -> None:
        super().__init__(detail)
        self.allowed = list(allowed)

    def members(self) -> dict[str, Any]:
        return {"allowed": self.allowed}


class PossibleDuplicate(Refusal):
    """Somebody known is close to the person described. `candidates`: `{person_id, score, reasons}` each, best first."""

    slug = "possible-duplicate"

    def __init__(self, candidates: Sequence[Mapping[str, Any]], detail: str | None = None) -> None:
        super().__init__(detail)
        self.candidates = [dict(candidate) for candidate in candidates]

    def members(self) -> dict[str, Any]:
        return {"candidates": self.candidates}


class NoConsent(Refusal):
    """The person has not consented (or no longer does). `scopes`: the consents that are missing."""

    slug = "no-consent"

    def __init__(self, scopes: Sequence[str], detail: str | None = None) -> None:
        super().__init__(detail)
        self.scopes = list(scopes)

    def members(self) -> dict[str, Any]:
        return {"scopes": self.scopes}


class Invalid(Refusal):
    """The input breaks a rule. `errors`: dotted path of the field → texts that say what is wrong and how to mend it."""

    slug = "validation"

    def __init__(self, errors: Mapping[str, Sequence[str]], detail: str | None = None) -> None:
        super().__init__(detail)
        self.errors = {path: list(texts) for path, texts in errors.items()}

    def members(self) -> dict[str, Any]:
        return {"errors": self.errors}


class Unavailable(Refusal):
    """A part that is needed does not answer now. `retry_after`: seconds after which it is worth another try."""

    slug = "unavailable"

    def __init__(self, retry_after: int = 5, detail: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
