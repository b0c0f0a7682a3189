"""At which hours a message may leave: what the operators allow, and what the citizen has said is safe.

    first_permitted(now, [operators, citizen])        # the first moment from `now` on that lies in all windows, or None

Windows are told in the local time of Kazakhstan (Asia/Almaty) and may last over midnight.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from shared.calendar import ALMATY

EVERY_DAY = frozenset(range(1, 8))
ROUNDS = 64
"""How often the windows are asked in turn before it is said that they do not meet: at the least a month."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `opens` up to, not including, `closes`, on the days (ISO, 1 Monday) on which it opens.

    Where `closes` is not later than `opens` it closes on the next day, so equal times are the whole day.
    """

    opens: time
    closes: time
    days: frozenset[int] = EVERY_DAY

    def next_open(self, moment: datetime) -> datetime:
        """The first moment from `moment` on that lies in the window (aware UTC)."""
        day = moment.astimezone(ALMATY).date() - timedelta(days=1)  # yesterday's may still be open
        while True:
            if day.isoweekday() in self.days:
                last = day if self.opens < self.closes else day + timedelta(days=1)
                if moment < datetime.combine(last, self.closes, tzinfo=ALMATY):
                    opening = datetime.combine(day, self.opens, tzinfo=ALMATY).astimezone(UTC)
                    return max(moment, opening)
            day += timedelta(days=1)


def first_permitted(moment: datetime, windows: Iterable[Window]) -> datetime | None:
    """The first moment from `moment` on that lies in all windows; None where they do not meet within a month."""
    windows = tuple(windows)
    for _ in range(ROUNDS):
        latest = max((window.next_open(moment) for window in windows), default=moment)
        if latest == moment:
            return moment
        moment = latest
    return None
