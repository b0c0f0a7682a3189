"""What the two doors of casework, the API and the pages, have in common: its commands, and the line in the access log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from services.casework import use_cases
from services.casework.domain.case import Case
from services.casework.schemas import (
    AssessmentIn,
    AssignIn,
    ClosureIn,
    DeliverIn,
    HelpIn,
    PlanIn,
    ReasonIn,
    ReviewIn,
    SignIn,
    VisitIn,
)
from services.casework.service import Casework
from services.casework.store import SERVICE
from shared.aggregate import Saved
from shared.http import actor
from shared.http.conditions import now
from shared.http.fields import Empty, Schema

STAFF = ("worker", "supervisor")
HEAD = ("supervisor",)
BY_TIME = (datetime, str)
"""What a cursor of a list of cases holds."""


@dataclass(frozen=True)
class Command:
    """A command of a case: its address under the case, who may give it, what it is told, what does it."""

    path: str
    who: tuple[str, ...]
    schema: type[Schema]
    do: Callable[..., Saved[Case]]
    title: str

    def name(self, n: int | None = None) -> str:
        """The command as the state of a case allows it: `measures/2/deliver`."""
        return self.path.replace("<int:n>", str(n))


COMMANDS = (
    Command("assessment", STAFF, AssessmentIn, use_cases.record_assessment, "Record an assessment of need"),
    Command("plan", STAFF, PlanIn, use_cases.draft_plan, "Write the plan, or a new version of it"),
    Command("plan/sign", STAFF, SignIn, use_cases.sign_plan, "Record a signature under the plan"),
    Command("plan/approve", HEAD, Empty, use_cases.approve_plan, "Approve the plan"),
    Command("plan/return", HEAD, ReasonIn, use_cases.return_plan, "Send the plan back"),
    Command("measures/<int:n>/start", STAFF, Empty, use_cases.start_measure, "Begin a measure"),
    Command("measures/<int:n>/deliver", STAFF, DeliverIn, use_cases.deliver_measure, "A measure was given"),
    Command(
        "measures/<int:n>/cancel", STAFF, ReasonIn, use_cases.cancel_measure, "A measure will not be given"
    ),
    Command("help", STAFF, HelpIn, use_cases.give_help, "Help was given without a plan"),
    Command("visits", STAFF, VisitIn, use_cases.record_visit, "Record a visit of a mobile group"),
    Command("review", STAFF, ReviewIn, use_cases.record_review, "Review the plan"),
    Command("closure", STAFF, ClosureIn, use_cases.propose_closure, "Propose to close the case"),
    Command("closure/approve", HEAD, Empty, use_cases.approve_closure, "Close the case"),
    Command("closure/return", HEAD, ReasonIn, use_cases.return_closure, "Do not close the case"),
    Command("reopen", HEAD, ReasonIn, use_cases.reopen, "Open a closed case again"),
    Command("assign", HEAD, AssignIn, use_cases.assign, "Give the case to somebody else"),
)
BY_PATH = {command.path: command for command in COMMANDS}
HEADS = frozenset(command.path for command in COMMANDS if command.who == HEAD)
"""Commands that only the head of the center gives."""


def service() -> Casework:
    """The service behind the current request."""
    return current_app.extensions[SERVICE]


def log_reading(rows: Sequence[Saved[Case]], what: str, why: str | None = None) -> None:
    """Write that the caller sees these cases: before the answer, and without the line there is none."""
    subject = rows[0].id if len(rows) == 1 else None
    families = [row.state.family_id for row in rows]
    service().store.access_log.write(actor(), now(), what=what, family_ids=families, subject=subject, why=why)
