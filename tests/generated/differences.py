"""What differs between two families of the same story: how it looks in what is stored, and what stands there instead.

Each has the length that it had: so bytes can be replaced in a document as it is stored, which is quick, and it stays a document.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from services.intake.domain import names
from services.intake.domain.iin import check_digit

YEARS = 4
FIRST, HIGHEST = 1_001, 900_000
"""The numbers of the journals: what was walked has lower ones, and the product goes on with higher ones."""
SURNAME = "Сынақ"
"""A trial: the beginning of all family names here."""
SYLLABLES = [(c + v, names.fold(c + v)) for c, v in itertools.product("бвдзлмпрст", "аеиоу")]
"""A syllable of a name as it is written, and as it stands in a key: each letter is one."""

UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
PATTERNS = {
    "id": UUID,
    "name": SURNAME.encode() + rb"[\x80-\xd1]{16}",
    "key": names.fold(SURNAME).encode() + rb"[a-z]{8}",
    "phone": rb"\+7701[0-9]{7}",
    "iin": rb"(?<![0-9])[0-9]{6}9[0-9]{5}(?![0-9])",
    "born": rb"(?<![0-9-])19[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9-])",
    "day": rb"(?<![0-9-])202[0-9]-[0-9]{2}-[0-9]{2}(?![0-9-])",
    "number": rb"(?<=-202[0-9]-)[0-9]{6}(?![0-9])",
}
"""Kind of what differs → how it looks. Whatever else looks like that would be replaced, too."""
Slot = tuple[str, bytes]
"""A kind of PATTERNS (or `moment`), and what stands there in the story."""

# ------------------------------------------------------------------ how it looks


def places(blob: bytes, documents: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, Slot]]:
    """Where something differs in these documents, one behind the other in the blob: begin, end, and what stands there."""
    moments = {moment for document in documents for moment in _moments(document)}
    patterns = PATTERNS | {"moment": b"|".join(re.escape(_moment(each)) for each in moments)}
    return [
        (match.start(), match.end(), (kind, match[0]))
        for kind, pattern in patterns.items()
        for match in re.finditer(pattern, blob, re.DOTALL)
    ]


def _moments(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _moments(member)


def _moment(at: datetime) -> bytes:
    """As BSON has it: milliseconds."""
    return struct.pack("<q", round((at - datetime(1970, 1, 1)) / timedelta(milliseconds=1)))  # noqa: DTZ001  UTC, as bson decodes it


# ------------------------------------------------------------------ what stands there instead


def values(slots: Sequence[Slot], n: int, chance: Random, *, is_open: bool) -> list[bytes]:
    """What the n-th family has in each of the slots. What is done lies back by as much in all of them."""
    weeks = 0 if is_open else 1 + chance.randrange(52 * YEARS)
    back = timedelta(weeks=weeks, seconds=chance.randrange(7_200))
    syllables = chance.choices(SYLLABLES, k=4)
    born = n % 365
    make: Mapping[str, Callable[[bytes], bytes]] = {
        "id": lambda _: _id(chance),
        "name": lambda _: (SURNAME + "".join(written for written, _ in syllables)).encode(),
        "key": lambda _: (names.fold(SURNAME) + "".join(folded for _, folded in syllables)).encode(),
        "phone": lambda _: b"+7701%07d" % chance.randrange(10**7),
        "iin": lambda said: _iin(date(1900 + int(said[:2]), 1, 1) + timedelta(days=born), n // 365),
        "born": lambda said: str(date(int(said[:4]), 1, 1) + timedelta(days=born)).encode(),
        "day": lambda said: str(date.fromisoformat(said.decode()) - timedelta(weeks=weeks)).encode(),
        "number": lambda _: b"%06d" % (FIRST + n),
        "moment": lambda said: struct.pack(
            "<q", struct.unpack("<q", said)[0] - round(back.total_seconds() * 1000)
        ),
    }
    return [make[kind](said) for kind, said in slots]


def _id(chance: Random) -> bytes:
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-a{digits[17:20]}-{digits[20:]}".encode()


def _iin(born: date, serial: int) -> bytes:
    """The number with that serial of somebody born then who does not exist (7th digit 9)."""
    for each in (serial, serial + 3_000, serial + 6_000):  # some have no check digit
        eleven = f"{born:%y%m%d}9{each:04d}"
        digit = check_digit(eleven)
        if digit is not None:
            return f"{eleven}{digit}".encode()
    raise ValueError("no number with this serial")
