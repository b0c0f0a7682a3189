"""What a center has sent to agencies: the list, and the panel of a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.referrals import queries
from services.referrals.domain.case import KnownCase
from services.referrals.domain.referral import STATES
from services.referrals.doors import STAFF, service, shown
from services.referrals.pages import lines, lists
from shared import ui
from shared.access import may_act
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, Id
from shared.ui import Pages

blueprint = Pages("sent", __name__, url_prefix="/referrals")

SENT = "/referrals/sent"
WAITING = ("answer", "carry-out", "choose-another")
IN_PANEL = 5


class Filters(lists.Filters):
    """Also: whose (the reader's own by default), or all of one case or family."""

    whose = Code(("mine", "center"))
    case_id = Id()
    family_id = Id()


@blueprint.get("/sent")
@roles(*STAFF)
def sent() -> Any:
    """What was sent, and what became of it"""
    chosen = ui.query(Filters)
    at = now()
    seen = queries.for_staff(service(), actor(), _wanted(chosen))
    of_one = "case_id" in chosen or "family_id" in chosen
    found, after = lists.found(seen, WAITING, {"show": "all", **chosen} if of_one else chosen, at)
    return ui.page(
        "referrals/sent.html",
        active="referrals",
        chosen=chosen,
        of_one=of_one,
        rows=[lines.row(each, at) for each in shown(found, "referrals")],
        counters=lists.counters(SENT, chosen, seen, WAITING, "referral_list", at, None if of_one else "center_id"),
        mine_href=lists.address(SENT, chosen, whose=None),
        center_href=lists.address(SENT, chosen, whose="center"),
        states=STATES,
        ended_href=lists.address(SENT, chosen, show="ended", state=None),
        waiting_href=lists.address(SENT, chosen, show=None, state=None),
        next_href=lists.next_page(SENT, chosen, after),
    )


def _wanted(chosen: Mapping[str, Any]) -> dict[str, Any]:
    ids = {name: chosen[name] for name in ("case_id", "family_id") if name in chosen}
    return ids or ({} if chosen.get("whose") == "center" else {"holder": actor().sub})


@blueprint.get("/families/<uuid:family_id>/panel")
@roles(*STAFF)
def panel(family_id: UUID) -> Any:
    """A family's referrals, newest first: part of its file"""
    family = str(family_id)
    at = now()
    seen = queries.for_staff(service(), actor(), {"family_id": family})
    found, more = queries.newest(service(), seen, None, IN_PANEL)
    return ui.page(
        "referrals/panel.html" if ui.is_htmx() else "referrals/panel_page.html",
        active="referrals",
        family_id=family,
        rows=[lines.row(each, at) for each in shown(found, "referrals")],
        more=more is not None,
        new_href=_new_href(service().store.cases.of_family(family)),
    )


def _new_href(cases: Sequence[tuple[str, KnownCase]]) -> str | None:
    """Where another referral is made: from the family's open case, by whoever may act on it."""
    for id, case in cases:
        if not case.is_closed and may_act(actor(), case.holder, case.center_id):
            return f"/referrals/new?case_id={id}"
    return None
