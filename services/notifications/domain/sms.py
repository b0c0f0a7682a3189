"""How a text travels: in which alphabet, and in how many parts.

A text whose characters are all in GSM-7 has 160 septets in one SMS, or 153 in each part of a longer one; `^{}[]~\\|€` take two.
One other character (every Cyrillic one) turns the whole text into UCS-2: 70 characters in one SMS, 67 in each part. What takes two
units is not torn apart at the end of a part. Source: 3GPP TS 23.038 (alphabets) and TS 23.040 (parts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("^{}[]~\\|€\f")


@dataclass(frozen=True, kw_only=True)
class Alphabet:
    """How many units fit into a text of one part, and into each part of a longer one."""

    name: str
    alone: int
    each: int


GSM_7 = Alphabet(name="gsm-7", alone=160, each=153)
UCS_2 = Alphabet(name="ucs-2", alone=70, each=67)


def alphabet(text: str) -> Alphabet:
    """The alphabet that a text needs."""
    return GSM_7 if set(text) <= GSM_BASIC | GSM_EXTENDED else UCS_2


def parts(text: str) -> int:
    """How many SMS a text is paid and carried as. An empty text is one."""
    kind = alphabet(text)
    units = [_units(character, kind) for character in text]
    return 1 if sum(units) <= kind.alone else _packed(units, kind.each)


def _units(character: str, kind: Alphabet) -> int:
    if kind is GSM_7:
        return 2 if character in GSM_EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1  # a pair of surrogates


def _packed(units: Sequence[int], size: int) -> int:
    """Parts of `size` units that these need, in their order, none of them torn apart."""
    count, left = 1, size
    for unit in units:
        if unit > left:
            count, left = count + 1, size
        left -= unit
    return count
