"""Registering an appeal: who is it, which family, and the appeal itself, in one transaction.

    who is it? ── known ──► her family ── she names somebody of it as alleged abuser ──► a family of her own
         │                       └── else ──► that family: blanks filled, consents added, household joined
         └─ nobody, or only somebody in a file hidden from the caller ──► a new person and family; the hidden file's holder is told

The family's document is always written with the appeal: somebody who raises its danger at the same time then has to see the appeal
(or the appeal the danger), so that no appeal of a restricted family stays readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import cache

from pymongo.client_session import ClientSession

from services.intake.domain import appeal as appeals
from services.intake.domain import danger as dangers
from services.intake.domain import household as households
from services.intake.domain import iin as iins
from services.intake.domain import matching
from services.intake.domain import person as people
from services.intake.domain.appeal import Appeal, Source
from services.intake.domain.family import Family
from services.intake.domain.household import Household, Iin, Line
from services.intake.domain.matching import Candidate, Found
from services.intake.domain.person import IDENTITY, Description, Person, SafeContact
from services.intake.service import Intake
from services.intake.use_cases import identity, reading, saving
from services.intake.use_cases.whole_file import WholeFile, whole_file
from shared import reference
from shared.access import Actor
from shared.aggregate import Decision, Once, Saved, next_number
from shared.events import Danger
from shared.i18n import N_
from shared.ids import creation_id, derived_id
from shared.refusals import Forbidden, Invalid, PossibleDuplicate


@dataclass(frozen=True, kw_only=True)
class ConsentSaid:
    """What the person said about consent. `given` None: not asked yet."""

    given: bool | None
    scopes: tuple[str, ...] = ()
    signed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """The human answer to *who is it?*: this person, or nobody known."""

    person_id: str | None = None
    new: bool = False


@dataclass(frozen=True, kw_only=True)
class Told:
    """Everything that is told when an appeal is registered."""

    center_id: str
    channel: str
    applicant: Description
    safe_contact: SafeContact
    grounds: tuple[str, ...]
    danger: Danger
    need: str
    consent: ConsentSaid
    household: tuple[Line, ...] = ()
    received_on: date | None = None
    source: Source | None = None
    match: Match | None = None


@dataclass(frozen=True, kw_only=True)
class Who:
    """The answer to *who is it?*. `known`: the person; None for somebody new.

    `hidden`: people in files that the caller may not read who have the same identity.
    """

    known: Found | None
    hidden: tuple[Found, ...] = ()


def register(intake: Intake, actor: Actor, once: Once, told: Told, now: datetime) -> Saved[Appeal]:
    """Register an appeal; the same request again gives the appeal as it stands, as long as the actor may read it.

    Raises Forbidden for another center than the actor's, NotFound, Invalid, PossibleDuplicate, KeyReused, Conflict.
    """
    if actor.center_id != told.center_id:
        raise Forbidden
    today = intake.policy.deadlines.calendar.today(now)
    _must_be_past(told, today, now)
    id = creation_id("appeal", actor.sub, once.key)

    @cache
    def number() -> str:
        center = reference.center(told.center_id)
        n = next_number(intake.store.database, f"appeal/{center.id}/{today.year}")
        return f"{center.region}-{center.number}-{today.year}-{n:06}"

    def work(session: ClientSession) -> Saved[Appeal]:
        def decide() -> Decision[Appeal]:
            return _admit(intake, actor, id, told, number, now, session)

        saved = intake.store.appeals.create(id, decide, once, session)
        if not saved.changed:
            reading.family(intake, actor, saved.state.family_id, session)
        return saved

    return intake.store.transaction(work)


def _must_be_past(told: Told, today: date, now: datetime) -> None:
    """Raises Invalid where a paper or a signature is of a day to come."""
    errors = {}
    if told.received_on is not None and told.received_on > today:
        errors["received_on"] = [N_("May not be in the future.")]
    if told.consent.signed_at is not None and told.consent.signed_at > now:
        errors["consent.signed_at"] = [N_("May not be in the future.")]
    if errors:
        raise Invalid(errors)


def who_is_it(intake: Intake, actor: Actor, told: Told, now: datetime, session: ClientSession) -> Who:
    """Whom of the people known the appeal is about. Raises PossibleDuplicate where a human has to say it, and Invalid."""
    said, match = told.applicant, told.match or Match()
    by_iin = identity.with_iin(intake, actor, said.iin, session)
    chosen = _chosen(intake, actor, match, session)
    same = matching.same_by_iin(by_iin, chosen.person_id if chosen else None)
    if same is not None:
        if chosen and chosen.person_id != same.person_id:
            raise Invalid({"match.person_id": [N_("The IIN belongs to somebody else.")]})
        return Who(known=same)
    if chosen is not None:
        if said.iin and chosen.person.iin:
            raise Invalid({"match.person_id": [N_("This person has another IIN.")]})
        return Who(known=chosen, hidden=tuple(by_iin))
    by_names = identity.with_names(intake, actor, said, session)
    if match.person_id is None and not match.new:
        _ask_who(intake, actor, matching.candidates(said, by_names, intake.policy.points), by_names, now)
    return Who(known=None, hidden=tuple(matching.hidden(said, by_iin, by_names)))


def _chosen(intake: Intake, actor: Actor, match: Match, session: ClientSession) -> Found | None:
    """The person whom the caller chose; None where that leads to somebody hidden, or to nobody, and so to somebody new."""
    if match.person_id is None:
        return None
    chosen = identity.with_id(intake, actor, match.person_id, session)
    if chosen is None:
        raise Invalid({"match.person_id": [N_("There is no such person, or you may not read the file.")]})
    return None if chosen.hidden or matching.leads_elsewhere(chosen.person) else chosen


def _ask_who(
    intake: Intake, actor: Actor, candidates: Sequence[Candidate], found: Iterable[Found], now: datetime
) -> None:
    if not candidates:
        return
    shown = {candidate.person_id for candidate in candidates}
    families = [one.person.family_id for one in found if one.person_id in shown]
    intake.store.access_log.write(actor, now, what="candidates", family_ids=families)
    raise PossibleDuplicate([asdict(candidate) for candidate in candidates])


def _admit(
    intake: Intake,
    actor: Actor,
    appeal_id: str,
    told: Told,
    number: Callable[[], str],
    now: datetime,
    session: ClientSession,
) -> Decision[Appeal]:
    """Everything that a new appeal writes beside itself, and the appeal."""
    who = who_is_it(intake, actor, told, now, session)
    file = whole_file(intake, who.known.person.family_id, session) if who.known else None
    before, household, hidden = _household(intake, actor, appeal_id, told, who, file, session)
    household, person_id, differs = _with_applicant(household, told, who.known)
    for line in told.household:
        household = households.join(household, line)
    person = _consented(household.persons[person_id], told.consent, now)
    family = _with_appeal(household.family, told)
    household = replace(household, family=family, persons={**household.persons, person_id: person})
    family = saving.save_household(intake, before, household, actor.sub, now, session)
    identity.tell_holders(intake, (*who.hidden, *hidden), told.center_id, now, session)
    if before:
        lowered = dangers.lowered(before.family.state.danger, told.danger)
        differs += tuple(f"danger.{kind}" for kind in lowered)
        saving.follow_danger(intake, before, family, told.danger, actor.sub, now, session)
    return appeals.register(
        number=number(),
        center_id=told.center_id,
        channel=told.channel,
        person_id=person_id,
        family_id=household.family_id,
        family=family,
        grounds=told.grounds,
        said=told.danger,
        need=told.need,
        received_on=told.received_on or intake.policy.deadlines.calendar.today(now),
        scopes=people.standing(person),
        source=told.source,
        warnings=_warnings(intake, told.applicant),
        differs=differs,
        consented=people.PROCESSING in people.standing(person),
        actor=actor.sub,
        now=now,
        policy=intake.policy,
    )


def _household(
    intake: Intake,
    actor: Actor,
    appeal_id: str,
    told: Told,
    who: Who,
    file: WholeFile | None,
    session: ClientSession,
) -> tuple[WholeFile | None, Household, list[Found]]:
    """The family that the appeal belongs to, as it is (None: it is a new one) and to begin with; and people in hidden files
    whose numbers the household lines have. `file`: that of the person who is known."""
    persons = file.people if file else {}
    leaves = bool(file) and households.names_abuser_in(told.household, who.known.person_id, persons)
    before = None if leaves else file
    family_id = before.family.id if before else derived_id("family", appeal_id)
    lines = [line.described for line in told.household if not line.alleged_abuser]
    iins, hidden = identity.iins_elsewhere(intake, actor, lines, family_id, session)
    if told.applicant.iin:
        hidden = [found for found in hidden if found.person.iin != told.applicant.iin]
        if before is None or persons[who.known.person_id].iin is None:
            slot = identity.next_slot(intake, told.applicant.iin, session)
            iins[told.applicant.iin] = Iin(taken=False, slot=slot)
    new_file = Family(center_id=told.center_id, center_ids=(), holder=actor.sub, danger=Danger())
    household = Household(
        family_id=family_id,
        family=before.family.state if before else new_file,
        persons=persons if before else {},
        iins=iins,
        new_id=lambda n: derived_id("person", family_id, str(n)),
        left=persons if leaves else {},
    )
    return before, household, hidden


def _with_applicant(
    household: Household, told: Told, known: Found | None
) -> tuple[Household, str, tuple[str, ...]]:
    """The household with the applicant, her id, and the fields that differ from what was said."""
    said, safe_contact = told.applicant, told.safe_contact
    if known and known.person_id in household.persons:
        household, differs = households.with_known_applicant(household, known.person_id, said, safe_contact)
        return household, known.person_id, differs
    if known:  # she leaves his family, and stands instead of who she was there
        said = people.completed(said, known.person, IDENTITY)
    instead_of = known.person_id if known else None
    return *households.with_new_applicant(household, said, safe_contact, instead_of), ()


def _consented(person: Person, said: ConsentSaid, now: datetime) -> Person:
    return people.consented(person, said.scopes, said.signed_at or now) if said.given else person


def _with_appeal(family: Family, told: Told) -> Family:
    """The family has an appeal in this center, and is in the danger that was told: an appeal raises it, and never lowers it."""
    centers = tuple(dict.fromkeys((*family.center_ids, told.center_id)))
    return replace(family, center_ids=centers, danger=dangers.heightened(family.danger, told.danger))


def _warnings(intake: Intake, said: Description) -> tuple[str, ...]:
    if not said.iin:
        return ()
    iin = iins.parse(said.iin, synthetic=intake.settings.synthetic_iins)
    return iins.warnings(iin, said.birth_date, said.sex or "unknown")
