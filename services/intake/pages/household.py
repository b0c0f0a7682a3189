"""In what danger a family is, and who belongs to it: the two things that anybody who may read the file may correct."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from services.intake.api.here import intake
from services.intake.domain.danger import KINDS
from services.intake.domain.family import RELATIONS, Family
from services.intake.pages import names
from services.intake.pages.changes import meanwhile
from services.intake.pages.families import household
from services.intake.queries import files
from services.intake.schemas.commands import FamilyDangerIn, MembersIn
from services.intake.schemas.said import SEXES
from services.intake.use_cases import families, reading
from shared import ui
from shared.aggregate import Saved
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Code, QueryCount, Schema
from shared.refusals import NotFound
from shared.ui import Pages, forms
from shared.ui.forms import Form

blueprint = Pages("household_pages", __name__, url_prefix="/intake")

DO = ("add", "change", "remove")


class MembersArgs(Schema):
    """Which of the forms stands on the page, and about which member."""

    do = Code(DO)
    n = QueryCount(1)


# Danger -------------------------------------------------------------------------------------------


@blueprint.get("/families/<uuid:family_id>/danger")
@roles("worker", "supervisor")
def danger(family_id: UUID) -> Any:
    """What is known of the danger, and the form to say more"""
    saved = reading.family(intake(), actor(), str(family_id))
    return show_danger(saved, forms.blank(version=saved.version))


@blueprint.post("/families/<uuid:family_id>/danger")
@roles("worker", "supervisor")
def say_danger(family_id: UUID) -> Any:
    """Record in what danger the family is; only a supervisor lowers it"""
    form, id = forms.sent(FamilyDangerIn), str(family_id)
    if form.ready:
        saved = form.attempt(
            lambda: families.say_danger(intake(), actor(), form.ask("danger"), id, **form.data)
        )
        if saved:
            return ui.done(saved, f"/intake/families/{id}")
    return show_danger(reading.family(intake(), actor(), id), form)


def show_danger(saved: Saved[Family], form: Form) -> Any:
    return show("intake/danger.html", saved, form, kinds=KINDS, may_lower=actor().is_a("supervisor"))


# Members ------------------------------------------------------------------------------------------


@blueprint.get("/families/<uuid:family_id>/members")
@roles("worker", "supervisor")
def members(family_id: UUID) -> Any:
    """Who belongs to the family, and a form: to add somebody, or to change or remove the member that the address names"""
    saved = reading.family(intake(), actor(), str(family_id))
    do, n = asked()
    return show_members(saved, forms.blank(initial(saved.state, do, n), version=saved.version))


@blueprint.post("/families/<uuid:family_id>/members")
@roles("worker", "supervisor")
def change_members(family_id: UUID) -> Any:
    """Add, change or remove a member"""
    asked()  # else a wrong address would be told only of a form that comes back
    form, id = forms.sent(MembersIn), str(family_id)
    if form.ready:
        do = next(each for each in DO if each in form.data)  # what was sent counts, whatever the address says
        saved = form.attempt(lambda: CHANGES[do](form, id))
        if saved:
            return ui.done(saved, f"/intake/families/{id}/members")
    return show_members(reading.family(intake(), actor(), id), form)


def asked() -> tuple[str, int | None]:
    """What the address asks for: add, or change or remove a member, and the member's number."""
    args = ui.query(MembersArgs)
    return args.get("do", "add"), args.get("n")


def add(form: Form, id: str) -> Saved[Family]:
    line, reason = form.data["add"], form.data["reason"]
    return families.add_member(intake(), actor(), form.ask("members"), id, line=line, reason=reason)


def change(form: Form, id: str) -> Saved[Family]:
    changes = dict(form.data["change"])
    n, reason = changes.pop("n"), form.data["reason"]
    return families.change_member(
        intake(), actor(), form.ask("members"), id, n=n, changes=changes, reason=reason
    )


def remove(form: Form, id: str) -> Saved[Family]:
    n, reason = form.data["remove"]["n"], form.data["reason"]
    return families.remove_member(intake(), actor(), form.ask("members"), id, n=n, reason=reason)


CHANGES: Mapping[str, Callable[[Form, str], Saved[Family]]] = {"add": add, "change": change, "remove": remove}


def initial(family: Family, do: str, n: int | None) -> dict[str, Any]:
    """What stands in the form at first. Raises NotFound for a member that the family does not have."""
    if do == "add":
        return {}
    member = next((member for member in family.members if member.n == n), None)
    if member is None:
        raise NotFound
    if do == "remove":
        return {"remove": {"n": n}}
    return {"change": {"n": n, "relation": member.relation, "alleged_abuser": member.alleged_abuser}}


def show_members(saved: Saved[Family], form: Form) -> Any:
    do, n = asked()
    members = household(files.shown_family(intake(), saved))
    return show(
        "intake/members.html",
        saved,
        form,
        do=do,
        member=next((each for each in members if each["n"] == n), None),
        members=members,
        relations=RELATIONS,
        sexes=SEXES,
    )


# Both ---------------------------------------------------------------------------------------------


def show(template: str, saved: Saved[Family], form: Form, **values: Any) -> Any:
    """A page of a family with one form; the reading is logged like that of the file."""
    intake().store.access_log.write(actor(), now(), what="family", family_ids=[saved.id], subject=saved.id)
    return ui.form_page(
        template,
        form,
        active="cases",
        who=names.of_family(saved),
        family=saved.state,
        address=f"/intake/families/{saved.id}",
        changes=meanwhile(form, saved.id, saved),
        **values,
    )
