"""What several commands write in one transaction: a family with its persons, and a family's danger with its appeals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pymongo.client_session import ClientSession

from services.intake.domain import appeal as appeals
from services.intake.domain import danger as dangers
from services.intake.domain import family as families
from services.intake.domain import person as people
from services.intake.domain.family import Family
from services.intake.domain.household import Household
from services.intake.domain.person import Person
from services.intake.service import Intake
from services.intake.use_cases.whole_file import WholeFile
from shared.aggregate import Once, Saved
from shared.events import Danger

MADE = Once(key="", hash="")
"""Persons and families are not made by a request of their own: the appeal or the command that makes them is remembered."""


def save_household(
    intake: Intake,
    before: WholeFile | None,
    after: Household,
    actor: str,
    now: datetime,
    session: ClientSession,
) -> Family:
    """Save a family (`before` None: a new one) and those of its persons who are new or changed; the file as it is saved."""
    store, id = intake.store, after.family_id
    decision = families.written(id, before.family.state if before else None, after.family, actor, now)
    if before is None:
        store.families.create(id, lambda: decision, MADE, session)
    else:
        store.families.save(before.family, decision, session)
    family = decision[0]
    save_persons(intake, before.persons if before else {}, after, family, actor, now, session)
    return family


def save_persons(
    intake: Intake,
    known: Mapping[str, Saved[Person]],
    after: Household,
    family: Family,
    actor: str,
    now: datetime,
    session: ClientSession,
) -> None:
    """Save those persons of a household who are new or changed. `known`: those whom the family had before."""
    for id, person in after.persons.items():
        saved = known.get(id)
        if saved and person == saved.state:
            continue
        decision = people.written(
            id,
            saved.state if saved else None,
            person,
            center_id=family.center_id,
            holder=family.holder,
            actor=actor,
            now=now,
        )
        if saved:
            intake.store.persons.save(saved, decision, session)
        else:
            intake.store.persons.create(id, lambda decision=decision: decision, MADE, session)


def follow_danger(
    intake: Intake,
    before: WholeFile,
    after: Family,
    said: Danger,
    actor: str,
    now: datetime,
    session: ClientSession,
    told_in: str | None = None,
) -> None:
    """Let the family's appeals follow what was said of its danger. `told_in`: the appeal that gets the notices, if one does."""
    for saved in before.appeals:
        decision = appeals.follow(
            saved.state,
            after,
            raised=dangers.raised(before.family.state.danger, said),
            told_here=saved.id == told_in,
            asked=dangers.all_asked(said),
            actor=actor,
            now=now,
            policy=intake.policy,
        )
        if decision is not None:
            intake.store.appeals.save(saved, decision, session)
