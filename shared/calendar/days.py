"""The calendar: which days are working days, and how time is counted in them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import holidays
import msgspec

from shared.calendar.policy import Source, blaming
from shared.events import cut

ALMATY = ZoneInfo("Asia/Almaty")
DAYS_OFF = Path(__file__).parent.parent / "policy" / "days_off.toml"
KNOWN_YEARS = range(1991, 2101)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Which days are working days, and from when to when (local time)."""

    opens: dt.time
    closes: dt.time
    week: frozenset[int]
    """The ISO numbers of the days of a plain week on which the centers work."""
    days_off: frozenset[dt.date]
    working_days: frozenset[dt.date]
    """Days on which the centers work although they are a weekend or a holiday: they win over `days_off`."""

    @classmethod
    def load(cls, path: Path = DAYS_OFF) -> Calendar:
        """The public holidays of Kazakhstan, with the changes of the policy file. PolicyError, OSError."""
        with blaming(path):
            policy = msgspec.toml.decode(path.read_bytes(), type=_DaysOff)
        public = holidays.country_holidays("KZ", years=KNOWN_YEARS, expand=False)
        off = {moved.day_off for moved in policy.moved if moved.day_off}
        working = {moved.working_day for moved in policy.moved if moved.working_day}
        return cls(
            opens=policy.day.opens,
            closes=policy.day.closes,
            week=policy.day.week,
            days_off=frozenset(set(public) | off),
            working_days=frozenset((public.weekend_workdays - off) | working),
        )

    def is_working_day(self, day: dt.date) -> bool:
        """Whether the centers work on that day."""
        if day in self.working_days:
            return True
        return day.isoweekday() in self.week and day not in self.days_off

    def next_working_day(self, day: dt.date) -> dt.date:
        """The first working day after `day`."""
        day += dt.timedelta(days=1)
        while not self.is_working_day(day):
            day += dt.timedelta(days=1)
        return day

    def end_of_working_day(self, day: dt.date) -> dt.datetime:
        """18:00 of that day, or of the next working day if it is a day off, for a term never ends on one."""
        return self.at(day if self.is_working_day(day) else self.next_working_day(day), self.closes)

    def add_working_days(self, start: dt.datetime, days: int) -> dt.datetime:
        """The end (18:00) of the n-th working day after the day of `start`.

        The day of `start` is never counted, whatever the hour: 3 working days from Monday 09:05 and from
        Monday 23:00 both end on Thursday at 18:00. 0 means "within the working day that is going on": the end
        of today, or of the next working day where today's is over or today is a day off. The result is never
        before `start`.
        """
        start = _moment(start)
        _natural(days)
        today = self.today(start)
        if days == 0 and self.is_working_day(today) and start <= self.at(today, self.closes):
            return self.at(today, self.closes)
        day = today
        for _ in range(max(days, 1)):
            day = self.next_working_day(day)
        return self.at(day, self.closes)

    def add_working_hours(self, start: dt.datetime, hours: int) -> dt.datetime:
        """`hours` of working time after `start`; the clock stands still at night and on days off.

        A whole day has nine hours (lunch is not taken out). Outside working time the count begins at the next
        opening; 0 hours is `start` itself, or that opening. What is used up exactly at 18:00 is due at 18:00,
        not at 09:00 of the next day.
        """
        at = _moment(start)
        _natural(hours)
        left = dt.timedelta(hours=hours)
        day = self.today(at)
        if not self.is_working_day(day) or at > self.at(day, self.closes):
            day = self.next_working_day(day)
        at = max(at, self.at(day, self.opens))
        while left > (rest := self.at(day, self.closes) - at):
            left -= rest
            day = self.next_working_day(day)
            at = self.at(day, self.opens)
        return at + left

    @staticmethod
    def add_clock(start: dt.datetime, *, days: int = 0, hours: int = 0, minutes: int = 0) -> dt.datetime:
        """Plain elapsed time, by night and on days off too; a day is 24 hours."""
        return _moment(start) + dt.timedelta(days=days, hours=hours, minutes=minutes)

    @staticmethod
    def local(moment: dt.datetime) -> dt.datetime:
        """The same moment, on a clock in Asia/Almaty."""
        return _moment(moment).astimezone(ALMATY)

    def today(self, now: dt.datetime) -> dt.date:
        """The date in Asia/Almaty at that moment."""
        return self.local(now).date()

    @staticmethod
    def at(day: dt.date, time: dt.time) -> dt.datetime:
        """The moment at which a clock in Asia/Almaty shows `time` on `day`."""
        return _moment(dt.datetime.combine(day, time, tzinfo=ALMATY))


def _moment(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return cut(moment)


def _natural(number: int) -> None:
    if number < 0:
        raise ValueError("a term cannot be negative")


# The policy file --------------------------------------------------------------------------------


class _Day(msgspec.Struct, forbid_unknown_fields=True):
    opens: dt.time
    closes: dt.time
    week: Annotated[frozenset[Annotated[int, msgspec.Meta(ge=1, le=7)]], msgspec.Meta(min_length=1)]
    source: Source

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("closes must be later than opens")


class _Moved(msgspec.Struct, forbid_unknown_fields=True):
    source: Source
    working_day: dt.date | None = None
    day_off: dt.date | None = None


class _DaysOff(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    day: _Day
    moved: list[_Moved] = []
