"""Who is it? Whom of the people known an appeal is about.

The same IIN is the same person. Else somebody with the same folded names and date of birth *may* be the same: then a human says it
(`match`). Two things come before both:

- **A restricted file that the caller may not read is never matched, shown or changed.** Whoever belongs to one (`Found.hidden`)
  is passed over: the appeal gets a person and a family of its own, and the file's holder is told.
- **Whoever has left an alleged abuser's family** leads to where she is now: `Person.instead_of`. What is found in his family is
  replaced before it comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.intake.domain import names
from services.intake.domain.person import Description, Person, keys_of

REASONS = (
    "same-family-name",
    "same-given-name",
    "same-birth-date",
    "same-birth-year",
    "same-patronymic",
    "same-phone",
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Somebody known. `readable`: the caller may read his file; `hidden`: it is restricted, and the caller may not."""

    person_id: str
    person: Person
    readable: bool
    hidden: bool


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Somebody who may be the one described. `score`: 0…1, from the policy's points for the `reasons`."""

    person_id: str
    score: float
    reasons: tuple[str, ...]


def same_by_iin(found: Iterable[Found], chosen: str | None = None) -> Found | None:
    """The person that an IIN leads to; None where nobody has it, or only somebody in a hidden file.

    Where several have it (one of them was hidden to whoever registered the other) the one that the caller chose is meant, else
    one that he may read, else the first.
    """
    visible = [one for one in found if not one.hidden]
    return min(
        visible,
        key=lambda one: (one.person_id != chosen, not one.readable, one.person.iin_slot or 0),
        default=None,
    )


def candidates(
    described: Description, found: Iterable[Found], points: Mapping[str, float]
) -> Sequence[Candidate]:
    """Of people with the same names: those who may be the one described and whom the caller may read, the likeliest first."""
    likely = []
    for one in found:
        if one.readable and may_be(described, one.person):
            reasons = reasons_for(described, one.person)
            score = min(1.0, round(sum(points[reason] for reason in reasons), 2))
            likely.append(Candidate(person_id=one.person_id, score=score, reasons=reasons))
    return sorted(likely, key=lambda candidate: (-candidate.score, candidate.person_id))


def hidden(described: Description, by_iin: Iterable[Found], by_names: Iterable[Found]) -> Sequence[Found]:
    """Those in files hidden from the caller who have the identity described: their holders have to know."""
    found = {one.person_id: one for one in by_iin if one.hidden}
    found |= {one.person_id: one for one in by_names if one.hidden and may_be(described, one.person)}
    return list(found.values())


def may_be(described: Description, person: Person) -> bool:
    """Whether somebody elsewhere with the same names may be the one described: born on the same day (or in the same year, where
    no more is known), and not with another IIN."""
    if leads_elsewhere(person) or (described.iin and person.iin and described.iin != person.iin):
        return False
    return bool({"same-birth-date", "same-birth-year"} & set(reasons_for(described, person)))


def leads_elsewhere(person: Person) -> bool:
    """Whether the person carries an IIN that is another one's: such a person is never who somebody is."""
    return person.iin is not None and person.iin_slot is None


def reasons_for(described: Description, person: Person) -> tuple[str, ...]:
    """What is the same."""
    keys = keys_of(described)
    whole = described.birth_date is not None and person.birth_date is not None
    same = {
        "same-family-name": _alike(keys.family, person.keys.family),
        "same-given-name": _alike(keys.given, person.keys.given),
        "same-birth-date": whole and described.birth_date == person.birth_date,
        "same-birth-year": not whole and keys.year is not None and keys.year == person.keys.year,
        "same-patronymic": _alike(_father(described), _father(person)),
        "same-phone": _alike(described.phone, person.phone),
    }
    return tuple(reason for reason in REASONS if same[reason])


def same_in_family(described: Description, other: Description) -> bool:
    """Whether two descriptions within one family are of one human being: the same IIN, or the same names and nothing against it."""
    if described.iin and other.iin:
        return described.iin == other.iin
    return has_names_of(described, other) and not _contradicts(described, other)


def could_be_abuser(described: Description, other: Description) -> bool:
    """Whether somebody in a survivor's family could be the one whom she names. Better one family too many than her words in his."""
    if described.iin and other.iin:
        return described.iin == other.iin
    return has_names_of(described, other)


def has_names_of(described: Description, other: Description) -> bool:
    """The same family and given name, in any spelling."""
    one, another = keys_of(described), keys_of(other)
    return _alike(one.family, another.family) and _alike(one.given, another.given)


def _contradicts(described: Description, other: Description) -> bool:
    if described.birth_date and other.birth_date:
        return described.birth_date != other.birth_date
    years = (keys_of(described).year, keys_of(other).year)
    fathers = (_father(described), _father(other))
    return any(one and another and one != another for one, another in (years, fathers))


def _father(described: Description) -> str | None:
    return names.fold_patronymic(described.patronymic) if described.patronymic else None


def _alike(one: str | None, another: str | None) -> bool:
    """The same, and there: an empty key is nobody's."""
    return bool(one) and one == another
