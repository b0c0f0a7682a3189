"""Names: one key for all the spellings of a name, so that a person is found again whatever alphabet was used.

    fold("Құрманғазы") == fold("Курмангазы") == fold("Qurmangazy") == fold("Qūrmanğazy") == "kurmanazi"
    fold_patronymic("Серікқызы") == fold_patronymic("Сериковна") == fold_patronymic("Serikuly") == "serik"

A key is for comparing and for searching by the beginning of a name; it is never shown. It is made of [a-z] only. It is
coarse on purpose: a candidate too many is a click for the worker, a candidate missed is a second file for one family.

What meets: Kazakh and Russian Cyrillic (ә/а, ғ/г, қ/к, ң/н/нг, ө/о, ұ/ү/у, ы/і/и/й, һ/х, ё/э/е, ә after a consonant
and я as in Ләззат/Ляззат), the Kazakh Latin alphabets of 2018 (acutes, sh, ch) and 2021 (umlauts, ş), and the usual
transliterations of passports (zh, kh, gh, ye, yo, yu, ya, iu, ia). Doubled letters, hyphens, spaces, apostrophes, soft and
hard signs do not count. Latin letters typed for Cyrillic ones that look the same are read as Cyrillic.

What does not: different names (Шыңғыс/Чингис, Жамбыл/Джамбул), maiden names, and Latin spellings that two names share
(Ishak may be Исхак or Ишак: it is read as the latter).

A beginning of a name gives the beginning of its key, but for a beginning that ends inside y+vowel ("Y" of "Yerlan") or
between such letters that one key letter stands for. Letters of other scripts are dropped; a key may be empty, and an
empty key is nobody's: do not compare it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LOOKALIKES = str.maketrans("aceohipxyk", "асеоһірхук")
"""In a word with Cyrillic letters: Latin letters typed for the same-looking Cyrillic ones, and i, h for і, һ."""

_LETTERS = str.maketrans(
    {
        **dict(zip("абвгдезиклмнопрстуфы", "abvgdeziklmnoprstufi", strict=True)),
        **dict(zip("әғқңөұүіэєґ", "agknouuieeg", strict=True)),
        **dict.fromkeys("хһҳ", "kh"),
        **dict.fromkeys("жҗј", "zh"),
        **dict(zip("цчшщяюьъ", ["ts", "ch", "sh", "sh", "ia", "iu", "", ""], strict=True)),
        **dict(zip("ıŋəøłđæ", "inaolde", strict=True)),
        **dict(zip("qwxj", ["k", "u", "ks", "zh"], strict=True)),
    }
)
"""Letters as they stand without their accents. Latin c, h and y depend on their neighbours: see `_RULES`."""

_ACCENTED = str.maketrans({"ş": "sh", "ș": "sh", "š": "sh", "ç": "ch", "č": "ch", "ž": "zh", "ý": "u"})
"""The accented letters that are more than their letter without the accent (ý is у in the alphabet of 2018)."""

_WORD = re.compile(r"\w+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_SOFT = re.compile(r"(?<=[бвгғджзкқлмнңпрстфхһцчшщ])([яю])")
_NOT_LETTERS = re.compile(r"[^a-z]+")

_RULES = tuple(
    (re.compile(pattern), into)
    for pattern, into in (
        ("y[eo]", "e"),  # Yerlan, Aliyev, Artyom
        ("^([bdfgklmnprstvz])y(?=[au])", r"\1"),  # Lyazzat, Lyudmila
        ("y", "i"),
        ("gh", "g"),  # Ghalym
        ("(?<![ckszh])h", "kh"),  # Ahmet, as Akhmet
        ("c(?!h)", "k"),
        ("sh?ch", "sh"),  # Shcherbakov, Schmidt
    )
)
_SQUEEZE = (
    (re.compile("n[ng]+"), "n"),  # ң is written n, ng and нг
    (re.compile(r"(kh|zh|sh|ch|[a-z])\1+"), r"\1"),
)
_PATRONYMIC = re.compile(r"(?P<stem>[a-z]{2,}?)(?:uli|ogli|oglu|[kg]izi|[oe]vich|[oe]vna|inichna|ichna|ich)")


@lru_cache(1024)  # one request asks a dozen times for the same name
def fold(text: str) -> str:
    """The key of a family or given name: [a-z]*, the same for every spelling; `fold(fold(x)) == fold(x)`."""
    return _squeeze(_latin(text))


@lru_cache(1024)
def fold_patronymic(text: str) -> str:
    """The key of the father's name in a patronymic: without -ович, -овна, -ұлы, -қызы, -оглы and the like."""
    name = _latin(text)
    while (father := _father(name)) != name:
        name = father
    return name


def _father(name: str) -> str:
    """One ending less. Doubled letters are squeezed only after it: Серікқызы has two k, one of them the father's."""
    patronymic = _PATRONYMIC.fullmatch(name)
    stem = _squeeze(patronymic["stem"] if patronymic else name)
    return stem.rstrip("ei") or stem


def _latin(text: str) -> str:
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    text = _WORD.sub(lambda word: _same_script(word[0]), text).replace("йо", "е")
    text = _SOFT.sub(lambda soft: "а" if soft[1] == "я" else "у", text)
    text = unicodedata.normalize("NFKD", text.translate(_ACCENTED)).translate(_LETTERS)
    return _until_stable(_NOT_LETTERS.sub("", text), _RULES)


def _same_script(word: str) -> str:
    return word.translate(_LOOKALIKES) if _CYRILLIC.search(word) else word


def _squeeze(text: str) -> str:
    return _until_stable(text, _RULES + _SQUEEZE)


def _until_stable(text: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """Each rule in turn, again and again until nothing changes: so folding twice is folding once."""
    while True:
        before = text
        for pattern, into in rules:
            text = pattern.sub(into, text)
        if text == before:
            return text
