"""The policy as it is, and policies that must not be loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.notifications.domain.sms import GSM_7, alphabet
from services.notifications.domain.templates import LANGUAGES
from services.notifications.policy import FOLDER, Policy
from services.notifications.reactions import TOLD
from shared.calendar import PolicyError

POLICY = Policy.load()
GIVEAWAYS = (
    "центр",
    "орталы",
    "center",
    "centre",
    "полиц",
    "насил",
    "зорлық",
    "семь",
    "отбас",
    "family",
    "соци",
    "әлеум",
)
"""Parts of words that say who writes, or why."""


def test_there_is_a_template_for_everything_that_is_told() -> None:
    assert {template for template, _ in TOLD.values()} <= set(POLICY.templates), "see policy/templates.toml"


def test_the_templates_of_the_spine() -> None:
    assert set(POLICY.templates) == {"appeal-registered", "referral-accepted", "help-given"}
    assert {template.message_class for template in POLICY.templates.values()} == {"answer"}


@pytest.mark.parametrize("name", sorted(POLICY.templates))
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_short_and_gives_nobody_away(name: str, language: str) -> None:
    template = POLICY.templates[name]
    used, text = template.text(language)
    assert used == language
    assert template.parts == 1
    assert not [part for part in GIVEAWAYS if part in text.lower()]
    assert not any(character.isdigit() for character in text)


def test_kazakh_and_english_are_what_they_say() -> None:
    for template in POLICY.templates.values():
        assert set(template.texts["kk"].lower()) & set("әғқңөұүһі")
        assert not set(template.texts["ru"].lower()) & set("әғқңөұүһі")
        assert alphabet(template.texts["en"]) is GSM_7


def test_an_unknown_language_gets_russian() -> None:
    template = POLICY.templates["help-given"]
    assert template.text("de") == template.text(None) == template.text("ru")


def test_a_notice_has_hours_and_an_answer_has_none() -> None:
    assert len(POLICY.windows("notice")) == 1
    assert POLICY.windows("answer") == ()


def test_others_wait_longer_than_an_attempt_may_last() -> None:
    assert POLICY.patience > POLICY.send_within


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "policy"))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("templates.toml", 'en = "Your request', 'EN = "Your request'),
        ("templates.toml", "Ваше обращение принято", "Ваше обращение, {name}, принято"),
        ("templates.toml", "Ваше обращение принято", "Ваше обращение принято. " * 9),
        ("templates.toml", 'class = "answer"', 'class = "advert"'),
        ("templates.toml", "most_parts = 2", "most_parts = 0"),
        ("sending.toml", "[hours.notice]", "[hours.answer]"),
        ("sending.toml", "patience_seconds = 15", "patience_seconds = 5"),
        ("sending.toml", "days = [1, 2, 3, 4, 5]", "days = []"),
        ("sending.toml", "pauses_seconds = [2, 5, 15, 60]", "pauses_seconds = []"),
        ("deadlines.toml", "working_days = 1\nraise", "raise"),
    ],
)
def test_a_wrong_policy_stops_the_start(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(PolicyError, match=file):
        Policy.load(folder)
