"""Alphabets and parts of an SMS, by the figures of the domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.sms import GSM_7, UCS_2, alphabet, parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),  # 162 septets; 76 of them in each part, for none is torn apart
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("a" * 69 + "ж", 1),
        ("a" * 70 + "ж", 2),
        ("қ" * 70, 1),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 pairs in each part
    ],
)
def test_parts(text: str, expected: int) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize("text", ["Hello, 1 @ £5!", "^{}[]~\\|€", "ÄÖÑÜ§ äöñüà", "line\nline"])
def test_gsm_7(text: str) -> None:
    assert alphabet(text) is GSM_7


@pytest.mark.parametrize("text", ["Привет", "Құрманғазы", "naïve", "`", "“quoted”", "a – b"])
def test_one_other_character_makes_it_ucs_2(text: str) -> None:
    assert alphabet(text) is UCS_2


@given(st.text(alphabet=st.sampled_from("abc€^жқ😀"), max_size=400))
def test_no_text_needs_fewer_parts_than_its_units(text: str) -> None:
    each = alphabet(text).each
    size = sum(2 if (c in "€^" and alphabet(text) is GSM_7) or c == "😀" else 1 for c in text)
    needed = 1 if size <= alphabet(text).alone else -(-size // each)
    assert needed <= parts(text) <= needed + 1 + needed // 50


@given(st.text(alphabet=st.sampled_from("abж"), max_size=300), st.sampled_from("abж"))
def test_a_longer_text_never_needs_fewer(text: str, more: str) -> None:
    assert parts(text) <= parts(text + more)
