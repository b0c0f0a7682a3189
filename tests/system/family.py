"""One family's whole way over the public APIs, in steps that tests can stop after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.callers import Caller, appeal, until

DOMAINS = (
    "housing", "income", "health", "parenting", "safety", "documents", "employment", "education", "relations", "addictions",
)  # fmt: skip
DISCLOSE = ["name", "birth_date", "iin", "phone", "address", "language", "need", "danger"]
People = Callable[[str], Caller]


def today() -> Any:
    return (datetime.now(UTC) + timedelta(hours=5)).date()


def registered(people: People, worker: str = "worker.astana", **more: Any) -> dict[str, Any]:
    """An appeal at the window."""
    return people(worker).create("/intake/v1/appeals", appeal(**more))


def opened(
    people: People, appeal: dict[str, Any], worker: str = "worker.astana", head: str = "supervisor.astana"
) -> dict[str, Any]:
    """The case that the appeal is screened to."""
    people(worker).command(
        f"/intake/v1/appeals/{appeal['id']}", "screening", {"outcome": "open-case", "note": "Жоспар керек."}
    )

    def case() -> Any:
        # a supervisor sees it, whoever became its holder
        cases = people(head).items("/casework/v1/cases", appeal_id=appeal["id"])
        return cases and cases[0]

    return until(case, "the case is open")


def planned(
    people: People,
    case: dict[str, Any],
    measures: list[dict[str, Any]] | None = None,
    head: str = "supervisor.astana",
) -> dict[str, Any]:
    """The case with an approved plan: by default a measure of a health agency and one of the center."""
    holder = people(case["holder"])
    path = f"/casework/v1/cases/{case['id']}"
    due = (today() + timedelta(days=20)).isoformat()
    measures = measures or [
        {
            "kind": "medical",
            "responsible": {"type": "agency", "agency_id": "agency-health-astana"},
            "due_on": due,
        },
        {"kind": "housing", "responsible": {"type": "center"}, "due_on": due},
    ]
    holder.command(path, "assessment", {"domains": dict.fromkeys(DOMAINS, 1), "note": "Отбасының айтуынша."})
    holder.command(path, "plan", {"goals": ["Қысқа баспана"], "measures": measures})
    holder.command(path, "plan/sign", {"by": "worker", "method": "paper"})
    holder.command(path, "plan/sign", {"by": "family", "person_id": case["person_id"], "method": "paper"})
    return people(head).command(path, "plan/approve", {})


def referred(people: People, case: dict[str, Any], measure: int = 1, **more: Any) -> dict[str, Any]:
    """A referral of a measure to the health agency."""
    body = {
        "case_id": case["id"],
        "measure": measure,
        "service_kind": "health",
        "priority": "routine",
        "reason": "Дәрігер керек.",
        "disclose": DISCLOSE,
    }
    holder = people(case["holder"])

    def sent() -> Any:
        answer = holder.http.post(
            "/referrals/v1/referrals",
            json={**body, **more},
            headers={"Idempotency-Key": f"{case['id']}-{measure}"},
        )
        return answer.status_code == 201 and answer.json()

    return until(sent, "the case has arrived at referrals")


def measure(people: People, case: dict[str, Any], n: int) -> dict[str, Any]:
    found = people(case["holder"]).get(f"/casework/v1/cases/{case['id']}")["measures"]
    return next(each for each in found if each["n"] == n)
