"""Commands on an appeal, and what the other services' events do to it. Registering one: `registration.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pymongo.client_session import ClientSession

from services.intake.domain import appeal as appeals
from services.intake.domain import family as families
from services.intake.domain.appeal import Appeal, Decision
from services.intake.domain.items import Notice, notice, waits_for
from services.intake.service import Intake
from services.intake.store import amend
from services.intake.use_cases import reading
from shared import reference
from shared.access import Actor
from shared.aggregate import Ask, Saved
from shared.events import OpenItem
from shared.events.cloudevents import Envelope
from shared.i18n import N_
from shared.refusals import Invalid


def screen(intake: Intake, actor: Actor, ask: Ask, id: str, *, outcome: str, note: str) -> Saved[Appeal]:
    """Record the first assessment of need. Raises NotFound, Forbidden, WrongState."""
    _may_act(intake, actor, id)

    def decide(appeal: Appeal) -> Decision:
        return appeals.screen(
            appeal, outcome=outcome, note=note, actor=actor.sub, now=ask.now, policy=intake.policy
        )

    return intake.store.appeals.change(id, decide, ask)


def tell(intake: Intake, actor: Actor, ask: Ask, id: str, given: Notice) -> Saved[Appeal]:
    """Record that a body has been told. Raises NotFound, Forbidden, WrongState, Invalid."""
    _may_act(intake, actor, id)

    def decide(appeal: Appeal) -> Decision:
        appeals.after(appeal, "notices")
        must_be_tellable(appeal.open, given, ask.now)
        return appeals.tell(appeal, given, ask.now)

    return intake.store.appeals.change(id, decide, ask)


def assign(intake: Intake, actor: Actor, ask: Ask, id: str, *, holder: str, reason: str) -> Saved[Appeal]:
    """Give the appeal to another member of the center's staff; the family's file goes with it, until a case has it.

    One transaction. Raises NotFound, Forbidden, WrongState, Invalid.
    """
    center_id = _may_act(intake, actor, id).state.center_id
    must_be_staff(holder, center_id)

    def decide(appeal: Appeal) -> Decision:
        return appeals.assign(appeal, holder=holder, reason=reason, actor=actor.sub, now=ask.now)

    def work(session: ClientSession) -> Saved[Appeal]:
        before = intake.store.appeals.get(id, session).state
        saved = intake.store.appeals.change(id, decide, ask, session)
        if saved.changed:
            amend(
                intake.store.families,
                before.family_id,
                lambda file: families.handed_on(
                    before.family_id,
                    file,
                    previous=before.holder,
                    holder=holder,
                    actor=actor.sub,
                    now=ask.now,
                ),
                session,
            )
        return saved

    return intake.store.transaction(work)


def appeal_has_case(intake: Intake, envelope: Envelope) -> None:
    """Casework has the appeal (`case-opened`, `appeal-attached`): its item *case-opening* is done."""
    event = envelope.event()

    def decide(appeal: Appeal | None) -> Decision | None:
        if appeal is None:
            return None
        return appeals.has_case(appeal, envelope.subject, event.actor, event.occurred_at)

    intake.store.appeals.react(event.appeal_id, decide, envelope)


def raise_overdue(intake: Intake, id: str, now: datetime) -> None:
    """Raise what of an appeal is overdue."""
    intake.store.appeals.tick(id, lambda appeal: appeals.raise_overdue(appeal, now, intake.policy))


def must_be_tellable(items: Iterable[OpenItem], given: Notice, now: datetime) -> None:
    """Raises Invalid where nobody waits to be told, or the time is yet to come."""
    errors = {}
    if not waits_for(items, notice(given.body)):
        errors["body"] = [N_("No notice to this body is open.")]
    if given.told_at > now:
        errors["told_at"] = [N_("May not be in the future.")]
    if errors:
        raise Invalid(errors)


def must_be_staff(holder: str, center_id: str) -> None:
    """Raises Invalid where that is not an active member of the center's staff."""
    if not any(
        person.id == holder and person.center_id == center_id and person.active
        for person in reference.staff()
    ):
        raise Invalid({"holder": [N_("Not an active member of the center's staff.")]})


def _may_act(intake: Intake, actor: Actor, id: str) -> Saved[Appeal]:
    saved = reading.appeal(intake, actor, id)
    reading.must_act(actor, saved.state.holder, saved.state.center_id)
    return saved
