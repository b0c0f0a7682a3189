"""A person: who he is, how he may be reached, what he has consented to.

A `Description` is somebody as he was described at the window. A `Person` is a description that belongs to a family and is found
again. `iin_slot` numbers the persons who carry the same IIN: the first one is 1, and further ones exist only where a restricted
file must not be touched (see `matching`); `(iin, iin_slot)` is unique, which settles every race. A person without a slot carries
an IIN that leads to somebody else. `instead_of` is the person in an alleged abuser's family for whom this one now stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from services.intake.domain import names
from shared.events import ConsentGiven, ConsentWithdrawn, Event, PersonChanged

PROCESSING = "processing"
"""The consent without which a center may not work on an appeal."""
STRICTNESS = ("yes", "unknown", "no")


@dataclass(frozen=True, kw_only=True)
class Address:
    kato: str
    line: str | None = None


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Hours of the day (`09:00`) between which a person may be contacted."""

    since: str
    until: str


@dataclass(frozen=True, kw_only=True)
class SafeContact:
    """How a person may be contacted without danger. `sms`: yes, no, or unknown (which is not yes)."""

    sms: str = "unknown"
    hours: Hours | None = None
    code_word: str | None = None


@dataclass(frozen=True, kw_only=True)
class Consent:
    """`scope`: processing, sms, statistics or share:<service kind>."""

    scope: str
    given_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Description:
    """Somebody as described. None is *not said*."""

    family_name: str
    given_name: str
    patronymic: str | None = None
    iin: str | None = None
    no_iin_reason: str | None = None
    birth_date: date | None = None
    birth_year: int | None = None
    sex: str | None = None
    phone: str | None = None
    language: str | None = None
    address: Address | None = None


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a person is found by: folded names (see `names`) and the year of birth."""

    family: str
    given: str
    year: int | None


@dataclass(frozen=True, kw_only=True)
class Person(Description):
    family_id: str
    keys: Keys
    iin_slot: int | None = None
    instead_of: str | None = None
    safe_contact: SafeContact | None = None
    consents: tuple[Consent, ...] = ()
    refused_at: datetime | None = None


FACTS = tuple(field.name for field in fields(Description))
IDENTITY = ("birth_date", "birth_year", "sex")
"""What says who somebody is, beside the names and the IIN, and nothing of how to reach him."""
NAMES = ("family_name", "given_name", "patronymic")


def keys_of(described: Description) -> Keys:
    year = described.birth_date.year if described.birth_date else described.birth_year
    return Keys(family=names.fold(described.family_name), given=names.fold(described.given_name), year=year)


def facts(described: Description) -> dict[str, Any]:
    """The fields of a description, of a person too."""
    return {name: getattr(described, name) for name in FACTS}


def described_as(described: Description, family_id: str, **more: Any) -> Person:
    """A new person of a family. `more`: iin_slot, instead_of, safe_contact."""
    return Person(**facts(described), family_id=family_id, keys=keys_of(described), **more)


def completed(described: Description, by: Description, fields: Iterable[str] = FACTS) -> Description:
    """The description, with what it leaves open taken from another one of the same human being."""
    return replace(
        described, **{name: getattr(by, name) for name in fields if is_blank(getattr(described, name))}
    )


def is_blank(value: Any) -> bool:
    return value is None or value == "unknown"


# Coming again -------------------------------------------------------------------------------------


def filled(person: Person, said: Description) -> tuple[Person, tuple[str, ...], tuple[str, ...]]:
    """A known person after he was described again: blanks are filled, and nothing else is changed.

    Returns the person, the names of the fields that were filled and of those that differ from what was said.
    """
    new, different = {}, []
    for name in FACTS:
        known, value = getattr(person, name), getattr(said, name)
        if is_blank(value) or _agrees(person, name, value):
            continue
        if is_blank(known) and not _contradicts(person, name, value):
            new[name] = value
        else:
            different.append(name)
    if "iin" in new:
        new["no_iin_reason"] = None
    return _changed(person, new), tuple(new), tuple(different)


def _agrees(person: Person, name: str, value: Any) -> bool:
    known = getattr(person, name)
    if known is None:
        # said less than is known: an IIN that is there needs no reason for its absence, a date says the year
        return (name == "no_iin_reason" and person.iin is not None) or (
            name == "birth_year" and person.birth_date is not None and person.birth_date.year == value
        )
    if name in ("family_name", "given_name"):
        return names.fold(known) == names.fold(value)
    if name == "patronymic":
        return names.fold_patronymic(known) == names.fold_patronymic(value)
    return known == value


def _contradicts(person: Person, name: str, value: Any) -> bool:
    if name == "birth_date":
        return person.birth_year is not None and person.birth_year != value.year
    return name == "birth_year" and person.birth_date is not None


def stricter(known: SafeContact | None, said: SafeContact) -> tuple[SafeContact, tuple[str, ...]]:
    """Safe contact after more was said of it: only ever less is allowed. Returns it and the fields that differ from what was said.

    *Unknown* is not yes, so a later yes does not loosen it; whoever was never asked (None) is taken at his word.
    """
    if known is None:
        return said, ()
    sms = max(known.sms, said.sms, key=STRICTNESS.index)
    hours = _common(known.hours, said.hours)
    code_word = known.code_word or said.code_word
    now = SafeContact(sms=sms, hours=hours, code_word=code_word)
    different = [
        f"safe_contact.{name}"
        for name in ("sms", "hours", "code_word")
        if getattr(said, name) is not None and getattr(now, name) != getattr(said, name)
    ]
    return now, tuple(different)


def _common(known: Hours | None, said: Hours | None) -> Hours | None:
    """The hours that both allow; those known where there are none, or more than one stretch of them."""
    if known is None or said is None:
        return known or said
    over_midnight = {hours.since > hours.until for hours in (known, said)}
    since, until = max(known.since, said.since), min(known.until, said.until)
    if over_midnight == {False}:
        return Hours(since=since, until=until) if since < until else known
    return Hours(since=since, until=until) if over_midnight == {True} else known


# Consents -----------------------------------------------------------------------------------------


def standing(person: Person) -> tuple[str, ...]:
    """The scopes that the person consents to now."""
    return tuple(consent.scope for consent in person.consents if consent.withdrawn_at is None)


def consented(person: Person, scopes: Iterable[str], at: datetime) -> Person:
    """The person with these consents given at `at`; one that holds already stays as it was given."""
    held = standing(person)
    given = tuple(Consent(scope=scope, given_at=at) for scope in dict.fromkeys(scopes) if scope not in held)
    return replace(person, consents=person.consents + given, refused_at=None)


def refused(person: Person, now: datetime) -> Person:
    """The person was asked and did not consent; consents given before still hold."""
    return replace(person, refused_at=now)


def has_answered(person: Person) -> bool:
    """Whether he consents to being helped, or has refused: then nobody has to ask him again."""
    return PROCESSING in standing(person) or person.refused_at is not None


def withdrawn(person: Person, scopes: Iterable[str], now: datetime) -> Person:
    """The person without these consents; one that does not hold is passed over."""
    ended = frozenset(scopes)
    consents = tuple(
        replace(consent, withdrawn_at=now) if consent.scope in ended and not consent.withdrawn_at else consent
        for consent in person.consents
    )
    return replace(person, consents=consents)


# Events -------------------------------------------------------------------------------------------


def written(
    person_id: str,
    before: Person | None,
    after: Person,
    *,
    center_id: str,
    holder: str,
    actor: str,
    now: datetime,
) -> tuple[Person, list[Event]]:
    """The person as he is to be saved, and what has happened to him, by what differs from before. Names of fields, no values.

    `center_id`, `holder`: of his family's file.
    """

    def say(kind: type[Event], **more: Any) -> Event:
        return kind(
            family_id=after.family_id,
            person_id=person_id,
            center_id=center_id,
            actor=actor,
            occurred_at=now,
            holder=holder,
            open=(),
            **more,
        )

    held, holds = standing(before) if before else (), standing(after)
    given = tuple(scope for scope in holds if scope not in held)
    ended = tuple(scope for scope in held if scope not in holds)
    changed = [
        name for name in (*FACTS, "safe_contact") if before and getattr(before, name) != getattr(after, name)
    ]
    events: list[Event] = [say(PersonChanged, fields=tuple(changed))] if changed else []
    if given:
        events.append(say(ConsentGiven, scopes=given))
    if ended or (before and after.refused_at and before.refused_at != after.refused_at):
        events.append(say(ConsentWithdrawn, scopes=ended))
    return after, events


# Correcting ---------------------------------------------------------------------------------------


def corrected(person: Person, changes: Mapping[str, Any]) -> Person:
    """The person after a correction. `changes`: field → value, or None to empty it."""
    new = dict(changes)
    if new.get("iin"):
        new["no_iin_reason"] = None
    if new.get("birth_date"):
        new["birth_year"] = None
    return _changed(person, new)


def _changed(person: Person, new: Mapping[str, Any]) -> Person:
    person = replace(person, **new)
    return replace(person, keys=keys_of(person))
