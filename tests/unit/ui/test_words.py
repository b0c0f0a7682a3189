"""Codes, counts, dates and clocks as people say them."""

from __future__ import annotations

import string
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared import reference
from shared.http.tokens import ROLES
from shared.i18n import languages
from shared.ui import words

ROOT = Path(__file__).parents[3]
FILES = [words.SHARED, *sorted(ROOT.glob("services/*/policy/words.toml"))]
NOW = datetime(2026, 11, 24, 5, 20, tzinfo=UTC)  # 10:20 in Almaty


@pytest.fixture(autouse=True)
def on_a_tuesday(monkeypatch):
    monkeypatch.setattr(words, "today", lambda: date(2026, 11, 24))


def said(file: Path):
    for group, codes in tomllib.loads(file.read_text("utf-8")).items():
        if isinstance(codes, dict):
            for code, names in codes.items():
                yield group, code, names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parents[1].name)
def test_every_word_is_there_in_three_languages_with_the_same_placeholders(file):
    for group, code, names in said(file):
        assert set(names) == set(languages), f"{group}.{code}"
        if group == "count":
            assert all("other" in forms for forms in names.values()), code
            continue
        places = {
            language: {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for language, text in names.items()
        }
        assert len({frozenset(each) for each in places.values()}) == 1, f"{group}.{code}"


def test_every_next_action_of_the_policies_has_a_word_and_every_role():
    actions = set()
    for file in ROOT.glob("services/*/policy/deadlines.toml"):
        rules = tomllib.loads(file.read_text("utf-8"))["rule"]
        actions |= {rule["next_action"] for rule in rules.values()}
    assert {each for each in actions if not words.has("next_action", each)} <= {"expire"}  # the clock's own
    assert all(words.has("role", role) for role in ROLES)


def test_every_body_that_has_to_be_told_has_its_words():
    kinds = tomllib.loads((ROOT / "services/intake/policy/danger.toml").read_text("utf-8"))["danger"]
    bodies = {body for kind in kinds.values() for body in kind["tell"]}
    known = tomllib.loads((ROOT / "services/intake/policy/words.toml").read_text("utf-8"))
    assert bodies <= set(known["body"])
    assert bodies <= set(known["told"])
    assert all(words.has("item", f"notice-{body}") for body in bodies)


def test_reference_data_are_groups_of_their_own():
    assert words.word("ground", reference.grounds()[0].code, "kk") == reference.grounds()[0].name.kk
    assert words.word("center", "center-71-1", "en") == reference.center("center-71-1").name.en


def test_a_code_without_a_word_is_a_dash_and_never_the_code():
    assert words.word("next_action", "no-such-action", "kk") == "–"
    assert words.word("next_action", None, "kk") == "–"


@pytest.mark.parametrize(
    ("n", "ru", "kk", "en"),
    [
        (1, "1 день", "1 күн", "1 day"),
        (2, "2 дня", "2 күн", "2 days"),
        (5, "5 дней", "5 күн", "5 days"),
        (21, "21 день", "21 күн", "21 days"),
        (1111, "1 111 дней", "1 111 күн", "1 111 days"),
    ],
)
def test_plural_forms(n, ru, kk, en):
    found = {language: words.count("day", n, language).replace("\u00a0", " ") for language in languages}
    assert found == {"kk": kk, "ru": ru, "en": en}


@pytest.mark.parametrize(
    ("left", "state", "ru", "kk"),
    [
        (timedelta(minutes=40), "soon", "через 40 мин", "40 минут қалды"),
        (timedelta(hours=3, minutes=59), "soon", "через 3 ч", "3 сағат қалды"),
        (timedelta(hours=23), "soon", "через 23 ч", "23 сағат қалды"),
        (timedelta(days=2), "later", "через 2 дня", "2 күн қалды"),
        (-timedelta(hours=2), "late", "просрочено на 2 ч", "2 сағат кешікті"),
        (-timedelta(days=1, hours=5), "late", "просрочено на 1 день", "1 күн кешікті"),
        (timedelta(seconds=20), "soon", "сейчас", "дәл қазір"),
    ],
)
def test_clocks(left, state, ru, kk):
    for language, said in (("ru", ru), ("kk", kk)):
        clock = words.clock(NOW + left, NOW, language=language)
        assert (clock.state, clock.words.replace("\u00a0", " ")) == (state, said)


def test_with_a_partner_it_waits_there_until_it_is_late():
    assert words.clock(NOW + timedelta(days=4), NOW, with_partner=True, language="ru").state == "partner"
    assert words.clock(NOW - timedelta(days=4), NOW, with_partner=True, language="ru").state == "late"


def test_dates_as_people_write_them():
    day = date(2026, 11, 24)
    assert words.long_day(day, "ru") == "вторник, 24 ноября 2026 года"
    assert words.long_day(day, "kk") == "2026 жылғы 24 қараша, сейсенбі"
    assert words.long_day(day, "en") == "Tuesday, 24 November 2026"
    assert words.day("1989-04-07") == "07.04.1989"
    assert words.moment(NOW) == "24.11.2026, 10:20"
    assert words.when(NOW, "ru") == "10:20"
    assert words.when(NOW - timedelta(days=1), "kk") == "кеше, 10:20"
    assert words.when(NOW - timedelta(days=4), "ru") == "пт, 20.11"
    assert words.when(NOW - timedelta(days=4), "kk") == "жм, 20.11"
    assert words.day_heading(day, "kk") == "бүгін, 24 қараша"
    assert words.day_heading(date(2026, 11, 20), "ru") == "20 ноября, пятница"


def test_age_counts_full_years():
    assert words.age(date(1989, 11, 24)) == 37
    assert words.age(date(1989, 11, 25)) == 36
    assert words.age(None) is None
