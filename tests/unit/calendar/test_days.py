"""The working calendar: known days, and properties that hold for every day of every year."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import ALMATY, Calendar, PolicyError
from shared.calendar.days import DAYS_OFF

CALENDAR = Calendar.load()
UTC = dt.UTC

moments = st.datetimes(
    min_value=dt.datetime.fromisoformat("1995-01-01"),
    max_value=dt.datetime.fromisoformat("2095-01-01"),
    timezones=st.just(UTC),
)
# Where mistakes live: around the year's end, Nauryz, the days of May, and the change of the zone in 2024.
awkward = st.builds(
    lambda year, day, seconds: dt.datetime(year, *day, tzinfo=UTC) + dt.timedelta(seconds=seconds),
    st.integers(2023, 2032),
    st.sampled_from([(12, 30), (3, 6), (3, 19), (4, 29), (5, 6), (2, 28)]),
    st.integers(0, 6 * 86_400),
)
starts = st.one_of(moments, awkward)
days = st.integers(0, 40)
hours = st.integers(0, 120)


def almaty(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=ALMATY)


def in_working_time(moment: dt.datetime) -> bool:
    local = moment.astimezone(ALMATY)
    return CALENDAR.is_working_day(local.date()) and dt.time(9) <= local.time() <= dt.time(18)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        ((2026, 11, 23, 9, 5), 3, (2026, 11, 26, 18)),  # Monday morning …
        ((2026, 11, 23, 23, 0), 3, (2026, 11, 26, 18)),  # … and Monday night: the day itself never counts
        ((2026, 11, 20, 12, 0), 1, (2026, 11, 23, 18)),  # Friday → Monday
        ((2026, 11, 21, 12, 0), 1, (2026, 11, 23, 18)),  # Saturday → Monday
        ((2026, 3, 20, 10, 0), 1, (2026, 3, 26, 18)),  # Nauryz 21-23 with two days moved to 24 and 25
        ((2025, 12, 31, 10, 0), 1, (2026, 1, 5, 18)),  # the year's end
        ((2026, 1, 5, 10, 0), 2, (2026, 1, 8, 18)),  # Christmas on Wednesday the 7th
        ((2026, 4, 30, 10, 0), 5, (2026, 5, 12, 18)),  # 1, 7 and 9 May, the last one moved to the 11th
        ((2026, 11, 23, 8, 0), 0, (2026, 11, 23, 18)),  # 0: within the day that is going on
        ((2026, 11, 23, 18, 0), 0, (2026, 11, 23, 18)),
        ((2026, 11, 23, 18, 1), 0, (2026, 11, 24, 18)),
        ((2026, 11, 22, 10, 0), 0, (2026, 11, 23, 18)),
    ],
)
def test_working_days_end_at_six_in_the_evening(start, n, end):
    assert CALENDAR.add_working_days(almaty(*start), n) == almaty(*end)


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        ((2026, 11, 23, 9, 0), 9, (2026, 11, 23, 18)),  # a whole day ends today, not tomorrow morning
        ((2026, 11, 23, 17, 30), 1, (2026, 11, 24, 9, 30)),
        ((2026, 11, 20, 17, 0), 2, (2026, 11, 23, 10)),  # over the weekend
        ((2026, 11, 21, 3, 0), 1, (2026, 11, 23, 10)),
        ((2026, 11, 23, 6, 0), 0, (2026, 11, 23, 9)),
        ((2026, 11, 23, 12, 15), 0, (2026, 11, 23, 12, 15)),
    ],
)
def test_working_hours_stand_still_at_night(start, n, end):
    assert CALENDAR.add_working_hours(almaty(*start), n) == almaty(*end)


def test_a_transfer_that_the_package_knows_needs_no_row():
    assert CALENDAR.is_working_day(dt.date(2024, 5, 4))  # a Saturday, worked …
    assert not CALENDAR.is_working_day(dt.date(2024, 5, 8))  # … for this Wednesday


def test_every_row_of_the_policy_says_something_that_the_package_does_not(tmp_path: Path):
    """A row that has become superfluous (the package has learnt it) is to be removed."""
    policy = DAYS_OFF.read_text("utf-8")
    (tmp_path / "days_off.toml").write_text(policy[: policy.find("\n[[moved]]")], "utf-8")
    bare = Calendar.load(tmp_path / "days_off.toml")
    moved = (CALENDAR.days_off ^ bare.days_off) | (CALENDAR.working_days ^ bare.working_days)
    assert len(moved) == policy.count("\nworking_day =") + policy.count("\nday_off =")


def test_the_policy_wins_over_the_package(tmp_path: Path):
    policy = DAYS_OFF.read_text("utf-8")
    (tmp_path / "days_off.toml").write_text(
        policy + "[[moved]]\nworking_day = 2026-12-16\nday_off = 2026-12-15\nsource = 'a test'\n", "utf-8"
    )
    calendar = Calendar.load(tmp_path / "days_off.toml")
    assert calendar.is_working_day(dt.date(2026, 12, 16))
    assert not calendar.is_working_day(dt.date(2026, 12, 15))


@pytest.mark.parametrize(
    "broken",
    [
        "version = 'x'",
        "version = 'x'\n[day]\nopens = 18:00:00\ncloses = 09:00:00\nweek = [1]\nsource = 'a test'",
        "version = 'x'\n[day]\nopens = 09:00:00\ncloses = 18:00:00\nweek = []\nsource = 'a test'",
        "version = 'x'\n[day]\nopens = 09:00:00\ncloses = 18:00:00\nweek = [1]\nlunch = 1\nsource = 'a test'",
    ],
)
def test_a_broken_policy_names_its_file(tmp_path: Path, broken: str):
    (tmp_path / "days.toml").write_text(broken, "utf-8")
    with pytest.raises(PolicyError, match=r"days\.toml: "):
        Calendar.load(tmp_path / "days.toml")


def test_today_is_the_date_in_almaty_also_before_the_one_zone():
    assert CALENDAR.today(dt.datetime(2026, 11, 23, 19, 0, tzinfo=UTC)) == dt.date(2026, 11, 24)
    assert CALENDAR.today(dt.datetime(2023, 11, 23, 18, 0, tzinfo=UTC)) == dt.date(2023, 11, 24)  # UTC+6 then
    assert CALENDAR.end_of_working_day(dt.date(2023, 11, 23)) == dt.datetime(2023, 11, 23, 12, tzinfo=UTC)
    assert CALENDAR.end_of_working_day(dt.date(2026, 11, 23)) == dt.datetime(2026, 11, 23, 13, tzinfo=UTC)
    assert CALENDAR.today(dt.datetime(1900, 1, 1, tzinfo=UTC)) == dt.date(1900, 1, 1)


def test_a_term_that_ends_on_a_day_off_ends_on_the_next_working_day():
    assert CALENDAR.end_of_working_day(dt.date(2026, 11, 21)) == almaty(2026, 11, 23, 18)


def test_a_naive_moment_and_a_negative_term_are_refused():
    with pytest.raises(ValueError, match="zone"):
        CALENDAR.add_working_days(dt.datetime.fromisoformat("2026-01-01"), 1)
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add_working_days(almaty(2026, 1, 1), -1)
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add_working_hours(almaty(2026, 1, 1), -1)


@given(starts, days)
def test_days_end_on_a_working_day_and_never_before_the_start(start, n):
    end = CALENDAR.add_working_days(start, n)
    assert end.tzinfo is UTC
    assert end.astimezone(ALMATY).time() == dt.time(18)
    assert in_working_time(end)
    assert end >= start.replace(microsecond=start.microsecond // 1000 * 1000)


@given(starts, st.integers(1, 40))
def test_days_count_exactly_the_working_days_after_the_start(start, n):
    """Counted in another way: no calendar of ours, the package asked day by day."""
    first, last = (
        moment.astimezone(ALMATY).date() for moment in (start, CALENDAR.add_working_days(start, n))
    )
    public = holidays.country_holidays("KZ", years=range(first.year, last.year + 2))
    between = (first + dt.timedelta(days=i + 1) for i in range((last - first).days))
    worked = [
        day for day in between if (day.weekday() < 5 and day not in public) or day in public.weekend_workdays
    ]
    assert len(worked) == n


@given(starts, st.timedeltas(dt.timedelta(0), dt.timedelta(days=20)), days, hours)
def test_a_later_start_never_ends_earlier(start, later, n, h):
    assert CALENDAR.add_working_days(start, n) <= CALENDAR.add_working_days(start + later, n)
    assert CALENDAR.add_working_hours(start, h) <= CALENDAR.add_working_hours(start + later, h)


@given(starts, days, hours)
def test_more_time_never_ends_earlier(start, n, h):
    assert CALENDAR.add_working_days(start, n) <= CALENDAR.add_working_days(start, n + 1)
    assert CALENDAR.add_working_hours(start, h) < CALENDAR.add_working_hours(start, h + 1)


@given(starts, st.integers(1, 20), days)
def test_days_add_up(start, first, second):
    halfway = CALENDAR.add_working_days(start, first)
    assert CALENDAR.add_working_days(halfway, second) == CALENDAR.add_working_days(start, first + second)


@given(starts, hours, hours)
def test_hours_add_up_and_stay_in_working_time(start, first, second):
    halfway = CALENDAR.add_working_hours(start, first)
    assert in_working_time(halfway)
    assert CALENDAR.add_working_hours(halfway, second) == CALENDAR.add_working_hours(start, first + second)


@given(starts)
def test_adding_nothing_in_working_time_changes_nothing(start):
    start = start.replace(microsecond=0)
    assert (CALENDAR.add_working_hours(start, 0) == start) == in_working_time(start)
    assert CALENDAR.add_clock(start) == start


@given(starts, st.sampled_from([UTC, ALMATY, ZoneInfo("Asia/Aqtau"), dt.timezone(dt.timedelta(hours=-11))]))
def test_the_zone_in_which_a_moment_is_given_does_not_matter(start, zone):
    elsewhere = start.astimezone(zone)
    assert CALENDAR.add_working_days(elsewhere, 3) == CALENDAR.add_working_days(start, 3)
    assert CALENDAR.add_working_hours(elsewhere, 30) == CALENDAR.add_working_hours(start, 30)
    assert CALENDAR.today(elsewhere) == CALENDAR.today(start)


@given(starts)
def test_what_comes_out_is_cut_to_milliseconds(start):
    for moment in (
        CALENDAR.add_clock(start, days=1, hours=2, minutes=3),
        CALENDAR.add_working_hours(start, 1),
        CALENDAR.local(start),
    ):
        assert moment.microsecond % 1000 == 0


def test_years_that_nobody_knows_have_weekends():
    assert CALENDAR.is_working_day(dt.date(1950, 3, 22))
    assert not CALENDAR.is_working_day(dt.date(2150, 1, 3))  # a Saturday
