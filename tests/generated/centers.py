"""The centers: stories are walked in Astana, and are told of every center with its own staff, region and journals."""

from __future__ import annotations

from collections.abc import Sequence

from shared import reference
from shared.reference import Center, Staff

WORKER, COLLEAGUE, HEAD, AGENCY = (
    "worker.astana",
    "worker2.astana",
    "supervisor.astana",
    "agency-health-astana",
)
"""The people of Astana by whom the stories are walked; `COLLEAGUE` is whoever else may have become the holder."""


def staff_of(center: Center) -> list[Staff]:
    """Two workers and a supervisor: the demo users, where the center has them."""
    known = [member for member in reference.staff() if member.center_id == center.id]
    for role, many in (("worker", 2), ("supervisor", 1)):
        there = sum(member.role == role for member in known)
        known += [
            Staff(
                id=f"{role}{n}.{center.id}", name=f"{role} {n}", center_id=center.id, role=role, active=True
            )
            for n in range(there + 1, many + 1)
        ]
    return known


def cast(center: Center, turn: int) -> dict[str, str]:
    """What stands in a story of Astana → what stands there in this center. Its two workers take turns."""
    of_role = {role: [m.id for m in staff_of(center) if m.role == role] for role in ("worker", "supervisor")}
    first, second = of_role["worker"] if turn % 2 else of_role["worker"][::-1]
    return {
        "center-71-1": center.id,
        "71-1-20": f"{center.region}-{center.number}-20",
        WORKER: first,
        COLLEAGUE: second,
        HEAD: of_role["supervisor"][0],
        "health-astana": f"health-{reference.region(center.region).slug}",
    }


def journals_of(center: Center, series: Sequence[str]) -> list[str]:
    """The series of numbers of Astana's journals, as they are called in this center."""
    return [name.replace("71-1", f"{center.region}-{center.number}") for name in series]
