"""Who may read what: `shared.access`, with what intake itself knows.

Of appeals and families intake is the authority, so their documents count and not the read model, which hears of them later. Of the
other services (who holds something open there) the read model knows. What may not be read does not exist: NotFound.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymongo.client_session import ClientSession

from services.intake.domain.appeal import Appeal
from services.intake.domain.family import Family
from services.intake.domain.person import Person
from services.intake.service import Intake
from shared.access import Actor, File, Known, may_act, may_read
from shared.aggregate import Saved
from shared.refusals import Forbidden, NotFound

OURS = ("appeal", "family", "person")


def file_of(intake: Intake, family_id: str, family: Family, session: ClientSession | None = None) -> File:
    """What the rule needs to know of a family's file now."""
    return file_with(intake, family_id, family, intake.store.files.known(family_id) or Known(), session)


def file_with(
    intake: Intake, family_id: str, family: Family, known: Known, session: ClientSession | None = None
) -> File:
    """The same, where what was heard of the family is at hand."""
    centers = frozenset({*family.center_ids, *known.center_ids})
    if not family.restricted:  # then nobody asks who holds it
        return File(centers, restricted=False, holders=frozenset())
    return File(centers, restricted=True, holders=_holders(intake, family_id, family, known, session))


def _holders(
    intake: Intake, family_id: str, family: Family, known: Known, session: ClientSession | None
) -> frozenset[str]:
    """Who holds the file (without a case, its appeals too) or something open in it."""
    elsewhere = [source for source in known.sources.values() if source.subject not in OURS]
    cases = [source for source in elsewhere if source.subject == "case"]
    holders = {family.holder, *(case.holder for case in cases)}
    for source in elsewhere:
        if source.is_open:
            holders |= {source.holder, *source.owners}
    appeals = intake.store.appeals.collection.find(
        {"family_id": family_id}, {"holder": 1, "open.item": 1}, session=session
    )
    return frozenset(holders | {appeal["holder"] for appeal in appeals if appeal["open"] or not cases})


def readable(intake: Intake, actor: Actor, family_ids: Iterable[str]) -> dict[str, Saved[Family]]:
    """Those of the families that the actor may read."""
    families, ids = intake.store.families, list(family_ids)
    documents = families.collection.find({"_id": {"$in": ids}}, {"outbox": 0})
    found = {document["_id"]: families.saved(document) for document in documents}
    heard = intake.store.files.known_of(ids)
    files = {
        id: file_with(intake, id, saved.state, heard.get(id, Known())) for id, saved in found.items()
    }
    return {id: saved for id, saved in found.items() if may_read(actor, files[id])}


def family(intake: Intake, actor: Actor, id: str, session: ClientSession | None = None) -> Saved[Family]:
    """The family, if the actor may read it. Raises NotFound."""
    saved = intake.store.families.get(id, session)
    if not may_read(actor, file_of(intake, id, saved.state, session)):
        raise NotFound
    return saved


def appeal(intake: Intake, actor: Actor, id: str, session: ClientSession | None = None) -> Saved[Appeal]:
    """The appeal, if the actor may read its family. Raises NotFound."""
    saved = intake.store.appeals.get(id, session)
    family(intake, actor, saved.state.family_id, session)
    return saved


def person(intake: Intake, actor: Actor, id: str, session: ClientSession | None = None) -> Saved[Person]:
    """The person, if the actor may read the family. Raises NotFound."""
    saved = intake.store.persons.get(id, session)
    family(intake, actor, saved.state.family_id, session)
    return saved


def readers(intake: Intake, actor: Actor, id: str) -> Saved[Family]:
    """The family, if the actor may see who has read its file: its holder, a supervisor who reads it, an auditor.

    Raises NotFound, Forbidden.
    """
    if actor.is_a("auditor"):
        return intake.store.families.get(id)
    saved = family(intake, actor, id)
    if not may_see_readers(actor, saved.state):
        raise Forbidden
    return saved


def may_see_readers(actor: Actor, file: Family) -> bool:
    """Whether somebody who may read the file may also see who has."""
    return actor.is_a("supervisor") or actor.sub == file.holder


def must_act(actor: Actor, holder: str, center_id: str | None) -> None:
    """Raises Forbidden where the actor may read something but not act on it."""
    if not may_act(actor, holder, center_id):
        raise Forbidden


def held_by(intake: Intake, sub: str) -> list[str]:
    """Ids of the restricted families that `sub` holds, or holds something open in: for the filter of a list."""
    families = intake.store.families.collection.find(
        {"holder": sub, "danger.domestic_violence": True}, {"_id": 1}
    )
    appeals = intake.store.appeals.collection.distinct(
        "family_id", {"holder": sub, "restricted": True, "open.0": {"$exists": True}}
    )
    return sorted({*intake.store.files.held_by(sub), *appeals, *(family["_id"] for family in families)})
