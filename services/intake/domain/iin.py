"""The individual identification number (IIN): twelve digits that say a date of birth and a sex.

    iin = parse("850101300128", synthetic=False)      # BadIin says what is wrong with it
    iin.birth_date, iin.sex                           # 1985-01-01, "male"
    warnings(iin, birth_date, sex)                    # ("iin-date-mismatch",): to be looked at, never refused

Digits 1-6 are YYMMDD of birth. Digit 7 is the century and the sex: 1/2 = 18xx, 3/4 = 19xx, 5/6 = 20xx, odd = male.
Digits 8-11 are a serial number. Digit 12 is the check digit. Source: the published algorithm of the
number (about 9% of the numbers need the second pass).

**Synthetic numbers** have 9 as their seventh digit. Nobody ever gets one; demos and tests use them, where the settings
allow it (`synthetic=True`). The 9 says neither century nor sex, so `birth_date` and `sex` are None: digits 1-6 have to be
a day in some century, and are compared with the date of birth that was typed; the sex is never compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

_TWELVE_DIGITS = re.compile(r"[0-9]{12}")
_FIRST_PASS = range(1, 12)
_SECOND_PASS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_CENTURIES = (1800, 1900, 2000)
_SYNTHETIC = "9"


class BadIin(ValueError):
    """It is not an IIN. `reason` is one of `format`, `century`, `date`, `check-digit`; never the number itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Iin:
    """A number that is well formed. `birth_date` and `sex` (female, male) are None for a synthetic one."""

    number: str
    birth_date: date | None
    sex: str | None

    def born_on(self, day: date) -> bool:
        """Whether the number allows that date of birth; a synthetic one does in every century."""
        if self.birth_date is None:
            return self.number[:6] == f"{day:%y%m%d}"
        return self.birth_date == day


def parse(number: str, *, synthetic: bool) -> Iin:
    """Reads a number of exactly twelve digits. `synthetic`: whether numbers with 9 as their 7th digit are accepted.

    Raises BadIin.
    """
    if not _TWELVE_DIGITS.fullmatch(number):
        raise BadIin("format")
    iin = _synthetic(number) if synthetic and number[6] == _SYNTHETIC else _issued(number)
    if check_digit(number[:11]) != int(number[11]):
        raise BadIin("check-digit")
    return iin


def likely_birth_date(iin: Iin, today: date) -> date | None:
    """The date of birth that a number says; of a synthetic one the latest that is not in the future."""
    if iin.birth_date is not None:
        return iin.birth_date
    days = (_day(century, iin.number) for century in reversed(_CENTURIES))
    return next((day for day in days if day is not None and day <= today), None)


def check_digit(eleven: str) -> int | None:
    """The twelfth digit that belongs to the first eleven; None if such a number is never issued."""
    digits = [int(digit) for digit in eleven]
    for weights in (_FIRST_PASS, _SECOND_PASS):
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if rest < 10:
            return rest
    return None


def warnings(iin: Iin, birth_date: date | None, sex: str) -> tuple[str, ...]:
    """What the number says otherwise than the person: `iin-date-mismatch`, `iin-sex-mismatch`.

    What is not known (no date of birth, sex `unknown`) is no mismatch.
    """
    found = []
    if birth_date is not None and not iin.born_on(birth_date):
        found.append("iin-date-mismatch")
    if iin.sex is not None and sex in ("female", "male") and sex != iin.sex:
        found.append("iin-sex-mismatch")
    return tuple(found)


def synthetic_iin(birth_date: date, serial: int) -> str:
    """The `serial`-th (from 0) synthetic number for that date of birth. Different serials give different numbers.

    Raises ValueError beyond about 9,900: the rest of the 10,000 have no check digit.
    """
    number = next(islice(_synthetic_numbers(birth_date), serial, None), None)
    if number is None:
        raise ValueError("no more synthetic numbers for that day")
    return number


def _synthetic_numbers(birth_date: date) -> Iterator[str]:
    for serial in range(10_000):
        eleven = f"{birth_date:%y%m%d}{_SYNTHETIC}{serial:04}"
        digit = check_digit(eleven)
        if digit is not None:
            yield f"{eleven}{digit}"


def _issued(number: str) -> Iin:
    mark = int(number[6])
    if not 1 <= mark <= 6:
        raise BadIin("century")
    born = _day(_CENTURIES[(mark - 1) // 2], number)
    if born is None:
        raise BadIin("date")
    return Iin(number=number, birth_date=born, sex="male" if mark % 2 else "female")


def _synthetic(number: str) -> Iin:
    if all(_day(century, number) is None for century in _CENTURIES):
        raise BadIin("date")
    return Iin(number=number, birth_date=None, sex=None)


def _day(century: int, number: str) -> date | None:
    try:
        return date(century + int(number[:2]), int(number[2:4]), int(number[4:6]))
    except ValueError:
        return None
