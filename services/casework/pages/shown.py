"""How a case is put before a person: what is open and where it is done, what he may do now, what others have changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.casework import queries
from services.casework.domain.case import Case, Measure
from services.casework.domain.states import allowed
from services.casework.doors import HEADS, log_reading, service
from shared import ui
from shared.access import may_act
from shared.aggregate import Saved
from shared.events import OpenItem
from shared.http import actor
from shared.http.conditions import now
from shared.ui import forms, words
from shared.ui.words import Clock

PLACES = {"plan/sign": "sign"}
"""Commands whose page has another address than the command."""
DONE_AT = {
    "assess": "assessment",
    "plan": "plan",
    "sign": "sign",
    "approve": "decision",
    "approve-closing": "decision",
    "review": "review",
}
"""Next action → page under the case where it is done."""
OF_THE_HEAD = frozenset({"approve", "approve-closing"})


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something open: `href` leads to doing it; None where this person does not do it. `measure`: the one it is about, if any."""

    item: OpenItem
    measure: Measure | None
    clock: Clock
    href: str | None


def case_href(id: str | UUID, place: str = "") -> str:
    """The address of the case's page, or of one under it."""
    return f"/casework/cases/{id}" + (f"/{place}" if place else "")


def shown(
    template: str,
    saved: Saved[Case],
    form: forms.Form | None = None,
    *,
    why: str | None = None,
    **values: Any,
) -> ui.pages.Response:
    """A page about a case, once the access log says who sees it. `form`: the form that was sent, or is to be filled in."""
    log_reading([saved], "case", why)
    values |= about(saved)
    if form is None:
        return ui.page(f"casework/{template}", **values)
    changed = meanwhile(saved, form)
    return ui.form_page(f"casework/{template}", form, changed=changed, **values)


def about(saved: Saved[Case]) -> dict[str, Any]:
    """What every page of a case knows: `case`, its `id` and address `at`, what this person `may` do, what is `open`."""
    case = saved.state
    return {
        "id": saved.id,
        "case": case,
        "at": case_href(saved.id),
        "may": may(case),
        "open": items(saved),
        "standing": standing(case),
        "active": "cases",
    }


def may(case: Case) -> frozenset[str]:
    """The commands that the caller may give now: what the state has open, and he is allowed."""
    me = actor()
    if not may_act(me, case.holder, case.center_id):
        return frozenset()
    commands = set(allowed(case))
    if not (me.is_a("supervisor") and me.center_id == case.center_id):
        commands -= HEADS
    signed = case.plan.signed_by("worker") if case.plan else None
    if signed and signed.actor == me.sub:
        commands.discard("plan/approve")  # four eyes
    return frozenset(commands)


def standing(case: Case) -> str:
    """A code for where the case stands, finer than its state: the sentence that says what comes next goes by it."""
    draft = case.draft
    if case.state != "planning" or draft is None:
        return case.state
    if draft.returned_at and not draft.signatures:
        return "returned"
    signed = {signature.by for signature in draft.signatures}
    return {frozenset(): "unsigned", frozenset({"worker"}): "family-to-sign"}.get(
        frozenset(signed), "worker-to-sign"
    )


def items(saved: Saved[Case]) -> list[Item]:
    """What is open in the case, what is due first before the rest."""
    at = now()
    return [
        Item(
            item=each,
            measure=measure_of(saved.state, each),
            clock=clock_of(each, at),
            href=item_href(saved, each),
        )
        for each in sorted(saved.state.open, key=lambda item: (item.due_at, item.item))
    ]


def clock_of(item: OpenItem, at: datetime) -> Clock:
    return words.clock(item.due_at, at, with_partner=item.next_action == "await-partner")


def item_href(saved: Saved[Case], item: OpenItem) -> str | None:
    """Where the next action of an open item is done, for somebody who may do it."""
    case, action, me = saved.state, item.next_action, actor()
    if not may_act(me, case.holder, case.center_id) or (action in OF_THE_HEAD and not me.is_a("supervisor")):
        return None
    if action in DONE_AT:
        return case_href(saved.id, DONE_AT[action])
    if action == "carry-out":
        return case_href(saved.id) + "#plan"
    measure = measure_of(case, item)
    return measure_href(saved.id, measure, action) if measure else None


def measure_of(case: Case, item: OpenItem) -> Measure | None:
    """The measure that an open item is about: `measure-3`."""
    if not item.item.startswith(words.MEASURE):
        return None
    return case.measure(int(item.item.removeprefix(words.MEASURE)))


def measure_href(id: str, measure: Measure, action: str) -> str:
    """Where `refer`, `await-partner` and `deliver` of a measure are done."""
    if action == "refer":
        replaced = f"&replaces={measure.referral_id}" if measure.referral_id else ""
        return f"/referrals/new?case_id={id}&measure={measure.n}{replaced}"
    if action == "await-partner":
        return f"/referrals/referrals/{measure.referral_id}"
    return case_href(id, f"measures/{measure.n}/deliver")


def meanwhile(saved: Saved[Case], form: forms.Form) -> list[dict[str, Any]] | None:
    """What others have done since the form was opened; None where nobody was faster. The form can then be sent again, on what
    is there now, with all that was typed."""
    if not form.stale:
        return None
    changes = queries.changes(service(), saved.id, form.loaded_at) if form.loaded_at else []
    form.renew(saved.version)
    return [{"by": each.by, "at": each.at, "did": what_was_done(each.command)} for each in changes]


def what_was_done(command: str) -> str:
    """A command as it is told to somebody else: `measures/2/deliver`."""
    first, _, rest = command.partition("/")
    n, _, last = rest.partition("/")
    return words.word("command", f"{first}/{last}", n=n) if last else words.word("command", command)
