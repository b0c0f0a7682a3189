"""A family's file: who joins it, and that each write is counted and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.intake import policy
from services.intake.domain import danger as dangers
from services.intake.domain import family as families
from services.intake.domain import household as households
from services.intake.domain.family import Family, Sighting
from services.intake.domain.household import Household, Iin, Line
from services.intake.domain.items import Notice
from services.intake.domain.matching import same_in_family
from services.intake.domain.person import Description, SafeContact
from shared.events import Danger

POLICY = policy.load()
NOW = datetime(2026, 3, 16, 5, tzinfo=UTC)
APPLICANT = Description(family_name="Ли", given_name="Анна", iin="850101300124", birth_date=date(1985, 1, 1))
SEEN = Sighting(person_id="p", center_id="center-75-1", at=NOW)


def file(**changes) -> Family:
    return replace(Family(center_id="c", center_ids=("c",), holder="w", danger=Danger()), **changes)


def household(**changes) -> Household:
    empty = Household(family_id="f", family=file(), persons={}, iins={}, new_id=lambda n: f"p{n}")
    return households.with_new_applicant(replace(empty, **changes), APPLICANT, SafeContact(), None)[0]


def line(given_name: str, relation: str = "child", *, alleged_abuser: bool = False, **known) -> Line:
    described = Description(family_name="Ли", given_name=given_name, **known)
    return Line(relation=relation, described=described, alleged_abuser=alleged_abuser)


lines = st.lists(
    st.builds(
        line,
        st.sampled_from(["Анна", "Пётр", "Petr", "Мира"]),
        st.sampled_from(["spouse", "child"]),
        alleged_abuser=st.booleans(),
        iin=st.sampled_from([None, "850101300124", "991231100000", "991231100109"]),
        birth_date=st.sampled_from([None, date(1985, 1, 1), date(2015, 5, 5)]),
    ),
    max_size=6,
)
numbers = st.dictionaries(
    st.sampled_from(["991231100000", "991231100109"]),
    st.builds(Iin, taken=st.booleans(), slot=st.sampled_from([None, 2])),
)


@given(lines, numbers)
def test_whoever_joins_is_there_once_and_an_abuser_is_never_a_person(
    joining: list[Line], iins: dict[str, Iin]
):
    found = household(iins=iins)
    for one in joining:
        before = found
        found = households.join(found, one)
        again = households.join(found, one)
        assert (again.family.members, again.persons) == (found.family.members, found.persons)
        if one.alleged_abuser:
            assert found.persons == before.persons
        assert set(before.persons) <= set(found.persons)
    members = found.family.members
    assert [member.n for member in members] == list(range(1, found.family.last_n + 1))
    assert set(families.person_ids(found.family)) == set(found.persons)
    for member in members:
        assert (member.person_id is None) == (member.described is not None)
        assert not (member.alleged_abuser and member.person_id)
    for person in found.persons.values():
        assert person.family_id == "f"
        if person.iin and iins.get(person.iin):
            assert not iins[person.iin].taken
            assert person.iin_slot == iins[person.iin].slot


def test_a_number_that_is_somebodys_elsewhere_makes_an_entry():
    found = households.join(
        household(iins={"991231100000": Iin(taken=True, slot=2)}), line("Мира", iin="991231100000")
    )
    assert found.family.members[1].described.iin == "991231100000"
    assert list(found.persons) == ["p1"]


def test_a_number_of_somebody_hidden_makes_a_person_whom_it_does_not_lead_to():
    found = households.join(
        household(iins={"991231100000": Iin(taken=False, slot=None)}), line("Мира", iin="991231100000")
    )
    assert (found.persons["p2"].iin, found.persons["p2"].iin_slot) == ("991231100000", None)


def test_whom_she_names_comes_with_her_and_brings_who_he_is_but_not_how_to_reach_him():
    child = Description(
        family_name="Ли", given_name="Мира", birth_date=date(2015, 5, 5), sex="female", phone="+77011234567"
    )
    left = households.join(household(), Line(relation="child", described=child)).persons
    found = households.join(household(left=left), line("Мира"))
    assert found.persons["p2"].instead_of == "p2"
    assert (found.persons["p2"].birth_date, found.persons["p2"].sex) == (date(2015, 5, 5), "female")
    assert found.persons["p2"].phone is None


def test_he_is_looked_for_in_her_family_only_among_the_others():
    persons = households.join(household(), line("Пётр", "spouse")).persons
    named = line("Петр", "spouse", alleged_abuser=True)
    assert households.names_abuser_in((named,), "p1", persons)
    assert not households.names_abuser_in((line("Петр", "spouse"),), "p1", persons)
    assert not households.names_abuser_in((line("Анна", alleged_abuser=True),), "p1", persons)


# Every write --------------------------------------------------------------------------------------

flags = st.sampled_from([None, False, True])
writes = st.lists(
    st.one_of(
        st.tuples(st.just("danger"), st.builds(Danger, life=flags, child=flags, domestic_violence=flags)),
        st.tuples(st.just("told"), st.sampled_from(["police", "health", "guardianship"])),
        st.tuples(st.just("seen"), st.none()),
        st.tuples(st.just("looked"), st.none()),
        st.tuples(st.just("given"), st.sampled_from(["w", "v"])),
        st.tuples(st.just("case"), st.sampled_from(["w", "v"])),
        st.tuples(st.just("wait"), st.integers(1, 100)),
    ),
    max_size=15,
)


@given(writes)
def test_each_write_is_counted_and_what_is_open_is_the_holders(history):
    family, now = file(), NOW
    for what, how in history:
        now += timedelta(minutes=1)
        decision = _write(family, what, how, now)
        if what == "wait":
            now += timedelta(hours=how)
            decision = families.raised("f", family, now, POLICY)
        if decision is None:
            continue
        before, (family, events) = family, decision
        assert family.file_version == before.file_version + 1
        assert events or (family.open, family.holder, family.danger) == (
            before.open,
            before.holder,
            before.danger,
        )
        for event in events:
            assert (event.open, event.holder, event.danger) == (family.open, family.holder, family.danger)
            assert (event.file_version, event.restricted) == (family.file_version, family.restricted)
        assert {item.owner.id for item in family.open} <= {family.holder}
        assert len({item.item for item in family.open}) == len(family.open)
        assert family.restricted == (family.danger.domestic_violence is True)
        assert bool(family.sightings) == any(item.item == families.SAME_PERSON for item in family.open)


def _write(family: Family, what: str, how, now: datetime):
    match what:
        case "danger":
            after = replace(family, danger=dangers.after(family.danger, how))
            after = families.must_tell(after, dangers.raised(family.danger, how), now, POLICY)
            return families.written("f", family, after, "w", now)
        case "told":
            return families.told("f", family, Notice(body=how, told_at=now, how="phone", actor="w"), now)
        case "seen":
            return families.seen_elsewhere("f", family, replace(SEEN, at=now), POLICY)
        case "looked":
            return families.looked_at("f", family, "…", "w", now)
        case "given":
            return families.handed_on("f", family, previous=family.holder, holder=how, actor="s", now=now)
        case "case":
            return families.taken_over(
                "f", family, case_id="case", center_id="c", holder=how, actor="s", now=now
            )


def test_with_a_case_the_file_does_not_go_with_the_appeal():
    with_case, _ = families.taken_over(
        "f", file(), case_id="k", center_id="c", holder="v", actor="s", now=NOW
    )
    assert families.handed_on("f", with_case, previous="v", holder="w", actor="s", now=NOW) is None
    assert families.handed_on("f", file(), previous="other", holder="v", actor="s", now=NOW) is None


def test_members_of_one_family_are_told_apart():
    one, other = line("Мира", birth_date=date(2015, 5, 5)), line("Мира", birth_date=date(2018, 5, 5))
    assert not same_in_family(one.described, other.described)
    found = households.join(households.join(household(), one), other)
    assert len(found.persons) == 3
