"""At which hours a message may leave. Times in these tests are local (UTC+5)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.domain.hours import Window, first_permitted
from shared.calendar import ALMATY

NOTICE = Window(opens=time(9), closes=time(21), days=frozenset(range(1, 6)))
NIGHT = Window(opens=time(22), closes=time(6))
DAY = Window(opens=time(10), closes=time(18))


def local(day: int, clock: str) -> datetime:
    """A day of November 2026 (the 23rd is a Monday) at that local time, in UTC."""
    return datetime(2026, 11, day, *map(int, clock.split(":")), tzinfo=ALMATY).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "at", "expected"),
    [
        (NOTICE, local(23, "09:00"), local(23, "09:00")),
        (NOTICE, local(23, "08:59"), local(23, "09:00")),
        (NOTICE, local(23, "20:59"), local(23, "20:59")),
        (NOTICE, local(23, "21:00"), local(24, "09:00")),
        (NOTICE, local(27, "21:00"), local(30, "09:00")),  # Friday evening → Monday
        (NOTICE, local(28, "12:00"), local(30, "09:00")),  # Saturday noon
        (NIGHT, local(23, "23:30"), local(23, "23:30")),
        (NIGHT, local(24, "05:59"), local(24, "05:59")),
        (NIGHT, local(24, "06:00"), local(24, "22:00")),
        (NIGHT, local(24, "12:00"), local(24, "22:00")),
    ],
)
def test_next_open(window: Window, at: datetime, expected: datetime) -> None:
    assert window.next_open(at) == expected


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    friday_night = Window(opens=time(22), closes=time(6), days=frozenset({5}))
    assert friday_night.next_open(local(28, "03:00")) == local(28, "03:00")  # Saturday, still Friday's
    assert friday_night.next_open(local(27, "03:00")) == local(27, "22:00")


def test_equal_times_are_the_whole_day() -> None:
    always = Window(opens=time(8), closes=time(8))
    assert always.next_open(local(24, "07:59")) == local(24, "07:59")


def test_no_window_is_always_open() -> None:
    assert first_permitted(local(28, "03:00"), []) == local(28, "03:00")


def test_both_have_to_be_open() -> None:
    assert first_permitted(local(23, "09:30"), [NOTICE, DAY]) == local(23, "10:00")
    assert first_permitted(local(27, "18:30"), [NOTICE, DAY]) == local(30, "10:00")


def test_windows_that_never_meet() -> None:
    assert first_permitted(local(23, "12:00"), [DAY, NIGHT]) is None


times = st.times().map(lambda at: at.replace(microsecond=0))
windows = st.builds(
    Window,
    opens=times,
    closes=times,
    days=st.sets(st.integers(1, 7), min_size=1).map(frozenset),
)
SINCE = datetime(2024, 6, 1, tzinfo=UTC)
moments = st.integers(0, 5 * 365 * 86_400).map(lambda seconds: SINCE + timedelta(seconds=seconds))


@given(windows, moments)
def test_what_is_open_is_open_now_and_nothing_earlier_was_missed(window: Window, at: datetime) -> None:
    opens = window.next_open(at)
    assert opens >= at
    assert window.next_open(opens) == opens
    between = at + (opens - at) / 2
    assert between == opens or window.next_open(between) == opens


@given(st.lists(windows, max_size=2), moments)
def test_the_first_permitted_moment_lies_in_all_windows(both: list[Window], at: datetime) -> None:
    permitted = first_permitted(at, both)
    assert permitted is None or all(window.next_open(permitted) == permitted for window in both)
    if permitted is not None and permitted > at:
        just_before = permitted - timedelta(microseconds=1)
        assert any(window.next_open(just_before) > just_before for window in both)
