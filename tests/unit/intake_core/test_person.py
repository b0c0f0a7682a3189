"""A person who comes again, consents, corrections; and whom a description may mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import policy
from services.intake.domain import matching
from services.intake.domain import person as people
from services.intake.domain.matching import Found
from services.intake.domain.person import (
    FACTS,
    STRICTNESS,
    Address,
    Description,
    Hours,
    Person,
    SafeContact,
)

NOW = datetime(2026, 3, 16, 5, tzinfo=UTC)
POINTS = policy.load().points
FAMILY = {"center_id": "c", "holder": "w"}

names = st.sampled_from(["Ли", "Иванова", "Құрманғазы", "Qurmangazy"])
maybe = lambda values: st.none() | st.sampled_from(values)  # noqa: E731
descriptions = st.builds(
    Description,
    family_name=names,
    given_name=names,
    patronymic=maybe(["Серікқызы", "Сериковна", "Ивановна"]),
    iin=maybe(["991231100000", "991231100109"]),
    birth_date=maybe([date(1985, 1, 1), date(1985, 6, 1), date(1990, 1, 1)]),
    birth_year=maybe([1985, 1990]),
    sex=maybe(["female", "male", "unknown"]),
    phone=maybe(["+77011234567", "+77770000000"]),
    language=maybe(["kk", "ru"]),
    address=maybe([Address(kato="711110000"), Address(kato="750000000", line="…")]),
)
hours = st.none() | st.builds(
    Hours, since=st.sampled_from(["08:00", "10:00"]), until=st.sampled_from(["12:00", "20:00"])
)
contacts = st.builds(
    SafeContact, sms=st.sampled_from(STRICTNESS), hours=hours, code_word=maybe(["ромашка", "берёза"])
)


def person(described: Description | None = None, **changes) -> Person:
    described = described or Description(family_name="Ли", given_name="Анна", birth_date=date(1985, 1, 1))
    slot = 1 if described.iin else None
    return people.described_as(described, "f", **{"iin_slot": slot, **changes})


@given(descriptions, descriptions)
def test_coming_again_fills_blanks_and_changes_nothing(known: Description, said: Description):
    before = person(known)
    after, filled, differs = people.filled(before, said)
    for name in FACTS:
        was, now, told = (getattr(one, name) for one in (before, after, said))
        if name not in filled and not (name == "no_iin_reason" and "iin" in filled):
            assert now == was
        else:
            assert people.is_blank(was)
        if name in differs:
            assert now == was != told
    assert not set(filled) & set(differs)
    again, filled_again, differs_again = people.filled(after, said)
    assert (again, filled_again) == (after, ())
    assert differs_again == differs
    assert after.keys == people.keys_of(after)


def test_a_name_in_another_alphabet_does_not_differ():
    known = person(Description(family_name="Құрманғазы", given_name="Әйгерім", patronymic="Серікқызы"))
    said = Description(family_name="Qurmangazy", given_name="Aigerim", patronymic="Сериковна")
    assert people.filled(known, said) == (known, (), ())


def test_a_date_says_the_year():
    known = person(Description(family_name="Ли", given_name="Анна", birth_year=1985))
    fits = Description(family_name="Ли", given_name="Анна", birth_date=date(1985, 5, 5))
    after, filled, differs = people.filled(known, fits)
    assert (after.birth_date, filled, differs) == (date(1985, 5, 5), ("birth_date",), ())
    wrong = replace(fits, birth_date=date(1986, 5, 5))
    assert people.filled(known, wrong)[1:] == ((), ("birth_date",))
    other_year = Description(family_name="Ли", given_name="Анна", birth_year=1986)
    assert people.filled(person(fits), other_year)[1:] == ((), ("birth_year",))


@given(st.none() | contacts, contacts)
def test_safe_contact_only_becomes_stricter(known: SafeContact | None, said: SafeContact):
    after, differs = people.stricter(known, said)
    if known is None:
        assert (after, differs) == (said, ())
        return
    assert STRICTNESS.index(after.sms) >= max(STRICTNESS.index(known.sms), STRICTNESS.index(said.sms))
    if known.hours:
        assert known.hours.since <= after.hours.since < after.hours.until <= known.hours.until
    assert after.code_word == known.code_word or known.code_word is None
    for name in ("sms", "hours", "code_word"):
        told = getattr(said, name)
        assert (f"safe_contact.{name}" in differs) == (told is not None and getattr(after, name) != told)
    assert people.stricter(after, said)[0] == after


scopes = st.lists(st.sampled_from(["processing", "sms", "statistics"]), max_size=3)


@given(st.lists(st.tuples(st.booleans(), scopes), max_size=8))
def test_what_stands_is_what_was_said_last(history):
    someone, standing = person(), set()
    for n, (give, said) in enumerate(history):
        now, before = NOW + timedelta(hours=n), someone
        someone = people.consented(someone, said, now) if give else people.withdrawn(someone, said, now)
        standing = standing | set(said) if give else standing - set(said)
        assert set(people.standing(someone)) == standing
        assert len(people.standing(someone)) == len(standing)
        _, events = people.written("p", before, someone, **FAMILY, actor="w", now=now)
        told = {scope for event in events for scope in event.scopes}
        assert told == set(people.standing(before)) ^ standing
    assert all(one.withdrawn_at is None or one.withdrawn_at >= one.given_at for one in someone.consents)


def test_events_name_fields_and_hold_no_values():
    before = person()
    after = people.corrected(before, {"family_name": "Ким", "iin": "991231100000"})
    _, (event,) = people.written("p", before, after, **FAMILY, actor="w", now=NOW)
    assert event.fields == ("family_name", "iin")
    assert "Ким" not in str(event)
    assert "991231100000" not in str(event)


# Whom a description may mean ----------------------------------------------------------------------


def found(one: Person, *, readable: bool = True, hidden: bool = False, id: str = "p") -> Found:
    return Found(person_id=id, person=one, readable=readable, hidden=hidden)


@given(descriptions, descriptions)
def test_candidates_have_the_same_birth_and_no_other_iin(said: Description, known: Description):
    reasons = matching.reasons_for(said, person(known))
    for candidate in matching.candidates(said, [found(person(known))], POINTS):
        assert {"same-birth-date", "same-birth-year"} & set(candidate.reasons)
        assert candidate.reasons == reasons
        assert 0 < candidate.score <= 1
        assert not (said.iin and known.iin and said.iin != known.iin)


def test_nobody_unreadable_or_hidden_is_a_candidate():
    said = Description(family_name="Ли", given_name="Анна", birth_date=date(1985, 1, 1))
    everybody = [
        found(person(said), id="far", readable=False),
        found(person(said), id="hidden", readable=False, hidden=True),
        found(person(replace(said, iin="991231100000"), iin_slot=None), id="leads elsewhere"),
        found(person(replace(said, phone="+77011234567")), id="near"),
        found(person(said), id="here"),
    ]
    assert [one.person_id for one in matching.candidates(said, everybody, POINTS)] == ["here", "near"]
    likelier = matching.candidates(replace(said, phone="+77011234567"), everybody, POINTS)
    assert [one.person_id for one in likelier] == ["near", "here"]
    assert [one.person_id for one in matching.hidden(said, [], everybody)] == ["hidden"]


def test_an_iin_leads_to_the_one_that_is_chosen_or_readable_or_first():
    said = Description(family_name="Ли", given_name="Анна", iin="991231100000")
    first, second, third = (person(said, iin_slot=slot) for slot in (1, 2, 3))
    hidden = found(first, id="1", readable=False, hidden=True)
    far, near = found(second, id="2", readable=False), found(third, id="3")
    assert matching.same_by_iin([hidden]) is None
    assert matching.same_by_iin([hidden, far]) is far
    assert matching.same_by_iin([hidden, far, near]) is near
    assert matching.same_by_iin([hidden, far, near], "2") is far
    assert matching.same_by_iin([hidden, far, near], "1") is near


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {}, True),
        ({"birth_date": date(1985, 1, 1)}, {}, True),
        ({"birth_date": date(1985, 1, 1)}, {"birth_date": date(1960, 1, 1)}, False),
        ({"birth_date": date(1985, 1, 1)}, {"birth_year": 1960}, False),
        ({"patronymic": "Иванович"}, {"patronymic": "Петрович"}, False),
        ({"patronymic": "Иванович"}, {"patronymic": "Иванұлы"}, True),
        ({"iin": "991231100000"}, {"iin": "991231100109"}, False),
        ({"iin": "991231100000", "family_name": "Ким"}, {"iin": "991231100000"}, True),
        ({"family_name": "Ким"}, {}, False),
        ({"family_name": "李"}, {"family_name": "李"}, False),
    ],
)
def test_who_is_who_within_a_family(one: dict, other: dict, same: bool):
    described = [Description(**{"family_name": "Ли", "given_name": "Пётр", **each}) for each in (one, other)]
    assert matching.same_in_family(*described) == same
    assert matching.same_in_family(*reversed(described)) == same


def test_an_abuser_is_known_by_his_names_whatever_else_is_said_of_him():
    named = Description(family_name="Иванов", given_name="Петр", birth_date=date(1960, 1, 1))
    his = Description(family_name="Иванов", given_name="Пётр", birth_date=date(1961, 1, 1))
    assert matching.could_be_abuser(named, his)
    assert not matching.could_be_abuser(named, replace(his, given_name="Павел"))
    other = replace(his, iin="991231100109")
    assert not matching.could_be_abuser(replace(named, iin="991231100000"), other)
