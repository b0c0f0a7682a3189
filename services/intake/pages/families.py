"""The family's file: what has to be done, what has happened in all services, who belongs to it, and who has read it.

The panels of case, referrals and messages come from those services. One line in the access log per page: the page is one reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import marshmallow as ma
from flask import request

from services.intake import texts
from services.intake.api.here import intake
from services.intake.domain.appeal import HOW_TOLD
from services.intake.domain.danger import all_asked
from services.intake.domain.family import SAME_PERSON, Family
from services.intake.domain.items import Notice, notice, waits_for
from services.intake.pages import names, rows
from services.intake.pages.changes import meanwhile
from services.intake.pages.worklist import wait_for_own_change
from services.intake.queries import files, history, people
from services.intake.schemas.commands import NoteIn, NoticeIn
from services.intake.schemas.reading import SERVICES
from services.intake.use_cases import families, reading
from shared import reference, ui
from shared.access import may_act
from shared.aggregate import Saved
from shared.events import CATALOGUE, declared
from shared.http import actor, decode_cursor, roles
from shared.http.conditions import now
from shared.http.fields import Code, Schema
from shared.http.paging import encode_cursor
from shared.i18n import N_, request_language
from shared.refusals import Invalid
from shared.ui import Pages, forms, words
from shared.ui.forms import Form

blueprint = Pages("families_pages", __name__, url_prefix="/intake")

EVENTS = 30
"""How many events a page of the timeline shows."""
READINGS = 50
READERS = 5
"""How many people the file names as its last readers; they are looked for among the last READINGS readings."""
APPEALS = 20
PLACES = {
    "appeal": "/intake/appeals/{}",
    "case": "/casework/cases/{}",
    "referral": "/referrals/referrals/{}",
    "message": "/notifications/messages/{}",
}
"""What an event of the timeline leads to, by what it is of."""


class FileArgs(Schema):
    """Which services the timeline tells of (none: all), and where its earlier part begins."""

    intake = Code(("yes",))
    casework = Code(("yes",))
    referrals = Code(("yes",))
    notifications = Code(("yes",))
    before = ma.fields.String()


class ReadersArgs(Schema):
    before = ma.fields.String()


# The file -----------------------------------------------------------------------------------------


@blueprint.get("/families/<uuid:family_id>")
@roles("worker", "supervisor")
def file(family_id: UUID) -> Any:
    """A family's file"""
    return show(reading.family(intake(), actor(), str(family_id)), ui.query(FileArgs))


def show(
    saved: Saved[Family],
    chosen: Mapping[str, Any],
    sent: Mapping[str, Form] | None = None,
    changes: Sequence[Mapping[str, Any]] = (),
) -> Any:
    """The file. `chosen`: see FileArgs; `sent`: the form that is given back, by its command; `changes`: what happened meanwhile."""
    arrived = wait_for_own_change()
    at, family, sent = now(), saved.state, sent or {}
    services = [service for service in SERVICES if service in chosen]
    position = decode_cursor(chosen.get("before"), history.HAPPENED)
    events, following = history.timeline(intake(), saved.id, position, EVENTS, services)
    items, shown = open_items(saved, at, arrived), files.shown_family(intake(), saved)
    intake().store.access_log.write(actor(), at, what="family", family_ids=[saved.id], subject=saved.id)
    return ui.form_page(
        "intake/family.html",
        next(iter(sent.values()), forms.blank()),
        active="cases",
        who=names.of_family(saved),
        family=shown,
        household=household(shown),
        appeals=files.appeals(intake(), actor(), {"family_id": saved.id}, None, APPEALS)[0],
        to_do=items,
        arrived=arrived,
        all_asked=all_asked(family.danger),
        forms={command: sent.get(command) or blank(command, saved) for command in COMMANDS},
        acts=may_act(actor(), family.holder, family.center_id),
        changes=changes,
        bodies=waiting_notices(family),
        looks=waits_for(family.open, SAME_PERSON),
        how_told=HOW_TOLD,
        days=days(events),
        services=SERVICES,
        shown_services=services or SERVICES,
        newest=_query(services) if position else None,
        earlier=_query(services, before=encode_cursor(following)) if following else None,
        readers=last_readers(saved.id) if reading.may_see_readers(actor(), family) else None,
    )


def open_items(saved: Saved[Family], at: datetime, arrived: bool) -> list[rows.Row]:
    """What waits to be done for the family, of all services. What this browser has just done is not offered again."""
    found = intake().store.worklist.of_family(saved.id)
    done = ui.just_done()
    if done and not arrived:
        found = [row for row in found if row["subject"] != done[0]]
    return rows.shown(intake(), found, at)


def household(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of a family as it is shown, each with what else is known of him: `{…, phone, birth_year}`."""
    persons = people.persons(intake().store, [m["person_id"] for m in shown["members"] if m["person_id"]])
    described = [
        persons[m["person_id"]].state if m["person_id"] else m["described"] for m in shown["members"]
    ]
    return [
        {**member, "phone": known.phone, "birth_year": known.birth_year}
        for member, known in zip(shown["members"], described, strict=True)
    ]


# Commands that are given on the file itself -------------------------------------------------------


@blueprint.post("/families/<uuid:family_id>")
@roles("worker", "supervisor")
def act(family_id: UUID) -> Any:
    """One of the file's forms; which one, it says in `_form`"""
    command, id = request.form.get("_form", ""), str(family_id)
    if command not in COMMANDS:
        raise Invalid({"_form": [N_("Choose one of these.")]})
    schema, do = COMMANDS[command]
    form = forms.sent(schema)
    if form.ready and (saved := form.attempt(lambda: do(form, id))):
        return ui.done(saved, f"/intake/families/{id}")
    current = reading.family(intake(), actor(), id)
    return show(current, {}, {command: form}, meanwhile(form, id, current))


def tell(form: Form, id: str) -> Saved[Family]:
    given = Notice(**form.data, actor=actor().sub)
    return families.tell(intake(), actor(), form.ask("notices"), id, given)


def look(form: Form, id: str) -> Saved[Family]:
    return families.look_at_same_person(intake(), actor(), form.ask("same-person"), id, **form.data)


COMMANDS: Mapping[str, tuple[type[Schema], Callable[[Form, str], Saved[Family]]]] = {
    "notices": (NoticeIn, tell),
    "same-person": (NoteIn, look),
}


def blank(command: str, saved: Saved[Family]) -> Form:
    """A form of the file as it is at first. Mostly a notice is written down just after the call, and often one body waits."""
    if command != "notices":
        return forms.blank(version=saved.version)
    bodies = waiting_notices(saved.state)
    return forms.blank({"body": bodies[0] if len(bodies) == 1 else None, "told_at": now()}, saved.version)


def waiting_notices(family: Family) -> list[str]:
    """The bodies that must be told, where the file itself holds the notice."""
    return [body for body in reference.SERVICE_KINDS if waits_for(family.open, notice(body))]


# The timeline -------------------------------------------------------------------------------------


def days(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events by day, in the shape of the macro `timeline`."""
    by_day = groupby(events, key=lambda row: words.local(row["occurred_at"]).date())
    return [
        {"heading": words.day_heading(day), "entries": [_entry(row) for row in some]} for day, some in by_day
    ]


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = CATALOGUE.get(row["type"])
    place = PLACES.get(declared(kind).subject) if kind else None
    return {
        "time": words.time_of(row["occurred_at"]),
        "service": row["service"],
        "title": texts.sentence(row["name"], row["said"], request_language()),
        "by": words.staff(row["actor"]),
        "href": place.format(row["subject"]) if place else None,
    }


def _query(services: Sequence[str], **more: str) -> str:
    """The query of the file that shows these services."""
    return "?" + urlencode({**dict.fromkeys(services, "yes"), **more})


# Who has read it ----------------------------------------------------------------------------------


@blueprint.get("/families/<uuid:family_id>/readers")
@roles("worker", "supervisor", "auditor")
def readers(family_id: UUID) -> Any:
    """Who has read a family's file, newest first"""
    saved = reading.readers(intake(), actor(), str(family_id))
    position = decode_cursor(ui.query(ReadersArgs).get("before"), history.READ)
    lines, following = history.readings(intake(), saved.id, position, READINGS)
    intake().store.access_log.write(actor(), now(), what="access-log", family_ids=[saved.id])
    by_day = groupby(lines, key=lambda line: words.local(line["at"]).date())
    return ui.page(
        "intake/readers.html",
        active="cases",
        who=None if actor().is_a("auditor") else names.of_family(saved),
        family_id=saved.id,
        days=[(words.day_heading(day), list(some)) for day, some in by_day],
        earlier=f"?before={encode_cursor(following)}" if following else None,
    )


def last_readers(id: str) -> list[dict[str, Any]]:
    """The last few people who have read it, each with the newest line."""
    lines, _ = history.readings(intake(), id, None, READINGS)
    newest: dict[str, dict[str, Any]] = {}
    for line in lines:
        newest.setdefault(line["actor"], line)
    return list(newest.values())[:READERS]
