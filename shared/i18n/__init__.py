"""Three languages: Kazakh, Russian, English.

The English sentence is the key. A text that is to be shown is marked with `N_` where it is written, and translated where it is
shown, for the same refusal may be raised for three people who read three languages:

    raise Invalid({"grounds": [N_("Give at most {max} grounds.", max=5)]})       # where it arises
    text("Give at most {max} grounds.", "kk", max=5)                              # where there is no request: an SMS, the clock
    _("Search")                                                                   # flask_babel.gettext, in pages and templates

`N_` gives a `Message`: a `str` (the English sentence) that remembers the values of its `{placeholders}`. marshmallow formats
its own messages by calling `.format(…)`, and a Message stays a Message then, so validation texts are translated like all others.

Translations are `.po` files: `shared/i18n/translations/<language>/LC_MESSAGES/messages.po` and `services/<name>/translations/…`
(`add_translations` at the start of a process; `create_app` does it). They are read as they are, into memory: there is nothing
to compile, and nothing that can be out of date. `python -m shared.i18n update casework` collects the marked sentences of a part
into its files, `python -m shared.i18n check` lists what is missing. A sentence without a translation is shown in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel.support import Translations

languages = ("kk", "ru", "en")
default_language = "ru"
LANGUAGE_COOKIE = "bt_language"
SHARED = Path(__file__).parent / "translations"
_directories: list[Path] = [SHARED]


class Message(str):
    """An English sentence that is translated when it is shown. `params` fill its `{placeholders}`, in every language."""

    params: Mapping[str, Any]

    def __new__(cls, sentence: str, **params: Any) -> Message:
        message = super().__new__(cls, sentence)
        message.params = params
        return message

    def format(self, *args: Any, **params: Any) -> Message:  # type: ignore[override]
        """The same message with these values too. Only what the sentence names is kept: marshmallow offers the input as well."""
        named = {name for _, name, _, _ in Formatter().parse(self) if name}
        kept = {name: value for name, value in params.items() if name in named}
        return Message(self, **{**self.params, **kept})


N_ = Message


def add_translations(directory: Path | str) -> None:
    """Look for translations in this directory too. Doing it again does nothing."""
    directory = Path(directory)
    if directory not in _directories:
        _directories.append(directory)
        catalogue.cache_clear()


@cache
def catalogue(language: str) -> Translations:
    """All translations into a language; where two directories translate the same sentence, the first one stands."""
    from io import BytesIO

    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import NullTranslations, Translations

    merged = None
    for directory in reversed(_directories):
        path = directory / language / "LC_MESSAGES" / "messages.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            compiled = BytesIO()
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        translations = Translations(compiled)
        merged = translations if merged is None else merged.merge(translations)
    return merged if merged is not None else NullTranslations()


def text(sentence: str, language: str, **params: Any) -> str:
    """A sentence (or a Message) in a language, its `{placeholders}` filled. A value that is a Message is translated too."""
    params = {**getattr(sentence, "params", {}), **params}
    translated = catalogue(language).gettext(str(sentence))
    if not params:
        return translated
    shown = {
        name: text(value, language) if isinstance(value, Message) else value for name, value in params.items()
    }
    return translated.format(**shown)


def request_language() -> str:
    """The language of the current request: the one chosen on a page (a cookie, which programs do not send), else by its
    Accept-Language; Russian where it names none of ours."""
    from flask import has_request_context, request

    if not has_request_context():
        return default_language
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in languages and "Authorization" not in request.headers:
        return chosen
    for (
        tag,
        quality,
    ) in request.accept_languages:  # best first; kk-KZ is Kazakh, which werkzeug's own match would overlook
        language = tag.partition("-")[0].lower()
        if quality > 0 and language in languages:
            return language
    return default_language
