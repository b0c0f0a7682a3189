"""How far families go that are walked through the product: some until something is still to be done, some until all is done.

A way is gone through the public APIs, by the people of Astana. What is made up here of a family (name, date of birth, IIN) looks as
`differences` will look for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from services.intake.domain.iin import synthetic_iin
from tests.generated.centers import AGENCY, HEAD, WORKER
from tests.generated.differences import SURNAME, SYLLABLES
from tests.oracle import World
from tests.system.family import People, opened, planned, referred, registered, today

Way = Callable[[People, World], str]
"""Takes a family so or so far; returns its id."""


def _come(people: People, **more: Any) -> dict[str, Any]:
    """An appeal of a mother with a child, whose name can be replaced letter by letter."""
    chance = Random()
    born = date(1970, 1, 1) + timedelta(days=chance.randrange(9_000))
    name = SURNAME + "".join(written for written, _ in chance.choices(SYLLABLES, k=4))
    child = {
        "relation": "child",
        "family_name": name,
        "given_name": "Бала",
        "birth_year": 2018,
        "sex": "female",
    }
    applicant = {
        "family_name": name,
        "birth_date": born.isoformat(),
        "iin": synthetic_iin(born, chance.randrange(9_000)),
    }
    return registered(people, WORKER, applicant=applicant, household=[child], **more)


def _new(people: People, world: World) -> str:
    return _come(people)["family_id"]


def _consulted(people: People, world: World) -> str:
    appeal = _come(people)
    people(WORKER).command(
        f"/intake/v1/appeals/{appeal['id']}",
        "screening",
        {"outcome": "consultation", "note": "Кеңес берілді."},
    )
    return appeal["family_id"]


def _case(people: People, world: World, **more: Any) -> dict[str, Any]:
    case = opened(people, _come(people, **more))
    world.at_rest()  # else what casework hears of the family makes the versions stale on which the plan is written
    return case


def _assessing(people: People, world: World) -> str:
    return _case(people, world)["family_id"]


def _asked(people: People, world: World) -> str:
    case = planned(people, _case(people, world))
    referred(people, case)
    return case["family_id"]


def _accepted(people: People, world: World) -> str:
    case = planned(people, _case(people, world))
    people(AGENCY).command(f"/referrals/v1/referrals/{referred(people, case)['id']}", "accept", {})
    return case["family_id"]


def _helped(people: People, world: World, **more: Any) -> str:
    """The whole way, until the case is closed."""
    case = planned(people, _case(people, world, **more))
    path, at = f"/casework/v1/cases/{case['id']}", f"/referrals/v1/referrals/{referred(people, case)['id']}"
    given = {"given_on": today().isoformat(), "condition": "home"}
    for command, body in (
        ("accept", {}),
        ("start", {}),
        ("complete", {"result": {"summary": "Көмек берілді.", **given}}),
    ):
        people(AGENCY).command(at, command, body)
    world.at_rest()
    holder = people(case["holder"])
    holder.command(path, "measures/2/deliver", given)
    holder.command(path, "review", {"outcome": "keep", "level": "B", "note": "Жақсарды."})
    holder.command(path, "closure", {"reason": "goals-met", "note": "Мақсатқа жетті."})
    people(HEAD).command(path, "closure/approve", {})
    _notices(people, f"/intake/v1/appeals/{case['appeal_ids'][0]}")
    return case["family_id"]


def _notices(people: People, appeal: str) -> None:
    """The bodies that have to be told of a danger are told."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for item in people(WORKER).get(appeal)["open"]:
        told = {"body": item["item"].removeprefix("notice-"), "told_at": now, "how": "phone"}
        people(WORKER).command(appeal, "notices", told)


def _helped_in_danger(people: People, world: World) -> str:
    return _helped(people, world, danger={"life": False, "child": False, "domestic_violence": True})


STILL: Sequence[Way] = (_new, _assessing, _asked, _accepted)
"""How far families have gone for whom something is to be done. They take turns, and so do those of DONE."""
DONE: Sequence[Way] = (
    _consulted,
    _helped,
    _consulted,
    _consulted,
    _consulted,
    _helped_in_danger,
    _consulted,
    _consulted,
)
