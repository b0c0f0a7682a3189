"""The cases of a center as a list, and the cases of one family as a panel in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import redirect, request

from services.casework import queries
from services.casework.domain.case import Case
from services.casework.domain.states import STATES
from services.casework.doors import BY_TIME, STAFF, log_reading, service
from services.casework.pages.shown import case_href, clock_of
from shared import ui
from shared.aggregate import Saved
from shared.calendar import ALMATY
from shared.http import actor, decode_cursor, roles
from shared.http.conditions import now
from shared.http.fields import Code, ReadableId
from shared.http.paging import ListArgs, encode_cursor
from shared.keyset import Position
from shared.refusals import NotFound
from shared.ui import Pages, forms, words

OPEN, ALL, MINE = "open", "all", "me"
DUE = ("late", "today", "week")
ON_A_PAGE = 40
MOST_COLLEAGUES = 200
OF_A_FAMILY = 50

blueprint = Pages("case_lists", __name__, url_prefix="/casework")


class CasesQuery(ListArgs):
    """Filters of the page: a state, or all that are open; whose; by when something is due."""

    state = Code((OPEN, ALL, *STATES))
    holder = ReadableId()
    due = Code(DUE)


@blueprint.get("/cases")
@roles(*STAFF)
def cases() -> Any:
    """Mine, at first; of the whole center for its head."""
    asked = ui.query(CasesQuery)
    chosen = {
        "state": asked.get("state", OPEN),
        "holder": asked.get("holder", ALL if actor().is_a("supervisor") else MINE),
        "due": asked.get("due", ""),
    }
    after = decode_cursor(asked["cursor"], BY_TIME)
    rows, following = queries.listed(service(), actor(), wanted(chosen), after, ON_A_PAGE)
    log_reading(rows, "cases")
    return ui.page(
        "casework/cases.html",
        active="cases",
        form=forms.blank(chosen),
        states=[*words.choices("case_filter", (OPEN, ALL)), *words.choices("case_state", STATES)],
        holders=[*words.choices("whose", (MINE, ALL)), *colleagues()],
        dues=[("", words.word("due", "any")), *words.choices("due", DUE)],
        rows=[row_of(row) for row in rows],
        families=[row.state.family_id for row in rows],
        is_first=after is None,
        following=address(chosen, following) if following else None,
        begin=address(chosen),
        mine=address({**chosen, "holder": MINE}),
        everybody=address({**chosen, "holder": ALL}),
        everything=address({"state": ALL, "holder": ALL}),
    )


def colleagues() -> list[tuple[str, str]]:
    """(login, name) of the others in the center."""
    rows, _ = queries.colleagues(service(), actor(), None, "", MOST_COLLEAGUES)
    return [(each.member.id, each.member.name) for each in rows if each.member.id != actor().sub]


@blueprint.get("/cases/by-family/<uuid:family_id>")
@roles(*STAFF)
def by_family(family_id: UUID) -> Any:
    """The case of a family that is open, or else its newest one."""
    rows = of_family(family_id)
    if not rows:
        raise NotFound
    best = next((row for row in rows if row.state.state != "closed"), rows[0])
    return redirect(case_href(best.id), 303)


@blueprint.get("/families/<uuid:family_id>/panel")
@roles(*STAFF)
def panel(family_id: UUID) -> Any:
    """The family's cases: a panel where htmx asks for one, else a page."""
    rows = of_family(family_id)
    log_reading(rows, "cases")
    template = "casework/panel.html" if ui.is_htmx() else "casework/panel_page.html"
    return ui.page(template, active="cases", family_id=str(family_id), rows=[row_of(row) for row in rows])


def of_family(family_id: UUID) -> Sequence[Saved[Case]]:
    """The cases of a family that the caller may read, newest first."""
    rows, _ = queries.listed(service(), actor(), {"family_id": str(family_id)}, None, OF_A_FAMILY)
    return rows


def row_of(saved: Saved[Case]) -> dict[str, Any]:
    """A case in a list: with what is due first, and its clock."""
    case, at = saved.state, now()
    first = min(case.open, key=lambda item: item.due_at, default=None)
    return {
        "id": saved.id,
        "href": case_href(saved.id),
        "case": case,
        "first": first,
        "clock": clock_of(first, at) if first else None,
    }


def wanted(chosen: Mapping[str, str]) -> dict[str, Any]:
    """What the page's filters ask of the query."""
    asked: dict[str, Any] = {}
    if chosen["state"] == OPEN:
        asked["is_open"] = True
    elif chosen["state"] != ALL:
        asked["state"] = chosen["state"]
    if chosen["holder"] != ALL:
        asked["holder"] = actor().sub if chosen["holder"] == MINE else chosen["holder"]
    if chosen["due"]:
        asked["due_before"] = due_before(chosen["due"], now())
    return asked


def due_before(due: str, at: datetime) -> datetime:
    """The end of a span of days that begins now, in Almaty: nothing (late), today, seven days."""
    if due == "late":
        return at
    days = 1 if due == "today" else 7
    return datetime.combine(words.local(at).date() + timedelta(days=days), time(), ALMATY)


def address(chosen: Mapping[str, str], after: Position | None = None) -> str:
    """The address of the list with these filters, from the beginning or after a row."""
    query = {name: value for name, value in chosen.items() if value}
    if after is not None:
        query["cursor"] = encode_cursor(after)
    return f"{request.path}?{urlencode(query)}"
