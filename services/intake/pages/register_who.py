"""Who is it? What the register page says of the people known who may be the person described, and what was answered.

The fields `match.*` of the form hold the answer: this person (`match.person_id`), or somebody new (`match.new`), once all who came
into question were denied (`register_form.NOT`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.intake.api.here import intake
from services.intake.domain.person import Address
from services.intake.pages import register_form as typed
from services.intake.pages.appeals import field_name
from services.intake.pages.register_form import say
from services.intake.queries.people import full_name
from services.intake.use_cases.looking import Answer, Like, who_may_it_be
from shared import reference
from shared.http import actor
from shared.i18n import N_, request_language
from shared.ui import forms, words
from shared.ui.forms import Form

PERSON, NEW = "match.person_id", "match.new"
WORD_JOINER = "\u2060"
FROM_THE_FILE = ("family_name", "given_name", "patronymic", "birth_date", "sex", "language")
"""What need not be asked of somebody known. Where she lives and how to reach her is asked each time: that changes."""


def answered(form: Form, button: str) -> bool:
    """Put the answer that a button gives into the form: `is:<person>`, `not:<person>`, or `anew`. Whether it gives one."""
    what, _, person_id = button.partition(":")
    if what not in ("is", "not", "anew"):
        return False
    form.raw.poplist(PERSON)
    if what == "anew":
        form.raw.poplist(typed.NOT)
    elif what == "is":
        form.raw[PERSON] = person_id
    else:
        form.raw.add(typed.NOT, person_id)
    return True


def take_over(form: Form, button: str, at: datetime) -> None:
    """After the button `fill:<person>`: let what the file says of the person stand where nothing was typed; nothing of somebody who
    was not shown."""
    what, _, person_id = button.partition(":")
    if what != "fill":
        return
    everybody = who_may_it_be(intake(), actor(), typed.described(form), at).everybody
    for like in everybody:
        if like.person_id == person_id:
            for name, value in _known_beyond(form, like).items():
                form.raw[f"applicant.{name}"] = value


def _known_beyond(form: Form, like: Like) -> dict[str, str]:
    """Field → what the file says, of the fields that are empty in the form."""
    known = {name: getattr(like.person, name) for name in FROM_THE_FILE}
    return {
        name: forms.typed(value)
        for name, value in known.items()
        if value and not form.value(f"applicant.{name}").strip()
    }


def who_is_it(form: Form, at: datetime) -> dict[str, Any]:
    """What the page says of the people known: `who` (`known`, `chosen`, `candidates`, `none`: which text stands there), `fills`
    (whether the file of the one known or chosen says more than the form), `iin`, `born_note`. The hidden fields `match.*` follow
    from it: an answer given about somebody else does not stay."""
    said = typed.described(form)
    answer = who_may_it_be(intake(), actor(), said, at)
    denied = [like.person_id for like in answer.candidates if like.person_id in set(form.values(typed.NOT))]
    chosen = next((one for one in answer.candidates if one.person_id == form.value(PERSON)), None)
    rest = [one for one in answer.candidates if one.person_id not in denied]
    is_new = bool(denied) and not rest and chosen is None
    hidden = [(typed.NOT, id) for id in denied]
    hidden += [(PERSON, chosen.person_id)] if chosen else [(NEW, "true")] if is_new else []
    return {
        "who": _which(answer, chosen, is_new, said),
        "known": _shown(answer.known) if answer.known else None,
        "chosen": _shown(chosen) if chosen else None,
        "fills": any(_known_beyond(form, like) for like in (answer.known or chosen,) if like),
        "candidates": [_shown(like) for like in rest],
        "hidden_match": hidden,
        "iin": typed.number(form),
        "born_note": typed.born_note(form, said),
    }


def _which(answer: Answer, chosen: Like | None, is_new: bool, said: Any) -> str:
    if answer.known:
        return "known"
    if chosen:
        return "chosen"
    if is_new:
        return "new"
    if answer.candidates:
        return "candidates"
    is_described = said.iin or (said.family_name and said.given_name and (said.birth_date or said.birth_year))
    return "nobody" if is_described else "too-little"


def ending(number: str) -> str:
    """Its last four digits, which stay on the line of the three dots before them."""
    return f"{WORD_JOINER}{number[-4:]}"


def _shown(like: Like) -> dict[str, Any]:
    person = like.person
    came = like.last_came_at
    facts = [
        words.day(person.birth_date) if person.birth_date else person.birth_year,
        say(N_("last came on {day}"), day=words.day(words.local(came).date())) if came else None,
        say(N_("IIN …{digits}"), digits=ending(person.iin)) if person.iin else say(N_("no IIN in the file")),
    ]
    return {
        "id": like.person_id,
        "name": full_name(person),
        "score": round(like.score * 100),
        "second": " · ".join(str(fact) for fact in facts if fact),
        "href": f"/intake/families/{person.family_id}",
        "is_it": words.word("that_is", person.sex or "unknown"),
        "reasons": [(True, words.word("match_reason", each)) for each in like.reasons]
        + [(False, _differing(each, getattr(person, each))) for each in like.differs],
    }


HOW_SHOWN: dict[str, Callable[[Any], str]] = {
    "phone": lambda phone: f"…{ending(phone)}",
    "iin": lambda iin: f"…{ending(iin)}",
    "birth_date": words.day,
    "sex": lambda sex: words.word("sex", sex),
    "language": lambda language: words.word("spoken", language),
    "no_iin_reason": lambda reason: words.word("no_iin_reason", reason),
    "address": lambda address: _place(address),
}


def _differing(name: str, known: Any) -> str:
    shown = HOW_SHOWN.get(name, str)(known) if known else words.DASH
    return say(N_("in the file {field}: {known}"), field=field_name(name), known=shown)


def _place(address: Address) -> str:
    region = reference.region_of(address.kato)
    return address.line or (region.name[request_language()] if region else words.DASH)
