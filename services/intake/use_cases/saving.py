"""What several commands write in one transaction: a family with its persons, and a family's danger with its appeals."""

from __future__ import annotations

from datetime import datetime

from pymongo.client_session import ClientSession

from services.intake.domain import appeal as appeals
from services.intake.domain import danger as dangers
from services.intake.domain import family as families
from services.intake.domain import person as people
from services.intake.domain.family import Family
from services.intake.domain.household import Household
from services.intake.service import Intake
from services.intake.store import amend
from shared.aggregate import Once
from shared.events import Danger

MADE = Once(key="", hash="")
"""Persons and families are not made by a request of their own: the appeal or the command that makes them is remembered."""


def save_household(
    intake: Intake,
    before: Household | None,
    after: Household,
    actor: str,
    now: datetime,
    session: ClientSession,
) -> Family:
    """Save a family (`before` None: a new one) and those of its persons who are new or changed; the file as it is saved."""
    store, id = intake.store, after.family_id
    decision = families.written(id, before.family if before else None, after.family, actor, now)
    if before is None:
        store.families.create(id, lambda: decision, MADE, session)
    else:
        amend(store.families, id, lambda _: decision, session)
    family = decision[0]
    save_persons(intake, before, after, family, actor, now, session)
    return family


def save_persons(
    intake: Intake,
    before: Household | None,
    after: Household,
    family: Family,
    actor: str,
    now: datetime,
    session: ClientSession,
) -> None:
    """Save those persons of a household who are new or changed."""
    known = before.persons if before else {}
    for id, person in after.persons.items():
        if person == known.get(id):
            continue
        decision = people.written(
            id,
            known.get(id),
            person,
            center_id=family.center_id,
            holder=family.holder,
            actor=actor,
            now=now,
        )
        if id in known:
            amend(intake.store.persons, id, lambda _, decision=decision: decision, session)
        else:
            intake.store.persons.create(id, lambda decision=decision: decision, MADE, session)


def follow_danger(
    intake: Intake,
    family_id: str,
    before: Family,
    after: Family,
    said: Danger,
    actor: str,
    now: datetime,
    session: ClientSession,
    told_in: str | None = None,
) -> None:
    """Let the family's appeals follow what was said of its danger. `told_in`: the appeal that gets the notices, if one does."""
    store = intake.store.appeals
    for document in list(store.collection.find({"family_id": family_id}, {"outbox": 0}, session=session)):
        saved = store.saved(document)
        decision = appeals.follow(
            saved.state,
            after,
            raised=dangers.raised(before.danger, said),
            told_here=saved.id == told_in,
            asked=dangers.all_asked(said),
            actor=actor,
            now=now,
            policy=intake.policy,
        )
        if decision is not None:
            amend(store, saved.id, lambda _, decision=decision: decision, session)
