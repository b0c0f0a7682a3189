"""The states of a case, and which commands each has: one table, and everything that is refused is refused by it.

    assessment ─assessment→ planning ─plan/sign (both)→ approval ─plan/approve→ implementation
                               ↑  └──────── plan/return ───┘                         │ review: change, or level D or E
                               └─────────────────────────────────────────────────────┘
    assessment, planning, approval, implementation ─closure→ closing ─closure/approve→ closed ─reopen→ assessment
                                                                └─closure/return→ the state before

`step` is how a command asks whether it may be, and where it leads. `allowed` lists what may be done now, as the addresses under the
case are written (`measures/2/deliver`).
"""

from __future__ import annotations

from collections.abc import Mapping

from services.casework.domain.case import Case, Measure
from shared.refusals import WrongState

_ALWAYS = ("visits", "help", "assign")


def _stays(state: str, *commands: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(commands, (state,))


_BEFORE_CLOSING = ("assessment", "planning", "approval", "implementation")
TRANSITIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "assessment": {
        "assessment": ("planning",),
        **_stays("assessment", *_ALWAYS),
        "closure": ("closing",),
    },
    "planning": {
        **_stays("planning", "assessment", "plan"),
        "plan/sign": ("planning", "approval"),
        **_stays("planning", *_ALWAYS),
        "closure": ("closing",),
    },
    "approval": {
        "plan/approve": ("implementation",),
        "plan/return": ("planning",),
        **_stays("approval", *_ALWAYS),
        "closure": ("closing",),
    },
    "implementation": {
        **_stays("implementation", "measures/start", "measures/deliver", "measures/cancel"),
        "review": ("implementation", "planning"),
        **_stays("implementation", *_ALWAYS),
        "closure": ("closing",),
    },
    "closing": {
        "closure/approve": ("closed",),
        "closure/return": _BEFORE_CLOSING,
        **_stays("closing", *_ALWAYS),
    },
    "closed": {"reopen": ("assessment",)},
}
"""State → command → the states that it may lead to. Where there are several, the command decides by what it was told."""

MEASURES: Mapping[str, Mapping[str, str]] = {
    "planned": {"start": "started", "deliver": "delivered", "cancel": "cancelled"},
    "started": {"deliver": "delivered", "cancel": "cancelled"},
    "delivered": {},
    "cancelled": {},
}
"""State of a measure → command → its next state."""

STATES = tuple(TRANSITIONS)
OPEN_STATES = tuple(state for state in STATES if state != "closed")

MOST: Mapping[str, tuple[str, int]] = {
    "help": ("help", 200),
    "visits": ("visits", 200),
    "review": ("reviews", 100),
    "plan": ("measures", 170),
}
"""Command → how many entries its list may have for it to be open. A case is one document that is shown as a whole, and its events
list all that is open. A case with so many has gone on for many years: it is closed, and the next appeal opens another one."""


def allowed(case: Case) -> list[str]:
    """The commands that are open now."""
    return [name for command in TRANSITIONS[case.state] for name in _names(case, command)]


def step(case: Case, command: str, to: str | None = None) -> str:
    """The state after a command. `to` chooses where the table has several. Raises WrongState, with what is allowed."""
    states = TRANSITIONS[case.state].get(command)
    if states is None or not _names(case, command):
        raise WrongState(allowed(case))
    if to is None:
        (to,) = states
    if to not in states:
        raise ValueError(f"{command} does not lead from {case.state} to {to}")
    return to


def step_measure(case: Case, measure: Measure, command: str) -> str:
    """The state of a measure after `start`, `deliver` or `cancel`. Raises WrongState."""
    step(case, f"measures/{command}")
    state = MEASURES[measure.state].get(command)
    if state is None:
        raise WrongState(allowed(case))
    return state


def _names(case: Case, command: str) -> list[str]:
    """A command of the table as it may be given now: none where something it needs is not there, several for measures."""
    if command.startswith("measures/"):
        name = command.removeprefix("measures/")
        return [f"measures/{m.n}/{name}" for m in case.measures if name in MEASURES[m.state]]
    if command == "plan/sign" and case.draft is None:
        return []
    field, most = MOST.get(command, ("", 0))
    return [] if field and len(getattr(case, field)) >= most else [command]
