"""Who may it be? Asked while somebody is still being described, so that the answer stands beside the form. Nothing is changed.

The answer is the one that registering would give: the person whom the IIN leads to, else those who are close. Only whose file the
actor may read is shown, and whoever is shown stands in the access log before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain import matching
from services.intake.domain import person as people
from services.intake.domain.matching import Found
from services.intake.domain.person import Description, Person
from services.intake.service import Intake
from services.intake.use_cases import identity
from shared.access import Actor


@dataclass(frozen=True, kw_only=True)
class Like:
    """Somebody who may be the one described. `score`: 0…1; `reasons`: what is the same; `differs`: fields that are not."""

    person_id: str
    person: Person
    score: float
    reasons: Sequence[str]
    differs: Sequence[str]
    last_came_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`known`: the person with this IIN; `candidates`: without one, those who are close, the likeliest first."""

    known: Like | None = None
    candidates: Sequence[Like] = ()

    @property
    def everybody(self) -> Sequence[Like]:
        return (self.known,) if self.known else self.candidates


def who_may_it_be(intake: Intake, actor: Actor, said: Description, now: datetime) -> Answer:
    """Whom of the people known this may be. `said`: as far as it is known yet; a name that was not said yet is empty."""
    answer = _answer(intake, actor, said)
    families = [like.person.family_id for like in answer.everybody]
    intake.store.access_log.write(actor, now, what="candidates", family_ids=families)
    return answer


def _answer(intake: Intake, actor: Actor, said: Description) -> Answer:
    same = matching.same_by_iin(identity.with_iin(intake, actor, said.iin, None))
    if same is not None:
        return Answer(known=_like(intake, said, same, 1.0, ("same-iin",)) if same.readable else None)
    found = identity.with_names(intake, actor, said, None)
    by_id = {one.person_id: one for one in found}
    return Answer(
        candidates=[
            _like(intake, said, by_id[one.person_id], one.score, one.reasons)
            for one in matching.candidates(said, found, intake.policy.points)
        ]
    )


def _like(intake: Intake, said: Description, found: Found, score: float, reasons: Sequence[str]) -> Like:
    _, _, differs = people.filled(found.person, said)
    return Like(
        person_id=found.person_id,
        person=found.person,
        score=score,
        reasons=reasons,
        differs=[name for name in differs if getattr(said, name)],
        last_came_at=_last_came_at(intake, found.person_id),
    )


def _last_came_at(intake: Intake, person_id: str) -> datetime | None:
    newest = intake.store.appeals.collection.find_one(
        {"person_id": person_id}, {"registered_at": 1}, sort=[("registered_at", -1), ("_id", -1)]
    )
    return newest["registered_at"] if newest else None
