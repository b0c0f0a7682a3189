"""Danger, levels, and what falls due."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.casework.domain import carrying_out, opening
from services.casework.domain.items import RULES, raise_overdue, wake_at
from services.casework.domain.levels import DOMAINS, LETTERS
from services.casework.domain.opening import File
from services.casework.policy import FOLDER, load, load_levels
from shared.calendar import PolicyError
from shared.events import AppealAttached, AssessmentRecorded, CaseOverdue, Danger
from tests.unit.casework.tools import (
    BY_WORKER,
    NOW,
    POLICY,
    SAFE,
    TODAY,
    assessed,
    item,
    later,
    line,
    opened,
    ratings,
    running,
)

LEVELS = POLICY.levels
RATINGS = st.fixed_dictionaries({domain: st.integers(0, 4) for domain in DOMAINS})


def file(version=9, restricted=False, **danger):
    return File(danger=Danger(**danger), restricted=restricted, version=version)


def hear(case, said, now=NOW):
    return opening.hear_of_danger(case, said, **{**BY_WORKER, "now": now})


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (2000, "A"),
        (1800, "A"),
        (1799, "B"),
        (730, "B"),
        (729, "C"),
        (-30, "C"),
        (-31, "D"),
        (-458, "D"),
        (-459, "E"),
    ],
)
def test_the_thresholds(score, level):
    assert LEVELS.of(score) == level


def test_from_no_need_to_crisis_in_everything():
    assert LEVELS.of(LEVELS.score(ratings(0))) == "A"
    assert LEVELS.of(LEVELS.score(ratings(4))) == "E"


@given(ratings=RATINGS, domain=st.sampled_from(DOMAINS))
def test_more_need_is_never_a_better_level(ratings, domain):
    worse = {**ratings, domain: min(ratings[domain] + 1, 4)}
    assert LEVELS.score(worse) <= LEVELS.score(ratings)
    assert LEVELS.of(LEVELS.score(worse)) >= LEVELS.of(LEVELS.score(ratings))


@given(level=st.sampled_from([None, *LETTERS]), life=st.booleans(), child=st.booleans())
def test_danger_only_raises(level, life, child):
    raised = LEVELS.raised(level, Danger(life=life, child=child))
    assert raised is None or raised >= (level or "A")
    assert not life or raised == "E"
    assert not child or raised >= "D"


def test_a_policy_that_cannot_be_used_stops_the_start(tmp_path):
    good = (FOLDER / "levels.toml").read_text("utf-8")
    for bad in (
        good.replace("housing = 75\n", ""),
        good.replace("A = 1800", "A = 10"),
        good.replace('life = "E"', 'life = "F"'),
        good.replace("source =", "sources ="),
        good + "[",
    ):
        path = tmp_path / "levels.toml"
        path.write_text(bad, "utf-8")
        with pytest.raises(PolicyError, match=r"levels\.toml"):
            load_levels(path)


def test_a_higher_danger_raises_the_level_and_shortens_the_deadline():
    case = opened()
    case, (event,) = hear(case, file(life=True), later(hours=1))
    assert isinstance(event, AssessmentRecorded)
    assert (case.level, event.level, event.score) == ("E", "E", None)
    assert item(case, "assess").due_at == POLICY.deadlines.due("assess-danger", later(hours=1))


def test_a_deadline_never_moves_back_because_danger_has_passed():
    case, _ = hear(opened(), file(4, life=True))
    due = item(case, "assess").due_at
    case, _ = hear(case, file(5), later(hours=2))
    assert (item(case, "assess").due_at, item(case, "assess").rule) == (due, "assess")
    assert case.level == "E", "the next assessment says what it is now"


def test_a_danger_that_was_known_when_the_level_was_given_does_not_raise_it_again():
    case = running(danger=Danger(life=True))
    review = {"outcome": "keep", "level": "C", "note": "n", **BY_WORKER}
    case = carrying_out.record_review(case, **review)[0]
    case, events = hear(case, file(5, life=True))
    assert (case.level, events) == ("C", [])
    case, (event,) = hear(case, file(6, life=True, child=True))
    assert (case.level, event.level) == ("D", "D")


def test_an_older_word_of_danger_is_not_news():
    case, events = hear(opened(), file(4, restricted=True))
    assert (case.restricted, events) == (True, [])
    assert hear(case, file(3, life=True)) is None
    assert hear(case, file(4, life=True)) is None


def test_a_closed_case_hears_of_restriction_without_opening_anything():
    closed = replace(opened(), state="closed", open=())
    case, events = hear(closed, file(restricted=True, life=True))
    assert (case.restricted, case.open, case.level, events) == (True, (), None, [])


def test_a_further_appeal_brings_its_danger_along():
    case, events = opening.attach(assessed(), "appeal-2", file(life=True), **BY_WORKER)
    assert case.appeal_ids == ("appeal-1", "appeal-2")
    assert [type(event) for event in events] == [AppealAttached, AssessmentRecorded]
    assert case.level == "E"
    assert opening.attach(case, "appeal-2", file(), **BY_WORKER) is None
    assert opening.attach(replace(case, state="closed"), "appeal-3", file(), **BY_WORKER) is None
    old = File(danger=SAFE, restricted=False, version=1)
    _, events = opening.attach(case, "appeal-3", old, **BY_WORKER)
    assert [type(event) for event in events] == [AppealAttached]


def test_what_is_overdue_is_raised_and_told_once():
    case = running(line(due_on=TODAY + timedelta(days=90)))
    due = item(case, "review").due_at
    assert wake_at(case, POLICY.deadlines) == due
    assert raise_overdue(case, due - timedelta(milliseconds=1), POLICY) is None
    case, (event,) = raise_overdue(case, due, POLICY)
    assert isinstance(event, CaseOverdue)
    assert (event.actor, event.items) == ("system", ("review",))
    assert {each.item: each.raised for each in event.open} == {"review": 1, "carry-out": 0, "measure-1": 0}
    assert raise_overdue(case, due, POLICY) is None
    assert wake_at(case, POLICY.deadlines) > due


def test_the_policy_has_the_rules_that_a_case_goes_by_and_no_others(tmp_path):
    assert set(POLICY.deadlines.rules) == set(RULES)
    shutil.copytree(FOLDER, tmp_path / "policy")
    path = tmp_path / "policy" / "deadlines.toml"
    path.write_text(path.read_text("utf-8").replace("[rule.sign]", "[rule.signed]"), "utf-8")
    with pytest.raises(PolicyError, match="sign missing"):
        load(tmp_path / "policy", POLICY.deadlines.calendar)
