"""Phones: every usual way to write a mobile number is one number; nothing else is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import phones
from services.intake.domain.phones import Phones

PHONES = Phones.load(Path(phones.__file__).parents[1] / "policy" / "phones.toml")


@pytest.mark.parametrize(
    "text",
    [
        "+77011234567",
        "87011234567",
        "77011234567",
        "8 701 123 45 67",
        "8 (701) 123-45-67",
        "+7 (701) 123-45-67",
        "+7-701-123-4567",
        "+7\u00a0701\u2009123\u201345\u201367",
        " 8.701.123.45.67 ",
    ],
)
def test_the_ways_to_write_a_number(text):
    assert PHONES.normalise(text) == "+77011234567"


@pytest.mark.parametrize(
    "prefix",
    [
        "700",
        "701",
        "702",
        "705",
        "706",
        "707",
        "708",
        "747",
        "760",
        "761",
        "762",
        "763",
        "764",
        "771",
        "775",
        "776",
        "777",
        "778",
        "785",
    ],
)
def test_the_mobile_prefixes(prefix):
    assert PHONES.normalise(f"8{prefix}0000000") == f"+7{prefix}0000000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+7",
        "7011234567",  # without 8 or +7 it may be anything
        "+7701123456",
        "+770112345678",
        "+87011234567",
        "++77011234567",
        "+7 701 123 45 67 8",
        "8 7172 12 34 56",  # Astana, a landline
        "+79161234567",  # Russia
        "+77031234567",
        "+77791234567",
        "+70000007101",  # a center's demo number
        "+7701123456a",
        "+7701123456٧",
        "111",
    ],
)
def test_what_is_no_mobile_number_of_kazakhstan(text):
    assert PHONES.normalise(text) is None


@given(st.text(max_size=20))
def test_any_text_has_an_answer(text):
    number = PHONES.normalise(text)
    assert number is None or PHONES.mobile.fullmatch(number.removeprefix("+7"))


@given(
    st.from_regex(PHONES.mobile, fullmatch=True),
    st.sampled_from(["+7", "8", "7"]),
    st.text(" -()\u00a0.", max_size=3),
)
def test_normalising_twice_is_normalising_once(national, start, between):
    number = PHONES.normalise(between.join(start + national) if start != "+7" else start + between + national)
    assert number == f"+7{national}"
    assert PHONES.normalise(number) == number
