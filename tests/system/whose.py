"""Families whose ids others have no business with, as things that routes take: one that is open to its center, one that is restricted,
and one of another center, whose staff are the others.

    family.things["case_id"]      values by the names that routes use
    family.secrets                 what no answer to others may hold
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.callers import appeal, until
from tests.oracle import World
from tests.system.family import People, opened, planned, referred, registered

ASTANA = ("worker.astana", "supervisor.astana", "center-71-1")
ALMATY = ("worker.almaty", "supervisor.almaty", "center-75-1")
AGENCY = "agency-health-astana"


@dataclass(frozen=True, kw_only=True)
class Family:
    """`holder`: who holds all of it; `sought`: by what the search finds its members."""

    name: str
    holder: str
    head: str
    center_id: str
    things: Mapping[str, Any]
    secrets: frozenset[str] = field(repr=False)
    sought: Mapping[str, str] = field(repr=False)
    applicant: Mapping[str, Any] = field(repr=False)
    member_ids: tuple[str, ...] = ()

    def told_in(self, text: str) -> list[str]:
        """What of the family's a text holds."""
        return sorted(secret for secret in self.secrets if secret in text)


def make(
    people: People, world: World, name: str, of: tuple[str, str, str], *, violence: bool = False
) -> Family:
    """A family with an appeal, a case with an approved plan, a referral to the health agency and a message, held by the center's worker."""
    worker, head, center_id = of
    child = appeal()["applicant"]
    body = appeal(
        center_id=center_id,
        danger={"life": False, "child": False, "domestic_violence": violence},
        household=[{**child, "relation": "child"}],
    )
    made = registered(people, worker, **body)
    case = opened(people, made, worker, head)
    path = f"/casework/v1/cases/{case['id']}"
    if case["holder"] != worker:
        people(head).command(path, "assign", {"holder": worker, "reason": "Knows the family."})
    world.at_rest()  # else what casework hears of the family's danger makes the versions stale on which the plan is written
    case = planned(people, {**case, "holder": worker}, head=head)
    referral = referred(people, case, service_id="service-health-astana")
    world.at_rest()
    messages = people(head).items("/notifications/v1/messages", family_id=made["family_id"])
    file = people(head).get(f"/intake/v1/families/{made['family_id']}")
    persons = [member["person_id"] for member in file["members"]]
    assert len(persons) == 2
    assert messages, "the family was told nothing"
    things = {
        "appeal_id": made["id"],
        "family_id": made["family_id"],
        "person_id": made["person_id"],
        "case_id": case["id"],
        "n": 1,
        "referral_id": referral["id"],
        "message_id": messages[0]["id"],
    }
    described = [body["applicant"], child]
    sought = {
        "IIN": body["applicant"]["iin"],
        "phone": body["applicant"]["phone"],
        "number of the appeal": made["number"],
        "family name": body["applicant"]["family_name"],
        "beginning of the family name": body["applicant"]["family_name"][:-1],
        "IIN of a member": child["iin"],
        "phone of a member": child["phone"],
        "family name of a member": child["family_name"],
    }
    ids = {value for value in things.values() if isinstance(value, str)}
    others = {made["number"], case["number"], referral["number"], *persons}
    others |= {message["id"] for message in messages}
    others |= {one[field] for one in described for field in ("iin", "phone", "family_name")}
    return Family(
        name=name,
        holder=worker,
        head=head,
        center_id=center_id,
        things=things,
        secrets=frozenset(ids | others),
        sought=sought,
        applicant=body["applicant"],
        member_ids=tuple(persons),
    )


def accepted(people: People, family: Family) -> None:
    """The agency has accepted the family's referral, and may see the client's fields."""
    path = f"/referrals/v1/referrals/{family.things['referral_id']}"
    people(AGENCY).command(path, "accept", {})
    until(
        lambda: people(AGENCY).http.get(f"{path}/client").status_code == 200,
        "the client's fields are shown",
    )
