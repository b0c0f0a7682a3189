"""How codes, counts, times and people are said on a page, in the reader's language.

    word("next_action", "screen")          "Провести оценку"
    count("day", 5)                        "5 дней"
    clock(item.due_at, now)                Clock(state="late", words="просрочено на 2 ч", beside="08:20")
    day(date), moment(time), age(born)     as people write them in Kazakhstan; times are those of Almaty

Words are policy: `words.toml` here, and `policy/words.toml` of a service, which `add` puts beside them. Every function takes
`language`; without one it is the language of the request. A code without a word is a bug: KeyError in tests and on a
developer's machine; in an answer to a person it is a dash and a line in the log, never the raw code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date

from shared import reference, telemetry
from shared.calendar import ALMATY
from shared.i18n import request_language

SHARED = Path(__file__).parent / "words.toml"
_files: list[Path] = [SHARED]
NBSP = "\u00a0"
DASH = "–"
MEASURE = "measure-"

LONG_DATE = {"kk": "y 'жылғы' d MMMM", "ru": "d MMMM y 'года'", "en": "d MMMM y"}
DAY_AND_MONTH = {"kk": "d MMMM", "ru": "d MMMM", "en": "d MMMM"}
SHORT = {"kk": "EEE, dd.MM", "ru": "EEE, dd.MM", "en": "EEE d MMM"}


@dataclass(frozen=True)
class Clock:
    """What remains, in words: `state` is late, soon (ends today, or within a running day), later, partner or done."""

    state: str
    words: str
    beside: str


def add(file: Path) -> None:
    """Look for words in this file too. Doing it again does nothing."""
    if file not in _files:
        _files.append(file)
        groups.cache_clear()


@cache
def groups() -> dict[str, dict[str, Any]]:
    """Group → code → {kk, ru, en}, of all files together; reference data as groups of their own."""
    found: dict[str, dict[str, Any]] = {}
    for file in _files:
        for group, words in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if isinstance(words, dict):
                found.setdefault(group, {}).update(words)
    found["ground"] = {each.code: each.name for each in reference.grounds()}
    found["measure_kind"] = {each.code: each.name for each in reference.measure_kinds()}
    found["service_kind"] = {each.code: each.name for each in reference.service_kinds()}
    found["agency_kind"] = {each.code: each.agency for each in reference.service_kinds()}
    found["level"] = {each.letter: each.name for each in reference.levels()}
    found["region"] = {each.code: each.name for each in reference.regions()}
    found["center"] = {each.id: each.name for each in reference.centers()}
    found["agency"] = {each.id: each.name for each in reference.agencies()}
    found["provider"] = {each.id: each.name for each in reference.services()}
    return found


def has(group: str, code: str) -> bool:
    return code in groups().get(group, {})


def word(group: str, code: str | None, language: str | None = None, **values: Any) -> str:
    """The word for a code; `values` fill its `{placeholders}`. A dash for None, and for a code that nobody has a word for."""
    if code is None:
        return DASH
    try:
        said = groups()[group][code][language or request_language()]
    except KeyError:
        telemetry.logger().error("no word for a code", group=group, code=code)
        return DASH
    return said.format(**values) if values else said


def item(code: str, language: str | None = None) -> str:
    """What an open item is about: `screening`, `notice-police`, `measure-3`."""
    if code.startswith(MEASURE):
        return word("item", "measure", language, n=code.removeprefix(MEASURE))
    return word("item", code, language)


def choices(group: str, codes: Any, language: str | None = None) -> list[tuple[str, str]]:
    """(code, word) of each code, for a form's options."""
    return [(code, word(group, code, language)) for code in codes]


def count(noun: str, n: int, language: str | None = None) -> str:
    """A number with its noun in the right form: 1 день, 2 дня, 5 дней."""
    language = language or request_language()
    forms: Mapping[str, str] = groups()["count"][noun][language]
    form = forms.get(Locale(language).plural_form(n)) or forms["other"]
    return form.format(n=number(n, language)).replace(" ", NBSP)


def number(n: int | float, language: str | None = None) -> str:
    """111 482; a comma for decimals (a point in English)."""
    whole = f"{n:,}".replace(",", NBSP)
    return whole if (language or request_language()) == "en" else whole.replace(".", ",")


def local(time: datetime) -> datetime:
    """The same point in time as a clock in Almaty shows it."""
    return time.astimezone(ALMATY)


def today() -> date:
    """The date in Asia/Almaty."""
    return local(datetime.now(UTC)).date()


def time_of(time: datetime) -> str:
    return local(time).strftime("%H:%M")


def day(value: date | str | None) -> str:
    """07.04.1989. An ISO text is read as a date; None is a dash."""
    if value is None:
        return DASH
    value = date.fromisoformat(value) if isinstance(value, str) else value
    return value.strftime("%d.%m.%Y")


def moment(value: datetime | None) -> str:
    """24.11.2026, 10:20"""
    return f"{local(value):%d.%m.%Y, %H:%M}" if value else DASH


def long_day(value: date, language: str | None = None) -> str:
    """вторник, 24 ноября 2026 года · 2026 жылғы 24 қараша, сейсенбі · Tuesday, 24 November 2026"""
    language = language or request_language()
    weekday = format_date(value, "EEEE", locale=language)
    written = format_date(value, LONG_DATE[language], locale=language)
    return f"{written}, {weekday}" if language == "kk" else f"{weekday}, {written}"


def day_heading(value: date, language: str | None = None) -> str:
    """The day in a list of days: сегодня, 24 ноября · 20 ноября, пятница · 20 ноября 2025 года"""
    language = language or request_language()
    near = _near(value)
    if value.year != today().year:
        return format_date(value, LONG_DATE[language], locale=language)
    written = format_date(value, DAY_AND_MONTH[language], locale=language)
    if near:
        return f"{word('clock', near, language)}, {written}"
    return f"{written}, {format_date(value, 'EEEE', locale=language)}"


def when(time: datetime, language: str | None = None) -> str:
    """A point in time near now: 13:20 · вчера, 10:05 · пт, 20.11"""
    language = language or request_language()
    there = local(time)
    near = _near(there.date())
    if near == "today":
        return f"{there:%H:%M}"
    if near:
        return f"{word('clock', near, language)}, {there:%H:%M}"
    if there.year != today().year:
        return day(there.date())
    return format_date(there.date(), SHORT[language], locale=language).replace(".,", ",")


def _near(value: date) -> str | None:
    return {0: "today", -1: "yesterday", 1: "tomorrow"}.get((value - today()).days)


def span(seconds: float, language: str | None = None) -> str:
    """40 мин, 3 ч, 2 дня: minutes below an hour, hours below a day, then days; rounded down."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return count("minute", minutes, language)
    return count("hour", minutes // 60, language) if minutes < 24 * 60 else count("day", minutes // 1440, language)


def clock(
    due_at: datetime, now: datetime, *, with_partner: bool = False, language: str | None = None
) -> Clock:
    """What remains until `due_at`. `with_partner`: somebody else has to act, and is not late."""
    language = language or request_language()
    left = (due_at - now).total_seconds()
    words = word("clock", "late" if left < 0 else "due", language, span=span(abs(left), language))
    if 0 <= left < 60:
        words = word("clock", "now", language)
    if left < 0:
        state = "late"
    elif with_partner:
        state, words = "partner", word("clock", "partner", language, span=span(left, language))
    else:
        soon = local(due_at).date() == local(now).date() or due_at - now <= timedelta(hours=24)
        state = "soon" if soon else "later"
    return Clock(state, words.replace(" ", NBSP) if len(words) < 12 else words, when(due_at, language))


def age(born: date | str | None, on: date | None = None) -> int | None:
    """Full years; None where the date is not known."""
    if born is None:
        return None
    born = date.fromisoformat(born) if isinstance(born, str) else born
    on = on or today()
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def staff(id: str, language: str | None = None) -> str:
    """The name of a member of staff, of a demo user, or of an agency whose program acts under its id; what acts by itself is
    "the system"; else the id."""
    if id in ("system", "clock") or id.startswith("service-"):
        return word("role", "service", language)
    if has("agency", id):
        return word("agency", id, language)
    return reference.user_names().get(id, id)


def owner(kind: str, id: str, language: str | None = None) -> str:
    """Who has to act: a member of staff, a center or an agency."""
    return staff(id, language) if kind == "staff" else word(kind, id, language)
