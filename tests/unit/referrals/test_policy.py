"""The policy files can be used, and what is missing in one is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.referrals import policy
from services.referrals.domain.referral import RULES
from shared.calendar import PolicyError


def test_reasons_are_the_contracts():
    assert list(policy.load_policy().reasons) == [
        "no-capacity",
        "not-eligible",
        "unreachable",
        "declined-by-client",
        "wrong-agency",
        "duplicate",
        "other",
    ]
    assert [code for code, reason in policy.load_policy().reasons.items() if reason.needs_note] == ["other"]


def test_every_rule_is_there_and_says_where_it_comes_from():
    rules = policy.load_policy().deadlines.rules
    assert set(rules) == set(RULES)
    assert all(rule.source for rule in rules.values())


def test_a_rule_that_is_missing_stops_the_start(tmp_path: Path):
    text = (policy.FOLDER / "deadlines.toml").read_text(encoding="utf-8")
    broken = tmp_path / "deadlines.toml"
    broken.write_text(text.replace("[rule.expire-danger]", "[rule.expire-never]"), encoding="utf-8")
    with pytest.raises(PolicyError, match="expire-danger"):
        policy._deadlines(broken)
