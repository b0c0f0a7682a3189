"""What the two doors of referrals, the API and the pages, do alike: the commands they offer, and whom they let read.

Every answer that shows a referral writes its line in the access log first; without the line there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app

from services.referrals import use_cases
from services.referrals.domain.referral import Referral
from services.referrals.reading import is_for
from services.referrals.schemas import CompleteIn, NoteIn, ReasonIn
from services.referrals.service import Referrals
from services.referrals.store import SERVICE
from services.referrals.views import for_agency, whole
from shared.aggregate import Saved
from shared.http import actor
from shared.http.conditions import now
from shared.http.fields import Empty, Schema

STAFF = ("worker", "supervisor")
AGENCY = ("partner",)
BY_TIME = (datetime, str)
"""What a cursor of a list of referrals holds."""


@dataclass(frozen=True)
class Command:
    """Something that may be done with a referral: its name, who may, its body, the use case, and what it does in words."""

    name: str
    who: tuple[str, ...]
    body: type[Schema]
    carry_out: Callable[..., Saved[Referral]]
    title: str


COMMANDS = (
    Command("cancel", STAFF, ReasonIn, use_cases.cancel, "Take it back"),
    Command("acknowledge", STAFF, NoteIn, use_cases.acknowledge, "Take note that it came to nothing"),
    Command("accept", AGENCY, Empty, use_cases.accept, "The agency will do it"),
    Command("reject", AGENCY, ReasonIn, use_cases.reject, "The agency will not do it"),
    Command("start", AGENCY, Empty, use_cases.start, "The agency has begun"),
    Command("hold", AGENCY, NoteIn, use_cases.hold, "The agency cannot go on for a while"),
    Command("resume", AGENCY, Empty, use_cases.resume, "The agency goes on"),
    Command("complete", AGENCY, CompleteIn, use_cases.complete, "The help was given"),
    Command("fail", AGENCY, ReasonIn, use_cases.fail, "The agency could not do it after all"),
)
"""Every command: `POST …/referrals/{id}/<name>`, and a form of the pages."""


def service() -> Referrals:
    """The service behind the current request."""
    return current_app.extensions[SERVICE]


def shown(rows: Sequence[Saved[Referral]], what: str) -> list[dict[str, Any]]:
    """Referrals as the caller may see them, once the access log says so."""
    log_reading(rows, what)
    return [for_agency(row) if is_for(actor(), row.state) else whole(row) for row in rows]


def log_reading(rows: Sequence[Saved[Referral]], what: str) -> None:
    """Write that the caller sees these referrals."""
    subject = rows[0].id if len(rows) == 1 else None
    families = [row.state.family_id for row in rows]
    service().store.access_log.write(actor(), now(), what=what, family_ids=families, subject=subject)
