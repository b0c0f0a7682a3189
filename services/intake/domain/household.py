"""Who joins a family when an appeal names its household, or a worker adds somebody.

A line joins the family as a person, but for two kinds: an alleged abuser, and somebody whose IIN belongs to a person of another
family, who is not moved out of it. Both become entries that describe them. Where the other family's file is hidden from the
caller, nothing may show that it exists: the line joins as a person, whose IIN then leads to nobody (`iin_slot` None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.intake.domain import person as people
from services.intake.domain.family import APPLICANT, Family, Member, person_ids, with_changed, with_member
from services.intake.domain.matching import could_be_abuser, same_in_family
from services.intake.domain.person import IDENTITY, Description, Person, SafeContact


@dataclass(frozen=True, kw_only=True)
class Line:
    """Somebody of the household, as described. `relation` is to the applicant."""

    relation: str
    described: Description
    alleged_abuser: bool = False


@dataclass(frozen=True, kw_only=True)
class Iin:
    """Whose a number is, outside of this family. `taken`: somebody's who may be named; `slot`: what a person who takes it gets."""

    taken: bool
    slot: int | None


@dataclass(frozen=True, kw_only=True)
class Household:
    """A family with its persons, as they are and as they become. `iins`: the numbers that are somebody's outside of it.

    `left`: the persons of an alleged abuser's family whom this one stands instead of, if they are named.
    `new_id`: member number → id of a new person.
    """

    family_id: str
    family: Family
    persons: Mapping[str, Person]
    iins: Mapping[str, Iin]
    new_id: Callable[[int], str]
    left: Mapping[str, Person] = field(default_factory=dict)


def names_abuser_in(lines: Iterable[Line], applicant_id: str, persons: Mapping[str, Person]) -> bool:
    """Whether a line names as alleged abuser somebody who is a person of the applicant's own family."""
    others = [person for id, person in persons.items() if id != applicant_id]
    return any(
        could_be_abuser(line.described, person) for line in lines if line.alleged_abuser for person in others
    )


def with_new_applicant(
    household: Household, described: Description, safe_contact: SafeContact, instead_of: str | None
) -> tuple[Household, str]:
    """The applicant as a new person of the family, and the id. `instead_of`: who she was in the family that she leaves."""
    return _with_new(household, APPLICANT, described, instead_of, safe_contact)


def with_known_applicant(
    household: Household, person_id: str, said: Description, safe_contact: SafeContact
) -> tuple[Household, tuple[str, ...]]:
    """The applicant, who is a person of the family, and the fields that differ from what was said."""
    household, differs = _described_again(household, person_id, said, APPLICANT)
    person = household.persons[person_id]
    safer, differs_too = people.stricter(person.safe_contact, safe_contact)
    return _with_person(household, person_id, replace(person, safe_contact=safer)), differs + differs_too


def join(household: Household, line: Line) -> Household:
    """The household after somebody was named as belonging to it."""
    if line.alleged_abuser:
        return _with_entry(household, line)
    entry = _entry(household, line.described)
    if entry is not None and entry.alleged_abuser:
        return household  # once alleged, he does not become a person by being named without it
    known = _who(line.described, household.persons)
    if known is not None:
        return _described_again(household, known, line.described, line.relation)[0]
    leaving = _who(line.described, household.left)
    if leaving is not None:
        described = people.completed(line.described, household.left[leaving], IDENTITY)
        return _with_new(household, line.relation, described, leaving, None)[0]
    if _iin(household, line.described).taken:
        return _with_entry(household, line)
    return _with_new(household, line.relation, line.described, None, None)[0]


def _who(described: Description, persons: Mapping[str, Person]) -> str | None:
    return next((id for id, person in persons.items() if same_in_family(described, person)), None)


def _entry(household: Household, described: Description) -> Member | None:
    entries = (member for member in household.family.members if member.described)
    return next((entry for entry in entries if same_in_family(described, entry.described)), None)


def _iin(household: Household, described: Description) -> Iin:
    return household.iins.get(described.iin or "", Iin(taken=False, slot=1))


def _with_person(household: Household, id: str, person: Person) -> Household:
    return replace(household, persons={**household.persons, id: person})


def _with_entry(household: Household, line: Line) -> Household:
    known = _entry(household, line.described)
    if known is None:
        family = with_member(
            household.family, line.relation, described=line.described, alleged_abuser=line.alleged_abuser
        )
    else:
        described = people.completed(known.described, line.described)
        alleged = known.alleged_abuser or line.alleged_abuser
        family = with_changed(household.family, replace(known, described=described, alleged_abuser=alleged))
    return replace(household, family=family)


def _with_new(
    household: Household,
    relation: str,
    described: Description,
    instead_of: str | None,
    safe_contact: SafeContact | None,
) -> tuple[Household, str]:
    id = household.new_id(household.family.last_n + 1)
    person = people.described_as(
        described,
        household.family_id,
        iin_slot=_iin(household, described).slot if described.iin else None,
        instead_of=instead_of,
        safe_contact=safe_contact,
    )
    family = with_member(household.family, relation, person_id=id)
    return _with_person(replace(household, family=family), id, person), id


def _described_again(
    household: Household, id: str, said: Description, relation: str
) -> tuple[Household, tuple[str, ...]]:
    """A person of the family after he was described again; he belongs to it again if he had been taken out."""
    known, iin = household.persons[id], _iin(household, said)
    if known.iin is None and iin.taken:
        said = replace(said, iin=None)
    person, filled, differs = people.filled(known, said)
    if "iin" in filled:
        person = replace(person, iin_slot=iin.slot)
    family = household.family
    if id not in person_ids(family):
        family = with_member(family, relation, person_id=id)
    return _with_person(replace(household, family=family), id, person), differs
