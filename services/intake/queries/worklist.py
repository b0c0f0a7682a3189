"""The worklist joined with what only intake knows: names, ages, badges. Read at the moment it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.intake.domain.person import Person
from services.intake.queries import people
from services.intake.service import Intake
from shared.access import Known
from shared.aggregate import Saved

DANGERS = ("life", "child", "domestic_violence")


def joined(intake: Intake, rows: Sequence[Mapping[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """Rows of the read model with `overdue`, `person {id, name, birth_date} | None` and `badges`."""
    persons = people.persons(intake.store, {row["person_id"] for row in rows if row["person_id"]})
    files = intake.store.files.known_of({row["family_id"] for row in rows})
    return [
        {
            **row,
            "overdue": row["due_at"] < at,
            "person": _shown(persons.get(row["person_id"])),
            "badges": badges(files.get(row["family_id"]), persons.get(row["person_id"])),
        }
        for row in rows
    ]


def in_danger(intake: Intake, family_ids: Iterable[str]) -> set[str]:
    """Those of the families in which somebody is in danger."""
    files = intake.store.files.known_of(set(family_ids))
    return {id for id, known in files.items() if _dangers(known)}


def badges(file: Known | None, person: Saved[Person] | None) -> list[str]:
    """Who is in danger, and how a person may not be reached."""
    found = _dangers(file)
    if person is None:
        return found
    sms = person.state.safe_contact.sms if person.state.safe_contact else "unknown"
    return found + {"no": ["no-sms"], "unknown": ["sms-unknown"]}.get(sms, [])


def _dangers(file: Known | None) -> list[str]:
    danger = (file.danger if file else None) or {}
    return [kind.replace("_", "-") for kind in DANGERS if danger.get(kind)]


def _shown(person: Saved[Person] | None) -> dict[str, Any] | None:
    if person is None:
        return None
    return {"id": person.id, "name": people.full_name(person.state), "birth_date": person.state.birth_date}
