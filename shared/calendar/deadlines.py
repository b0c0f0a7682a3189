"""The deadlines: the rules of one policy file, and the open items that they date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from shared.calendar.days import Calendar
from shared.calendar.policy import Source, blaming
from shared.events import OpenItem, Owner

T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """So many `working_days`, `working_hours`, `clock_days` or `clock_hours`."""

    unit: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of a policy: by when its item is due, and how it is raised.

    `within` is None where the caller names the day. `raise_most` counts all raisings, the first one included.
    """

    name: str
    next_action: str
    within: Span | None
    raise_every: Span | None
    raise_most: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """The rules and amounts of one policy file, on a calendar."""

    calendar: Calendar
    rules: Mapping[str, Rule]
    amounts: Mapping[str, int | float]

    @classmethod
    def load(cls, path: Path, calendar: Calendar) -> Deadlines:
        """Reads a policy file (shape: see `shared.calendar`). Raises PolicyError, OSError."""
        with blaming(path):
            policy = msgspec.toml.decode(path.read_bytes(), type=_Policy)
        rules = {
            name: _table(path, "rule", name, table, _RuleTable).rule(name)
            for name, table in policy.rule.items()
        }
        amounts = {
            name: _table(path, "amount", name, table, _AmountTable).value
            for name, table in policy.amount.items()
        }
        return cls(calendar=calendar, rules=rules, amounts=amounts)

    def amount(self, name: str) -> int | float:
        """A plain number of the policy. Raises KeyError for a name that the policy does not have."""
        return self.amounts[name]

    def due(self, rule: str, start: dt.datetime, due_on: dt.date | None = None) -> dt.datetime:
        """When what the rule asks for is due, if it begins at `start`.

        Raises KeyError for an unknown rule, and ValueError where `due_on` is missing for a rule `on_day` or
        given for another one.
        """
        within = self.rules[rule].within
        if (within is None) != (due_on is not None):
            raise ValueError(f"rule {rule}: due_on is for rules with on_day, and only for them")
        return self.calendar.end_of_working_day(due_on) if due_on else self._after(start, within)

    def open(
        self, item: str, rule: str, owner: Owner, start: dt.datetime, due_on: dt.date | None = None
    ) -> OpenItem:
        """A new open item: the rule's next action, due as `due` says, never raised."""
        return OpenItem(
            item=item,
            owner=owner,
            next_action=self.rules[rule].next_action,
            due_at=self.due(rule, start, due_on),
            rule=rule,
        )

    def raise_at(self, item: OpenItem) -> dt.datetime | None:
        """When the item is to be raised next; None when it has been raised as often as the rule allows.

        First at `due_at`, then by the rule's steps, counted from `due_at`. An item may outlive its rule (the
        policy was changed meanwhile): then it is raised once.
        """
        if item.raised == 0:
            return item.due_at
        rule = self.rules.get(item.rule)
        if rule is None or rule.raise_every is None or item.raised >= rule.raise_most:
            return None
        every = rule.raise_every
        return self._after(item.due_at, Span(every.unit, every.number * item.raised))

    def raise_due(
        self, items: Iterable[OpenItem], now: dt.datetime
    ) -> tuple[tuple[OpenItem, ...], tuple[OpenItem, ...]]:
        """All the items as they are at `now`, in their order, and those of them that were raised by it.

        After a standstill an item goes at once to where it belongs by now, so that one event is told and not
        three in a row: after this call `raise_at` of every item is later than `now`, or None.
        """
        before = tuple(items)
        after = tuple(self._raised(item, now) for item in before)
        return after, tuple(new for old, new in zip(before, after, strict=True) if new is not old)

    def _raised(self, item: OpenItem, now: dt.datetime) -> OpenItem:
        while (at := self.raise_at(item)) is not None and at <= now:
            item = replace(item, raised=item.raised + 1)
        return item

    def _after(self, start: dt.datetime, span: Span) -> dt.datetime:
        match span.unit:
            case "working_days":
                return self.calendar.add_working_days(start, span.number)
            case "working_hours":
                return self.calendar.add_working_hours(start, span.number)
            case "clock_days":
                return self.calendar.add_clock(start, days=span.number)
            case "clock_hours":
                return self.calendar.add_clock(start, hours=span.number)
            case _:
                raise ValueError(f"no such unit of time: {span.unit}")


# The policy file --------------------------------------------------------------------------------

_Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
_Number = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class _Spans(msgspec.Struct, forbid_unknown_fields=True):
    working_days: _Number | None = None
    working_hours: _Number | None = None
    clock_days: _Number | None = None
    clock_hours: _Number | None = None

    def spans(self) -> list[Span]:
        numbers = ((unit, getattr(self, unit)) for unit in _UNITS)
        return [Span(unit, number) for unit, number in numbers if number is not None]


_UNITS = _Spans.__struct_fields__


class _RuleTable(_Spans, kw_only=True, forbid_unknown_fields=True):
    next_action: _Code
    source: Source
    on_day: bool = False
    raise_every: _Spans | None = None
    raise_most: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None

    def __post_init__(self) -> None:
        if len(self.spans()) + self.on_day != 1:
            raise ValueError(f"needs exactly one of {', '.join(_UNITS)}, on_day = true")
        if (self.raise_every is None) != (self.raise_most is None):
            raise ValueError("raise_every and raise_most go together")
        if self.raise_every and [step.number > 0 for step in self.raise_every.spans()] != [True]:
            raise ValueError(f"raise_every needs exactly one of {', '.join(_UNITS)}, at least 1")

    def rule(self, name: str) -> Rule:
        return Rule(
            name=name,
            next_action=self.next_action,
            within=None if self.on_day else self.spans()[0],
            raise_every=self.raise_every.spans()[0] if self.raise_every else None,
            raise_most=self.raise_most or 1,
            source=self.source,
        )


class _AmountTable(msgspec.Struct, forbid_unknown_fields=True):
    value: int | float
    source: Source


class _Policy(msgspec.Struct, forbid_unknown_fields=True):
    version: str = ""
    rule: dict[str, dict[str, Any]] = {}
    amount: dict[str, dict[str, Any]] = {}


def _table(path: Path, kind: str, name: str, table: dict[str, Any], shape: type[T]) -> T:
    with blaming(path, f"{kind} {name}"):
        return msgspec.convert(table, shape)
