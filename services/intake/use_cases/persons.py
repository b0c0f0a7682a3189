"""Commands on a person: correcting what is recorded, and consents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession

from services.intake.domain import appeal as appeals
from services.intake.domain import person as people
from services.intake.domain.matching import Found
from services.intake.domain.person import Address, Hours, Person, SafeContact
from services.intake.service import Intake
from services.intake.store import amend
from services.intake.use_cases import identity, reading
from shared.access import Actor
from shared.aggregate import Ask, Saved
from shared.i18n import N_
from shared.refusals import Invalid, PossibleDuplicate


def correct(intake: Intake, actor: Actor, ask: Ask, id: str, changes: Mapping[str, Any]) -> Saved[Person]:
    """Correct what is recorded of a person. `changes`: a merge patch; null empties a field, `safe_contact` and `address` may be
    given in part. An IIN is only ever added.

    One transaction with what else the IIN concerns. Raises NotFound, Invalid, PossibleDuplicate (somebody has the IIN).
    """
    reading.person(intake, actor, id)

    def work(session: ClientSession) -> Saved[Person]:
        hidden: list[Found] = []

        def decide(person: Person) -> Person:
            after = people.corrected(person, _merged(person, changes))
            if after.iin == person.iin:
                return after
            found = [
                one for one in identity.with_iin(intake, actor, after.iin, session) if one.person_id != id
            ]
            _must_be_nobodys(intake, actor, found, ask.now)
            hidden.extend(found)
            slot = None if found else identity.next_slot(intake, after.iin, session)
            return replace(after, iin_slot=slot)

        saved = _change(intake, actor, ask, id, decide, session)
        if saved.changed:
            identity.tell_holders(intake, hidden, actor.center_id or "", ask.now, session)
        return saved

    return intake.store.transaction(work)


def consent(
    intake: Intake, actor: Actor, ask: Ask, id: str, *, scopes: Sequence[str], signed_at: datetime | None
) -> Saved[Person]:
    """The person consents. Appeals of his that wait for it wait no longer. One transaction. Raises NotFound, Invalid."""
    if signed_at is not None and signed_at > ask.now:
        raise Invalid({"signed_at": [N_("May not be in the future.")]})
    return _asked(
        intake, actor, ask, id, lambda person: people.consented(person, scopes, signed_at or ask.now)
    )


def refuse(intake: Intake, actor: Actor, ask: Ask, id: str) -> Saved[Person]:
    """The person was asked for consent and did not give it. Appeals of his that wait for an answer have it. Raises NotFound."""
    return _asked(intake, actor, ask, id, lambda person: people.refused(person, ask.now))


def withdraw(intake: Intake, actor: Actor, ask: Ask, id: str, *, scopes: Sequence[str]) -> Saved[Person]:
    """The person takes consents back. The doors of intake are shut at once. Raises NotFound."""
    reading.person(intake, actor, id)
    return intake.store.transaction(
        lambda session: _change(
            intake, actor, ask, id, lambda person: people.withdrawn(person, scopes, ask.now), session
        )
    )


def _asked(
    intake: Intake, actor: Actor, ask: Ask, id: str, answer: Callable[[Person], Person]
) -> Saved[Person]:
    reading.person(intake, actor, id)

    def work(session: ClientSession) -> Saved[Person]:
        saved = _change(intake, actor, ask, id, answer, session)
        if saved.changed and people.has_answered(saved.state):
            waiting = {"person_id": id, "open.item": appeals.ASK_CONSENT}
            for appeal_id in intake.store.appeals.collection.distinct("_id", waiting, session=session):
                amend(
                    intake.store.appeals,
                    appeal_id,
                    lambda appeal: appeals.consent_asked(appeal, actor.sub, ask.now),
                    session,
                )
        return saved

    return intake.store.transaction(work)


def _change(
    intake: Intake,
    actor: Actor,
    ask: Ask,
    id: str,
    decide: Callable[[Person], Person],
    session: ClientSession,
) -> Saved[Person]:
    def written(person: Person) -> tuple[Person, list]:
        family = intake.store.families.get(person.family_id, session).state
        return people.written(
            id,
            person,
            decide(person),
            center_id=family.center_id,
            holder=family.holder,
            actor=actor.sub,
            now=ask.now,
        )

    return intake.store.persons.change(id, written, ask, session)


def _must_be_nobodys(intake: Intake, actor: Actor, found: Sequence[Found], now: datetime) -> None:
    """Raises PossibleDuplicate where somebody has the IIN whose file is not hidden; those whom the actor may read are named."""
    if all(one.hidden for one in found):
        return
    named = [one for one in found if one.readable]
    families = [one.person.family_id for one in named]
    intake.store.access_log.write(actor, now, what="candidates", family_ids=families)
    raise PossibleDuplicate(
        [{"person_id": one.person_id, "score": 1.0, "reasons": ["same-iin"]} for one in named]
    )


def _merged(person: Person, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The patch as whole values. Raises Invalid for what cannot be changed so."""
    changes, errors = dict(changes), {}
    if changes.get("iin") and person.iin not in (None, changes["iin"]):
        errors["iin"] = [N_("An IIN that is recorded cannot be changed.")]
    if changes.get("no_iin_reason") and (person.iin or changes.get("iin")):
        errors["no_iin_reason"] = [N_("The person has an IIN.")]
    if changes.get("address"):
        known = {"kato": person.address.kato, "line": person.address.line} if person.address else {}
        address = known | changes["address"]
        if "kato" in address:
            changes["address"] = Address(**address)
        else:
            errors["address.kato"] = [N_("Missing data for required field.")]
    if errors:
        raise Invalid(errors)
    if "safe_contact" in changes:
        changes["safe_contact"] = _safer(person.safe_contact or SafeContact(), changes["safe_contact"])
    return changes


def _safer(known: SafeContact, said: Mapping[str, Any]) -> SafeContact:
    said = dict(said)
    if said.get("hours"):
        said["hours"] = Hours(**said["hours"])
    return replace(known, **said)
