"""What a family is in danger of, and the policy files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import policy
from services.intake.domain import danger as dangers
from shared.calendar import PolicyError
from shared.events import Danger

flags = st.sampled_from([None, False, True])
anything = st.builds(Danger, life=flags, child=flags, domestic_violence=flags)


@given(anything, anything)
def test_not_asked_changes_nothing_and_the_rest_is_what_was_said(known: Danger, said: Danger):
    after = dangers.after(known, said)
    for kind in dangers.KINDS:
        told = getattr(said, kind)
        assert getattr(after, kind) == (getattr(known, kind) if told is None else told)
    assert dangers.after(after, said) == after


@given(anything, anything)
def test_an_appeal_never_lowers(known: Danger, said: Danger):
    after = dangers.heightened(known, said)
    assert not dangers.lowered(known, after)
    assert set(dangers.present(after)) == set(dangers.present(known)) | set(dangers.present(said))
    assert dangers.raised(known, after) == dangers.raised(known, said)


@given(anything, anything)
def test_raised_and_lowered_are_what_changed(known: Danger, said: Danger):
    after = dangers.after(known, said)
    before, now = set(dangers.present(known)), set(dangers.present(after))
    assert now - before == set(dangers.raised(known, said))
    assert before - now == set(dangers.lowered(known, said))


def test_the_policy_in_force_has_what_the_code_asks_for():
    found = policy.load()
    for rule in ("screening", "screening-urgent", "notice", "ask-danger", "ask-consent"):
        assert found.deadlines.rules[rule].source
    assert {"case-opening", "same-person-elsewhere"} <= set(found.deadlines.rules)
    assert found.bodies(["child", "domestic_violence"]) == ("guardianship", "police", "health")
    assert found.bodies(["life"]) == ()
    assert (found.screening([]), found.screening(["life"])) == ("screening", "screening-urgent")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("danger.toml", "[danger.life]", "[danger.limb]"),
        ("danger.toml", "urgent = true", "urgent = 7"),
        ("matching.toml", "points = 0.3", "points = 3"),
        ("matching.toml", "[reason.same-phone]", "[reason.same-hat]"),
        ("deadlines.toml", "working_days = 3", "working_days = -3"),
    ],
)
def test_a_wrong_policy_stops_the_start_and_names_the_file(tmp_path: Path, file: str, old: str, new: str):
    for source in policy.FOLDER.glob("*.toml"):
        (tmp_path / source.name).write_text(source.read_text("utf-8"), "utf-8")
    text = (tmp_path / file).read_text("utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(PolicyError, match=file):
        policy.load(tmp_path)
