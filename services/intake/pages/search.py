"""Finding a person, from the box in the header. What is looked for is personal: it is sent, and never stands in an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.intake.api.here import intake
from services.intake.api.search import found
from services.intake.domain.family import Family
from services.intake.domain.person import Person
from services.intake.queries import people, worklist
from services.intake.queries.search import NUMBER
from services.intake.schemas.reading import SearchIn
from shared import ui
from shared.access import Known
from shared.aggregate import Saved
from shared.http import roles
from shared.ui import Pages, forms, words

blueprint = Pages("search_pages", __name__, url_prefix="/intake")

MOST = 50
"""How many persons are shown. Who is not among them is found by more letters of the name."""


@blueprint.get("/search")
@roles("worker", "supervisor")
def ask() -> Any:
    """What can be searched by"""
    return ui.page("intake/search.html", active="search", form=forms.blank())


@blueprint.post("/search")
@roles("worker", "supervisor")
def search() -> Any:
    """Persons by IIN, phone, appeal number or the beginning of a family name, of files that the caller may read"""
    form = forms.sent(SearchIn)
    if not form.ready:
        return ui.form_page("intake/search.html", form, active="search")
    persons = found(form.data["q"], MOST)
    return ui.page(
        "intake/search.html",
        active="search",
        form=form,
        searched=form.value("q"),
        rows=[row(person, family) for person, family in persons],
        cut=len(persons) == MOST,
        appeal=appeal_numbered(form.data["q"], {family.id for _, family in persons}),
    )


def row(person: Saved[Person], family: Saved[Family]) -> dict[str, Any]:
    """Somebody who was found: `{name, born, age, family_id, center_ids, badges, holder}`"""
    state = person.state
    return {
        "name": people.full_name(state),
        "born": words.day(state.birth_date) if state.birth_date else state.birth_year,
        "age": words.age(state.birth_date),
        "family_id": family.id,
        "center_ids": family.state.center_ids,
        "badges": worklist.badges(Known(danger=vars(family.state.danger)), person),
        "holder": family.state.holder,
    }


def appeal_numbered(q: str, families: Iterable[str]) -> dict[str, Any] | None:
    """The appeal with that number, of one of these families: its id and number."""
    if not NUMBER.fullmatch(q):
        return None
    asked = {"number": q, "family_id": {"$in": list(families)}}
    return intake().store.appeals.collection.find_one(asked, {"number": 1})
