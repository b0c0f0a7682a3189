from __future__ import annotations

import re
import tomllib

import pytest

from services.intake import texts
from services.intake.read_models.timeline import KEPT, KEPT_TOO, name_of
from shared.events import CATALOGUE
from shared.i18n import languages

POLICY = tomllib.loads(texts.FILE.read_text(encoding="utf-8"))
NAMES = {name_of(type) for type in CATALOGUE}


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("language", languages)
def test_every_event_has_a_sentence_in_every_language(name, language):
    assert POLICY["event"].get(name, {}).get(language, "").strip(), (
        f"{name} has no {language} in services/intake/policy/timeline.toml"
    )


def test_no_sentence_for_an_event_that_does_not_exist():
    assert set(POLICY["event"]) - {texts.OTHER} <= NAMES


def test_every_gap_is_a_code_that_the_timeline_keeps():
    for name, sentences in POLICY["event"].items():
        gaps = {gap for text in sentences.values() for gap in re.findall(r"{(\w+)}", text)}
        missing = gaps - {*KEPT, *KEPT_TOO}
        assert not missing, f"{name}: add {missing} to KEPT_TOO in services/intake/read_models/timeline.py"


def test_codes_are_told_in_words():
    assert (
        texts.sentence("appeal-screened", {"outcome": "open-case"}, "ru")
        == "Первичная оценка проведена: открыть дело"
    )
    assert texts.sentence("assessment-recorded", {"level": "D"}, "kk") == "Қажеттілік бағаланды, деңгейі: D"
    assert texts.sentence("of-tomorrow", {}, "en") == "Another event"
    assert texts.sentence("appeal-screened", {}, "en") == "First assessment made: –"
