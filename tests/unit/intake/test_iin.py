"""IINs: the vectors of the domain, what the digits say, and synthetic numbers."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.intake.domain.iin import (
    BadIin,
    check_digit,
    likely_birth_date,
    parse,
    synthetic_iin,
    warnings,
)

days = st.dates(date(1800, 1, 1), date(2099, 12, 31))


def real_iin(birth_date: date, sex: str, serial: int) -> str | None:
    mark = 2 * (birth_date.year // 100 - 18) + (1 if sex == "male" else 2)
    eleven = f"{birth_date:%y%m%d}{mark}{serial:04}"
    digit = check_digit(eleven)
    return None if digit is None else f"{eleven}{digit}"


def first_pass(eleven: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(eleven, range(1, 12), strict=True)) % 11


@pytest.mark.parametrize(
    "number",
    [
        "991231100000",  # first pass
        "991231100109",  # second pass
        "991231100110",  # second pass
    ],
)
def test_the_vectors_of_the_domain(number):
    iin = parse(number, synthetic=False)
    assert (iin.birth_date, iin.sex) == (date(1899, 12, 31), "male")


@pytest.mark.parametrize("last", range(10))
def test_a_number_that_is_never_issued(last):
    assert check_digit("99123110016") is None
    with pytest.raises(BadIin, match="check-digit"):
        parse(f"99123110016{last}", synthetic=False)


def test_about_nine_percent_need_the_second_pass():
    second = sum(first_pass(f"9912311{serial:04}") == 10 for serial in range(10_000))
    assert 850 < second < 950


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", "format"),
        ("99123110000", "format"),
        ("9912311000000", "format"),
        ("99123110000x", "format"),
        ("99123110000٠", "format"),  # a digit, but not one of ours
        ("991231100000\n", "format"),
        ("991231000000", "century"),
        ("991231700000", "century"),
        ("991231900000", "century"),
        ("991331100000", "date"),
        ("990229100000", "date"),  # 1899 was no leap year
        ("991231100001", "check-digit"),
    ],
)
def test_what_is_wrong_is_named_without_the_number(number, reason):
    with pytest.raises(BadIin) as error:
        parse(number, synthetic=False)
    assert error.value.reason == reason
    assert str(error.value) == reason


@given(days, st.sampled_from(["female", "male"]), st.integers(0, 9999))
def test_the_digits_say_birth_date_and_sex(birth_date, sex, serial):
    number = real_iin(birth_date, sex, serial)
    if number is not None:
        iin = parse(number, synthetic=False)
        assert (iin.number, iin.birth_date, iin.sex) == (number, birth_date, sex)


@given(days, st.integers(0, 9999), st.integers(0, 9), st.integers(1, 9))
def test_the_check_digit_finds_a_wrong_digit(birth_date, serial, place, by):
    """One wrong digit among the first ten changes the first pass; the eleventh has weight 11, so it says nothing."""
    number = real_iin(birth_date, "male", serial)
    assume(number is not None)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert first_pass(number[:11]) != first_pass(wrong[:11])
    if first_pass(number[:11]) < 10 and first_pass(wrong[:11]) < 10:
        assert check_digit(wrong[:11]) != int(wrong[11])


@given(st.text(max_size=14) | st.text("0123456789", min_size=12, max_size=12), st.booleans())
def test_any_text_is_read_or_refused(text, synthetic):
    with suppress(BadIin):
        assert parse(text, synthetic=synthetic).number == text


@given(days, st.integers(0, 9800))
def test_synthetic_numbers_are_accepted_only_where_allowed(birth_date, serial):
    number = synthetic_iin(birth_date, serial)
    iin = parse(number, synthetic=True)
    assert number[6] == "9"
    assert (iin.birth_date, iin.sex) == (None, None)
    assert iin.born_on(birth_date)
    with pytest.raises(BadIin, match="century"):
        parse(number, synthetic=False)


def test_synthetic_numbers_are_different_and_come_to_an_end():
    day = date(1990, 5, 17)
    numbers = {synthetic_iin(day, serial) for serial in range(0, 9000, 250)}
    assert len(numbers) == 36
    assert synthetic_iin(day, 7) == synthetic_iin(day, 7)
    with pytest.raises(ValueError, match="no more"):
        synthetic_iin(day, 10_000)


def test_a_synthetic_number_needs_a_day_of_some_century():
    assert parse(synthetic_iin(date(2000, 2, 29), 0), synthetic=True).born_on(date(2000, 2, 29))
    eleven = "99023090000"  # 30 February
    with pytest.raises(BadIin, match="date"):
        parse(f"{eleven}{check_digit(eleven)}", synthetic=True)


def test_a_mismatch_is_a_warning():
    iin = parse("991231100000", synthetic=False)
    assert warnings(iin, date(1899, 12, 31), "male") == ()
    assert warnings(iin, None, "unknown") == ()
    assert warnings(iin, date(1999, 12, 31), "male") == ("iin-date-mismatch",)
    assert warnings(iin, date(1899, 12, 31), "female") == ("iin-sex-mismatch",)
    assert warnings(iin, date(1999, 12, 31), "female") == ("iin-date-mismatch", "iin-sex-mismatch")


def test_a_synthetic_number_warns_of_another_day_but_not_of_century_or_sex():
    iin = parse(synthetic_iin(date(1990, 5, 17), 3), synthetic=True)
    assert warnings(iin, date(1990, 5, 17), "female") == ()
    assert warnings(iin, date(2090, 5, 17), "male") == ()
    assert warnings(iin, date(1990, 5, 18), "male") == ("iin-date-mismatch",)


@given(day=days, today=st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_the_likely_birth_date_is_what_the_number_says_or_the_latest_day_of_a_synthetic_one(day, today):
    real = real_iin(day, "female", 7)
    assume(real is not None)
    assert likely_birth_date(parse(real, synthetic=False), today) == day
    likely = likely_birth_date(parse(synthetic_iin(day, 0), synthetic=True), today)
    assert likely <= today
    assert f"{likely:%y%m%d}" == f"{day:%y%m%d}"
    assert day > today or likely >= day
