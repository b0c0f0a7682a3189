"""The working calendar of Kazakhstan, and the deadlines that policy files name.

Every open item of this system has a due time. Here is where due times come from: *when* is 3 working days
from now, and *which rule* says that it is 3. Both are pure: the present moment is always an argument.

    calendar = Calendar.load()                    # once, at start
    calendar.add_working_days(now, 3)             # 18:00 of the third working day after today
    calendar.today(now)                           # the date in Asia/Almaty

    deadlines = Deadlines.load(POLICY / "deadlines.toml", calendar)
    item = deadlines.open("screening", "screening", Owner(kind="staff", id="worker.astana"), start=now)
    deadlines.raise_at(item)                      # when the clock must look at it next
    items, raised = deadlines.raise_due(items, now)            # what the clock does when it looks

**Working time** is 09:00-18:00 local time on working days. The hours, the week and whatever differs from the
public holidays that the package `holidays` knows stand in `shared/policy/days_off.toml`, with their source.
Local time is Asia/Almaty: the whole country has been one zone, UTC+5, since 1 March 2024; earlier moments are
reckoned with the offset that Almaty had then. Holidays are known for the years 1991-2100; in any other year
only weekends and the policy's own days count.

**Moments** go in as aware datetimes of any zone (a naive one is a ValueError) and come out as aware UTC, cut
to milliseconds, for that is what the database and the events keep.

**A policy file of deadlines** has one table per rule:

    version = "2026.1"                   # optional, for people

    [rule.screening]
    next_action = "screen"               # the code of what the owner has to do
    working_days = 3                     # a term: see below
    raise_every = { working_days = 1 }   # optional: the term after which it is raised again, and again
    raise_most = 3                       # with raise_every: how often in all; without them it is raised once
    source = "rules of family support centers, order 256-НҚ of 14.06.2024, п.13"

    [amount.draft_days]                  # a plain number, read by `deadlines.amount("draft_days")`
    value = 7
    source = "…"

A term is exactly one of `working_days`, `working_hours`, `clock_days` (of 24 hours), `clock_hours`, or
`on_day = true`: the caller gives the date (`due_on`), and it is due at the end of that working day. An
unknown key, a missing source or an impossible number is a `PolicyError` that names the file and the rule. It
is raised when the file is loaded, so a wrong policy stops the start and not a command.
"""

from shared.calendar.days import ALMATY, Calendar
from shared.calendar.deadlines import Deadlines, Rule, Span
from shared.calendar.policy import PolicyError

__all__ = ["ALMATY", "Calendar", "Deadlines", "PolicyError", "Rule", "Span"]
