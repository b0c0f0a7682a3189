"""Cases to test with: one that has just been opened, and one brought as far as a test needs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from services.casework import policy as policies
from services.casework.domain import carrying_out, opening, planning
from services.casework.domain.case import Case, Responsible
from services.casework.domain.levels import DOMAINS
from services.casework.domain.opening import File
from services.casework.domain.planning import Line
from shared.events import Danger

POLICY = policies.load()
NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)  # a Tuesday, 10:00 in Almaty
TODAY = date(2026, 11, 24)
SAFE = Danger(life=False, child=False, domestic_violence=False)
WORKER, SUPERVISOR = "worker.astana", "supervisor.astana"
BY_WORKER = {"actor": WORKER, "now": NOW, "policy": POLICY}
BY_SUPERVISOR = {"actor": SUPERVISOR, "now": NOW, "policy": POLICY}


def later(**span) -> datetime:
    return NOW + timedelta(**span)


def ratings(each: int, **others: int) -> dict[str, int]:
    return {**dict.fromkeys(DOMAINS, each), **others}


def line(type: str = "center", **changes) -> Line:
    agency_id = "agency-health-astana" if type == "agency" else None
    responsible = Responsible(type=type, agency_id=agency_id)
    return Line(
        **{"kind": "medical", "responsible": responsible, "due_on": TODAY + timedelta(days=30), **changes}
    )


def opened(danger: Danger = SAFE, *, restricted: bool = False) -> Case:
    case, _ = opening.open_case(
        number="71-1-2026-000001",
        appeal_id="appeal-1",
        family_id="family-1",
        person_id="person-1",
        center_id="center-71-1",
        file=File(danger=danger, restricted=restricted, version=3),
        holder=WORKER,
        actor=WORKER,
        now=NOW,
        policy=POLICY,
    )
    return case


def assessed(each: int = 1, danger: Danger = SAFE) -> Case:
    return planning.record_assessment(opened(danger), ratings(each), None, **BY_WORKER)[0]


def drafted(*lines: Line, **assessment) -> Case:
    return planning.draft_plan(assessed(**assessment), ["Goal"], lines or (line(),), None, **BY_WORKER)[0]


def signed(*lines: Line, **assessment) -> Case:
    case = drafted(*lines, **assessment)
    for by in ("worker", "family"):
        case = planning.sign_plan(case, by, None, "paper", **BY_WORKER)[0]
    return case


def running(*lines: Line, **assessment) -> Case:
    return planning.approve_plan(signed(*lines, **assessment), **BY_SUPERVISOR)[0]


def delivered(case: Case, n: int) -> Case:
    return carrying_out.deliver_measure(case, n, given_on=TODAY, condition="home", **BY_WORKER)[0]


def items(case: Case) -> dict[str, str]:
    """Item → next action, of all that is open."""
    return {item.item: item.next_action for item in case.open}


def item(case: Case, name: str):
    return next(each for each in case.open if each.item == name)
