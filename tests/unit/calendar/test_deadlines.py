"""Deadlines: the policy file, the items that it dates, and how they are raised."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import ALMATY, Calendar, Deadlines, PolicyError
from shared.events import OpenItem, Owner

POLICY = """
version = "test"

[rule.screening]
next_action = "screen"
working_days = 3
raise_every = { working_days = 1 }
raise_most = 3
source = "a test"

[rule.notice-police]
next_action = "tell"
clock_hours = 24
raise_every = { clock_hours = 2 }
raise_most = 5
source = "a test"

[rule.answer]
next_action = "answer"
working_hours = 4
source = "a test"

[rule.review]
next_action = "review"
clock_days = 30
source = "a test"

[rule.deliver]
next_action = "deliver"
on_day = true
source = "a test"

[amount.draft_days]
value = 7
source = "a test"

[amount.share]
value = 0.5
source = "a test"
"""
CALENDAR = Calendar.load()
OWNER = Owner(kind="staff", id="worker.astana")
MONDAY = dt.datetime(2026, 11, 23, 10, 0, tzinfo=ALMATY)


def load(folder: Path, text: str) -> Deadlines:
    (folder / "policy.toml").write_text(text, "utf-8")
    return Deadlines.load(folder / "policy.toml", CALENDAR)


@pytest.fixture(scope="module")
def deadlines(tmp_path_factory) -> Deadlines:
    return load(tmp_path_factory.mktemp("policy"), POLICY)


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=ALMATY)


def test_an_item_has_all_that_the_policy_says(deadlines):
    item = deadlines.open("screening", "screening", OWNER, MONDAY)
    assert item == OpenItem(
        item="screening", owner=OWNER, next_action="screen", due_at=at(26, 18), rule="screening", raised=0
    )
    assert item.due_at.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        ("notice-police", at(24, 10)),
        ("answer", at(23, 14)),
        ("review", dt.datetime(2026, 12, 23, 10, tzinfo=ALMATY)),
    ],
)
def test_each_unit_of_time(deadlines, rule, due):
    assert deadlines.due(rule, MONDAY) == due


def test_on_day_is_due_at_the_end_of_that_working_day(deadlines):
    assert deadlines.due("deliver", MONDAY, dt.date(2026, 11, 27)) == at(27, 18)
    assert deadlines.due("deliver", MONDAY, dt.date(2026, 11, 28)) == at(30, 18)  # a Saturday


def test_a_date_is_for_on_day_only(deadlines):
    with pytest.raises(ValueError, match="deliver"):
        deadlines.due("deliver", MONDAY)
    with pytest.raises(ValueError, match="screening"):
        deadlines.due("screening", MONDAY, dt.date(2026, 11, 27))


def test_amounts_keep_their_kind_of_number(deadlines):
    assert deadlines.amount("draft_days") == 7
    assert isinstance(deadlines.amount("draft_days"), int)
    assert deadlines.amount("share") == 0.5


def test_unknown_names_are_errors(deadlines):
    with pytest.raises(KeyError):
        deadlines.due("nothing", MONDAY)
    with pytest.raises(KeyError):
        deadlines.amount("nothing")


def test_raised_first_when_due_then_by_steps_and_no_more(deadlines):
    item = deadlines.open("screening", "screening", OWNER, MONDAY)
    times = [deadlines.raise_at(replace(item, raised=n)) for n in range(4)]
    assert times == [at(26, 18), at(27, 18), at(30, 18), None]


def test_without_steps_it_is_raised_once(deadlines):
    item = deadlines.open("answer", "answer", OWNER, MONDAY)
    assert [deadlines.raise_at(replace(item, raised=n)) for n in range(2)] == [at(23, 14), None]


def test_an_item_whose_rule_is_gone_is_still_raised_once(deadlines):
    item = replace(deadlines.open("answer", "answer", OWNER, MONDAY), rule="of-last-year")
    items, raised = deadlines.raise_due([item], at(25, 9))
    assert [one.raised for one in items] == [1]
    assert raised == items
    assert deadlines.raise_due(items, at(29, 9)) == (items, ())


def test_only_what_is_due_is_raised(deadlines):
    late = deadlines.open("notice-police", "notice-police", OWNER, MONDAY)
    early = deadlines.open("screening", "screening", OWNER, MONDAY)
    assert deadlines.raise_due((early, late), at(24, 9, 59)) == ((early, late), ())
    items, raised = deadlines.raise_due((early, late), at(24, 10))
    assert items == (early, replace(late, raised=1))
    assert raised == (replace(late, raised=1),)


def test_after_a_standstill_an_item_goes_at_once_to_where_it_belongs(deadlines):
    item = deadlines.open("notice-police", "notice-police", OWNER, MONDAY)
    _, (raised,) = deadlines.raise_due([item], at(24, 14))
    assert raised.raised == 3  # due at 10, then 12 and 14


@given(st.lists(st.integers(0, 60 * 24 * 20), min_size=1, max_size=8))
def test_however_often_the_clock_looks_it_ends_the_same(deadlines, minutes):
    """Late, early, often or once: only the present moment counts, and nothing is left due."""
    item = deadlines.open("screening", "screening", OWNER, MONDAY)
    looks = sorted(MONDAY + dt.timedelta(minutes=minute) for minute in minutes)
    items = (item,)
    for now in looks:
        items, _ = deadlines.raise_due(items, now)
        assert all((next_at := deadlines.raise_at(one)) is None or next_at > now for one in items)
    assert items == deadlines.raise_due((item,), looks[-1])[0]


RULE = "[rule.x]\nnext_action = 'act'\nsource = 'a test'\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[rule.x]\nnext_action = 'act'\nworking_days = 1", "rule x: .*source"),
        ("[rule.x]\nsource = 'a test'\nworking_days = 1", "rule x: .*next_action"),
        (RULE, "rule x: .*exactly one"),
        (RULE + "working_days = 1\nclock_hours = 2", "rule x: .*exactly one"),
        (RULE + "working_days = 1\non_day = true", "rule x: .*exactly one"),
        (RULE + "working_days = 1\nworking_weeks = 1", "rule x: .*working_weeks"),
        (RULE + "working_days = -1", "rule x: .*>= 0"),
        (RULE + "working_days = true", "rule x: .*bool"),
        (RULE + "working_days = 1.5", "rule x: .*float"),
        (RULE + "working_days = 1\nraise_most = 2", "rule x: .*together"),
        (RULE + "working_days = 1\nraise_every = { working_days = 1 }", "rule x: .*together"),
        (
            RULE + "working_days = 1\nraise_most = 2\nraise_every = { working_days = 0 }",
            "rule x: .*at least 1",
        ),
        (RULE + "working_days = 1\nraise_most = 2\nraise_every = { day = 1 }", "rule x: .*day"),
        (RULE + "working_days = 1\nraise_most = 2\nraise_every = {}", "rule x: .*exactly one"),
        ("[amount.y]\nvalue = 1", "amount y: .*source"),
        ("[amount.y]\nvalue = '1'\nsource = 'a test'", "amount y: .*str"),
        ("[rules.x]", "rules"),
        ("not toml", "key"),
    ],
)
def test_a_broken_policy_names_file_and_rule(tmp_path: Path, text, why):
    with pytest.raises(PolicyError, match=rf"policy\.toml: {why}|policy\.toml: .*{why}"):
        load(tmp_path, text)
