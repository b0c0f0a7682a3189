"""Commands on a family's file, and what the other services' events do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession

from services.intake.domain import danger as dangers
from services.intake.domain import family as families
from services.intake.domain import household as households
from services.intake.domain.family import SAME_PERSON, Family, Member
from services.intake.domain.household import Household, Line
from services.intake.domain.items import Notice, waits_for
from services.intake.domain.matching import could_be_abuser
from services.intake.service import Intake
from services.intake.use_cases import identity, reading, saving
from services.intake.use_cases.appeals import must_be_tellable
from services.intake.use_cases.whole_file import WholeFile, whole_file
from shared.access import Actor
from shared.aggregate import Ask, Decision, Saved
from shared.events import Danger
from shared.events.cloudevents import Envelope
from shared.i18n import N_
from shared.ids import derived_id
from shared.refusals import Forbidden, Invalid, WrongState


def say_danger(
    intake: Intake, actor: Actor, ask: Ask, id: str, *, said: Danger, reason: str
) -> Saved[Family]:
    """Record in what danger the family is. Whoever may read the file may raise it; only a supervisor lowers it.

    What is newly said opens the notices: on the family's newest open appeal, or on the file itself where no appeal is open. They
    stay open when the danger is lowered again, for whoever has to be told is told that too. One transaction with the family's
    appeals. Raises NotFound, Forbidden.
    """
    reading.family(intake, actor, id)

    def work(session: ClientSession) -> Saved[Family]:
        before = whole_file(intake, id, session)
        newest = _newest_open_appeal(before)

        def decide(file: Family) -> Decision[Family]:
            if dangers.lowered(file.danger, said) and not actor.is_a("supervisor"):
                raise Forbidden
            after = replace(file, danger=dangers.after(file.danger, said))
            after = families.remarked(after, "danger", reason, actor.sub, ask.now)
            if newest is None:
                after = families.must_tell(after, dangers.raised(file.danger, said), ask.now, intake.policy)
            return families.written(id, file, after, actor.sub, ask.now)

        saved = intake.store.families.change(id, decide, ask, session)
        if saved.changed:
            saving.follow_danger(
                intake, before, saved.state, said, actor.sub, ask.now, session, told_in=newest
            )
        return saved

    return intake.store.transaction(work)


def tell(intake: Intake, actor: Actor, ask: Ask, id: str, given: Notice) -> Saved[Family]:
    """Record that a body has been told, where the file itself holds the notice. Raises NotFound, Forbidden, Invalid."""
    _may_act(intake, actor, id)

    def decide(file: Family) -> Decision[Family]:
        must_be_tellable(file.open, given, ask.now)
        return families.told(id, file, given, ask.now)

    return intake.store.families.change(id, decide, ask)


def look_at_same_person(intake: Intake, actor: Actor, ask: Ask, id: str, *, note: str) -> Saved[Family]:
    """The holder has looked at who came elsewhere. Raises NotFound, Forbidden, WrongState where nobody did."""
    _may_act(intake, actor, id)

    def decide(file: Family) -> Decision[Family]:
        if not waits_for(file.open, SAME_PERSON):
            raise WrongState(allowed=[])
        return families.looked_at(id, file, note, actor.sub, ask.now)

    return intake.store.families.change(id, decide, ask)


# Members ------------------------------------------------------------------------------------------


def add_member(intake: Intake, actor: Actor, ask: Ask, id: str, *, line: Line, reason: str) -> Saved[Family]:
    """Somebody belongs to the family. The rules are those of an appeal's household. Raises NotFound, Invalid.

    One transaction with the family's persons.
    """
    reading.family(intake, actor, id)

    def work(session: ClientSession) -> Saved[Family]:
        described = [] if line.alleged_abuser else [line.described]
        iins, hidden = identity.iins_elsewhere(intake, actor, described, id, session)
        file = whole_file(intake, id, session)
        before = Household(
            family_id=id,
            family=file.family.state,
            persons=file.people,
            iins=iins,
            new_id=lambda n: derived_id("person", id, str(n)),
        )
        _must_not_be_a_person(line, before)
        after = households.join(before, line)

        def decide(file: Family) -> Decision[Family]:
            family = families.remarked(after.family, "members", reason, actor.sub, ask.now)
            return families.written(id, file, family, actor.sub, ask.now)

        saved = intake.store.families.change(id, decide, ask, session)
        if saved.changed:
            saving.save_persons(intake, file.persons, after, saved.state, actor.sub, ask.now, session)
            identity.tell_holders(intake, hidden, actor.center_id or "", ask.now, session)
        return saved

    return intake.store.transaction(work)


def change_member(
    intake: Intake, actor: Actor, ask: Ask, id: str, *, n: int, changes: Mapping[str, Any], reason: str
) -> Saved[Family]:
    """Correct how a member is recorded: `changes` are `relation` and `alleged_abuser`. What is recorded of a person himself is
    corrected there. Raises NotFound, Invalid."""
    reading.family(intake, actor, id)

    def decide(file: Family) -> Decision[Family]:
        member = _member(file, n, "change.n")
        if member.person_id and changes.get("alleged_abuser"):
            raise Invalid({"change.alleged_abuser": [IS_A_PERSON]})
        after = families.with_changed(file, replace(member, **changes))
        after = families.remarked(after, "members", reason, actor.sub, ask.now)
        return families.written(id, file, after, actor.sub, ask.now)

    return intake.store.families.change(id, decide, ask)


def remove_member(intake: Intake, actor: Actor, ask: Ask, id: str, *, n: int, reason: str) -> Saved[Family]:
    """Somebody does not belong to the family. A person goes on to exist, and belongs to it again if he comes himself.

    Raises NotFound, Invalid (also for a person with an appeal of his own here).
    """
    reading.family(intake, actor, id)

    def decide(file: Family) -> Decision[Family]:
        member = _member(file, n, "remove.n")
        if member.person_id and intake.store.appeals.collection.find_one(
            {"person_id": member.person_id}, {"_id": 1}
        ):
            raise Invalid({"remove.n": [N_("This person has an appeal here.")]})
        after = families.remarked(families.without_member(file, n), "members", reason, actor.sub, ask.now)
        return families.written(id, file, after, actor.sub, ask.now)

    return intake.store.families.change(id, decide, ask)


# What happens elsewhere ---------------------------------------------------------------------------


def file_assigned(intake: Intake, envelope: Envelope) -> None:
    """The family's case was opened, reopened or given to somebody: the file is his too."""
    event = envelope.event()

    def decide(file: Family | None) -> Decision[Family] | None:
        if file is None:
            return None
        return families.taken_over(
            event.family_id,
            file,
            case_id=envelope.subject,
            center_id=event.center_id,
            holder=event.holder,
            actor=event.actor,
            now=event.occurred_at,
        )

    intake.store.families.react(event.family_id, decide, envelope)


def raise_overdue(intake: Intake, id: str, now: datetime) -> None:
    """Raise what of a family's file is overdue."""
    intake.store.families.tick(id, lambda file: families.raised(id, file, now, intake.policy))


IS_A_PERSON = N_(
    "This is a person of the family. Register an appeal of the survivor that names him: it opens a file of her own."
)


def _must_not_be_a_person(line: Line, household: Household) -> None:
    if line.alleged_abuser and any(
        could_be_abuser(line.described, person) for person in household.persons.values()
    ):
        raise Invalid({"add.alleged_abuser": [IS_A_PERSON]})


def _member(file: Family, n: int, field: str) -> Member:
    member = families.member(file, n)
    if member is None:
        raise Invalid({field: [N_("The family has no such member.")]})
    return member


def _newest_open_appeal(file: WholeFile) -> str | None:
    return next((saved.id for saved in reversed(file.appeals) if saved.state.state != "closed"), None)


def _may_act(intake: Intake, actor: Actor, id: str) -> None:
    file = reading.family(intake, actor, id).state
    reading.must_act(actor, file.holder, file.center_id)
