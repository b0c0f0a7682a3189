"""The worklist: the first page after log-in. What is mine and what partners have of it; the center's, by worker; nobody's."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.intake.api.here import intake
from services.intake.pages import rows
from services.intake.queries import worklist
from services.intake.schemas.reading import SERVICES
from shared import ui
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, QueryFlag, ReadableId, Schema
from shared.ui import Pages, words

blueprint = Pages("worklist_page", __name__, url_prefix="/intake")

LOAD = Path(__file__).parents[1] / "policy" / "load.toml"
VIEWS = ("mine", "center", "nobody")
MOST = 500
"""How many items are looked at, the earliest first: more than anybody can look through."""
WAIT_SECONDS = 1.0
LOOK_SECONDS = 0.02


class Filters(Schema):
    """What stands in the address: codes and ids only, so that a list can be sent to a colleague."""

    view = Code(VIEWS)
    show = Code((*rows.GROUPS, "danger", "all"))
    service = Code(SERVICES)
    holder = ReadableId()
    danger = QueryFlag()
    by_phone = QueryFlag()


@blueprint.get("/worklist")
@roles("worker", "supervisor")
def page() -> Any:
    """What waits to be done, by due time"""
    chosen = ui.query(Filters)
    view = chosen.get("view") or "mine"
    arrived = wait_for_own_change()
    at = now()
    found = read(view, chosen, at)
    if not arrived:  # what was just done is on its way: it must not be offered again
        found = [row for row in found if row["subject"] != ui.just_done()[0]]
    danger = worklist.in_danger(intake(), {row["family_id"] for row in found})
    by_worker = view == "center" and actor().is_a("supervisor") and not chosen.keys() - {"view", "show"}
    pressing = by_worker and "show" not in chosen
    wanted = [
        row for row in found if _wanted(row, chosen, danger, at) and (not pressing or _is_pressing(row, at))
    ]
    shown = rows.shown(intake(), wanted, at)
    if chosen.get("by_phone"):
        shown = [row for row in shown if {"no-sms", "sms-unknown"} & set(row.badges)]
    load = load_of(found, danger, at) if by_worker else []
    families = [row.family_id for row in shown]
    intake().store.access_log.write(actor(), at, what="worklist", family_ids=families)
    return ui.page(
        "intake/worklist.html",
        active="worklist",
        view=view,
        chosen=chosen,
        arrived=arrived,
        at=at,
        counters_of=counters(found, danger, chosen, at),
        tabs_of=tabs(view, at),
        groups=grouped(shown),
        pressing=pressing,
        found=len(found),
        total=len(shown),
        cut=len(found) >= MOST,
        load=load,
        most=max([norm(), *(line["open"] for line in load)]),
        norm=norm(),
        services=SERVICES,
    )


def read(view: str, chosen: Mapping[str, Any], at: datetime) -> list[dict[str, Any]]:
    filters = {"view": view, "service": chosen.get("service"), "holder": chosen.get("holder"), "now": at}
    return intake().store.worklist.find(actor(), filters, None, MOST)


def wait_for_own_change() -> bool:
    """Whether what this browser has just done has arrived in the worklist; waits up to a second for it."""
    done = ui.just_done()
    if done is None:
        return True
    end = time.monotonic() + WAIT_SECONDS
    while not intake().store.worklist.has(*done):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _wanted(row: Mapping[str, Any], chosen: Mapping[str, Any], danger: set[str], at: datetime) -> bool:
    show = chosen.get("show")
    if (chosen.get("danger") or show == "danger") and row["family_id"] not in danger:
        return False
    return show in (None, "danger", "all") or rows.group_of(row, at) == show


def _is_pressing(row: Mapping[str, Any], at: datetime) -> bool:
    """What a supervisor has to see first: what is late, and what has no owner."""
    return row["due_at"] < at or row["owner"]["kind"] == "center"


def counters(
    found: Sequence[Mapping[str, Any]], danger: set[str], chosen: Mapping[str, Any], at: datetime
) -> list[dict[str, Any]]:
    """Numbers that filter: `{key, n, href, chosen}`. The one that is chosen leads back to all."""
    groups = Counter(rows.group_of(row, at) for row in found)
    numbers = {key: groups[key] for key in ("overdue", "today", "week", "partner")} | {"danger": len(danger)}
    return [
        {
            "key": key,
            "n": n,
            "chosen": chosen.get("show") == key,
            "href": address(chosen, show=None if chosen.get("show") == key else key),
        }
        for key, n in numbers.items()
    ]


def tabs(view: str, at: datetime) -> list[dict[str, Any]]:
    """The three views with how much there is in each: `{key, n, href, chosen}`."""
    return [
        {
            "key": key,
            "n": intake().store.worklist.count(actor(), {"view": key, "now": at}, MOST),
            "chosen": key == view,
            "href": address({}, view=None if key == "mine" else key),
        }
        for key in VIEWS
    ]


def grouped(shown: Sequence[rows.Row]) -> list[tuple[str, list[rows.Row]]]:
    found = [(group, [row for row in shown if row.group == group]) for group in rows.GROUPS]
    return [(group, some) for group, some in found if some]


def load_of(
    found: Sequence[Mapping[str, Any]], danger: set[str], at: datetime
) -> list[dict[str, Any]]:
    """One line per member of staff who answers for something: `{holder, open, late, today, later, danger, clock, href}`, the
    fullest with late items first."""
    by_holder: dict[str, list[Mapping[str, Any]]] = {}
    for row in found:
        by_holder.setdefault(row["holder"], []).append(row)
    lines = [_line(holder, some, danger, at) for holder, some in by_holder.items()]
    return sorted(lines, key=lambda line: (-line["late"], -line["open"], line["holder"]))


def _line(
    holder: str, some: Sequence[Mapping[str, Any]], danger: set[str], at: datetime
) -> dict[str, Any]:
    groups = Counter(rows.group_of(row, at) for row in some)
    late, today = groups["overdue"], groups["today"]
    first = min(row["due_at"] for row in some)
    return {
        "holder": holder,
        "open": len(some),
        "late": late,
        "today": today,
        "later": len(some) - late - today,
        "danger": len({row["family_id"] for row in some} & danger),
        "clock": words.clock(first, at),
        "href": address({}, view="center", holder=holder),
    }


@cache
def norm() -> int:
    """How many open items one member of staff can look after (policy)."""
    return tomllib.loads(LOAD.read_text(encoding="utf-8"))["open_items"]


def address(chosen: Mapping[str, Any], **changes: str | None) -> str:
    """The page with some filters changed; None takes one away."""
    kept = {name: value for name, value in {**chosen, **changes}.items() if value not in (None, False)}
    query = urlencode({name: "true" if value is True else value for name, value in kept.items()})
    return f"/intake/worklist?{query}" if query else "/intake/worklist"
