"""Texts in three languages."""

from __future__ import annotations

from pathlib import Path

import marshmallow as ma
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from shared import i18n
from shared.http import fields
from shared.http.problems import PROBLEMS
from shared.i18n import N_, Message, catalogues, text

LETTERS = {"kk": set("әғқңөұүһіӘҒҚҢӨҰҮҺІ"), "ru": set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")}


def test_a_message_is_translated_when_it_is_shown():
    message = N_("Longer than maximum length {max}.", max=5)
    assert text(message, "en") == "Longer than maximum length 5."
    assert text(message, "ru") == "Длина больше допустимой (максимум 5)."
    assert text(message, "kk") == "Ұзындығы тым үлкен (ең көбі 5)."


def test_a_sentence_nobody_translated_is_shown_in_english():
    assert text("Only here {n}.", "kk", n=1) == "Only here 1."
    assert (
        text("Braces {are} text where nothing is filled in.", "ru")
        == "Braces {are} text where nothing is filled in."
    )


def test_formatting_keeps_what_the_sentence_names_and_nothing_else():
    message = Message("Must be one of: {choices}.").format(input="Айгерим", choices="a, b", labels="")
    assert message.params == {"choices": "a, b"}
    assert message == "Must be one of: {choices}."


def test_a_value_that_is_a_message_is_translated_too():
    assert (
        text(N_("{name} is not a JSON number.", name=N_("Log in")), "ru")
        == "Войдите в систему — не число JSON."
    )


def test_another_directory_adds_translations_and_does_not_change_ours(tmp_path: Path, monkeypatch):
    catalog = Catalog(locale="ru")
    catalog.add("Appeal", "Обращение")
    catalog.add("Log in", "Другое")
    path = tmp_path / "ru" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalog)
    monkeypatch.setattr(i18n, "_directories", [i18n.SHARED])
    i18n.catalogue.cache_clear()
    try:
        assert text("Appeal", "ru") == "Appeal"
        i18n.add_translations(tmp_path)
        assert text("Appeal", "ru") == "Обращение"
        assert text("Log in", "ru") == "Войдите в систему"
        assert text("Appeal", "kk") == "Appeal"
    finally:
        i18n.catalogue.cache_clear()


def everything_marshmallow_says() -> set[str]:
    said = set(ma.Schema._default_error_messages.values())
    for kind in vars(ma.fields).values():
        if isinstance(kind, type) and issubclass(kind, ma.fields.Field):
            said |= set(getattr(kind, "default_error_messages", {}).values())
    used = (ma.validate.Length, ma.validate.OneOf, ma.validate.Equal, ma.validate.Regexp, ma.validate.NoneOf)
    for validator in used:
        said |= {
            getattr(validator, name)
            for name in dir(validator)
            if name.startswith(("message_", "default_message"))
        }
    for bounds in ({"min": 1}, {"max": 1}, {"min": 1, "max": 2}):
        for inclusive in (True, False):
            made = ma.validate.Range(**bounds, min_inclusive=inclusive, max_inclusive=inclusive)
            said |= {made.message_min if "max" not in bounds else made.message_max}
    return said


UNUSED = ("URL", "email", "IP ", "IPv", "Enum", "enum")


def test_all_that_marshmallow_says_is_listed_for_translation():
    said = {each for each in everything_marshmallow_says() if not any(word in each for word in UNUSED)}
    assert (
        said
        - set(map(str.__str__, fields.MARSHMALLOW))
        - {each for each in said if "Not a valid choice" in each}
        == set()
    )


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_every_problem_is_translated_into_each_language(language):
    for slug, kind in PROBLEMS.items():
        sentences = (kind.title, kind.means, kind.remedy)
        translated = [text(sentence, language) for sentence in sentences]
        assert not set(translated) & set(sentences), slug
        assert LETTERS[language] & set("".join(translated)), slug


def test_nothing_of_shared_http_is_without_translation_or_left_over():
    ours = list(catalogues.findings(catalogues.SHARED.parents[1], catalogues.SHARED))
    assert ours == []


def test_check_sees_what_is_missing_left_over_or_filled_with_something_else(tmp_path: Path):
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "domain.py").write_text('N_("One {n}.")\nN_("Two {n}.")\n_("Log in")\nother("Four")\n')
    catalogues.update(folder, folder / "translations")
    catalog = catalogues.read(folder / "translations", "kk")
    assert [message.id for message in catalog if message.id] == [
        "One {n}.",
        "Two {n}.",
    ]  # `shared` says "Log in" already
    catalog["One {n}."].string = "Бір {m}."
    catalog.add("Three", "Үш")
    with (folder / "translations" / "kk" / "LC_MESSAGES" / "messages.po").open("wb") as file:
        write_po(file, catalog)
    found = [each for each in catalogues.findings(folder, folder / "translations") if " kk: " in each]
    assert found == [
        "service kk: placeholders that the sentence has not: 'One {n}.'",
        "service kk: not translated: 'Two {n}.'",
        "service kk: nobody says: 'Three'",
    ]
    catalogues.update(folder, folder / "translations")  # keeps what was translated, drops what nobody says
    assert {
        message.id: message.string for message in catalogues.read(folder / "translations", "kk") if message.id
    } == {
        "One {n}.": "Бір {m}.",
        "Two {n}.": "",
    }
