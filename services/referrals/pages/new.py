"""Sending a referral: which service, how urgent, why, and what the agency may see of the client.

The services of a kind and place are shown by the same form that sends the referral: its button "show" (`_find`) gives the page back
with everything that was typed, so it works without script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from services.referrals import queries, use_cases
from services.referrals.domain.case import KnownCase
from services.referrals.domain.directory import Service, choose
from services.referrals.domain.referral import DISCLOSABLE, PRIORITIES
from services.referrals.doors import STAFF, service, shown
from services.referrals.pages import lines, lists
from services.referrals.pages.followed import href
from services.referrals.reading import readable
from services.referrals.schemas import ReferralIn
from shared import reference, ui
from shared.http import actor, roles
from shared.http.conditions import now
from shared.http.fields import Id, QueryCount, Schema
from shared.i18n import N_
from shared.reference import SERVICE_KINDS
from shared.refusals import NotFound
from shared.ui import Pages, forms
from shared.ui.forms import Form

blueprint = Pages("new_referral", __name__, url_prefix="/referrals")

FIND = "_find"
REGION, ONLY_FREE = "region", "open_places"
"""Fields that narrow the list of services; the referral does not have them."""
MOST_SERVICES = 50
KEPT = ("service_kind", "measure", "priority", "reason", "disclose")
"""What a referral has in common with the one that it replaces, until somebody says otherwise."""


class About(Schema):
    """What the referral is for: ids and a number, in the address."""

    case_id = Id(required=True)
    measure = QueryCount(1)
    replaces = Id()


@dataclass(frozen=True)
class Offer:
    """A service that may be asked. `declined`: its agency did not give this kind of help for this case before."""

    service: Service
    declined: bool


@blueprint.get("/new")
@roles(*STAFF)
def blank() -> Any:
    """An empty form; for one that replaces another, with what that one said"""
    about = ui.query(About)
    case = _case(about)
    replaced = _replaced(about)
    center = reference.center(case.center_id)
    form = forms.blank(
        {
            **{name: replaced[name] for name in KEPT if replaced},
            **about,
            REGION: center.region if center else None,
        }
    )
    return _page(form, about, case, replaced)


@blueprint.post("/new")
@roles(*STAFF)
def send() -> Any:
    """Show the services that fit, or send the referral"""
    about = ui.query(About)
    case = _case(about)
    form = forms.sent(ReferralIn)
    if FIND in request.form:
        form.errors, form.was_sent = {}, False
    elif not form.value("service_id"):
        form.errors |= _nothing_chosen(form)
    if form.ready:
        saved = form.attempt(
            lambda: use_cases.request_referral(service(), actor(), form.once(), now=now(), **form.data)
        )
        if saved:
            return ui.done(saved, href(saved.id), "sent")
    return _page(form, about, case, _replaced(about))


def _case(about: Mapping[str, Any]) -> KnownCase:
    """The case that is referred from. It is somebody's, so its reading is logged. Raises NotFound, Forbidden."""
    case = queries.case_to_refer(service(), actor(), about["case_id"], about.get("measure"))
    service().store.access_log.write(
        actor(), now(), what="case", family_ids=[case.family_id], subject=about["case_id"]
    )
    return case


def _replaced(about: Mapping[str, Any]) -> dict[str, Any] | None:
    """The referral in whose place another one is sent. Raises NotFound."""
    if "replaces" not in about:
        return None
    saved = readable(service(), actor(), about["replaces"])
    if saved.state.case_id != about["case_id"]:
        raise NotFound
    (referral,) = shown([saved], "referral")
    return referral


def _nothing_chosen(form: Form) -> dict[str, list[str]]:
    """A person is to see whom he asks: the API alone chooses an agency by itself."""
    if not form.value("service_kind"):
        return {"service_kind": [N_("Choose what kind of help is needed.")]}
    return {"service_id": [N_("Choose one of the services.")]}


def _page(form: Form, about: Mapping[str, Any], case: KnownCase, replaced: Mapping[str, Any] | None) -> Any:
    at = now()
    offers = _offers(form, about["case_id"])
    if form.value("service_id") not in [each.service.id for each in offers]:
        _propose(form, offers, case)
    before = queries.newest(service(), {"case_id": about["case_id"]}, None, lists.ROWS)[0]
    return ui.form_page(
        "referrals/new.html",
        form,
        active="referrals",
        case=case,
        about=about,
        replaced=replaced and lines.row(replaced, at),
        kinds=SERVICE_KINDS,
        regions=[region.code for region in reference.regions()],
        offers=offers,
        measures=_measures(case, form),
        priorities=PRIORITIES,
        answers=_answers(at),
        disclosable=DISCLOSABLE,
        before=[lines.row(each, at) for each in shown(before, "referrals")],
    )


def _offers(form: Form, case_id: str) -> list[Offer]:
    """The services of the kind and place that stand in the form, those first that have not declined and have places."""
    kind, region = form.value("service_kind"), reference.region(form.value(REGION))
    if kind not in SERVICE_KINDS or region is None:
        return []
    places = 1 if form.value(ONLY_FREE) else 0
    found, _ = queries.directory(service(), kind, region.kato, places, None, MOST_SERVICES)
    declined = service().store.declined(case_id, kind)
    offers = [Offer(each, each.agency_id in declined) for each in found]
    return sorted(offers, key=lambda each: (each.declined, each.service.is_full))


def _propose(form: Form, offers: Sequence[Offer], case: KnownCase) -> None:
    """Let the service be marked that would be asked if only the kind was named; unless somebody is just being told to choose."""
    center = reference.center(case.center_id)
    declined = {each.service.agency_id for each in offers if each.declined}
    best = choose([each.service for each in offers], center.kato if center else "", declined)
    form.raw.setlist("service_id", [best.id] if best else [])


def _measures(case: KnownCase, form: Form) -> list[tuple[str, str]]:
    """The measures that are still to be given: `(n, kind)`; also the one that stands in the form, whatever became of it."""
    found = [(str(each.n), each.kind) for each in case.measures if case.has_open(each.n)]
    chosen = form.value("measure")
    return found if not chosen or chosen in dict(found) else [*found, (chosen, "")]


def _answers(at: datetime) -> dict[str, datetime]:
    """Priority → by when the agency has to answer."""
    return {each: service().policy.deadlines.due(f"answer-{each}", at) for each in PRIORITIES}
