"""What the two doors tell, and what they refuse."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.doors import KnownReferral, disclosed_fields, why_not_by_sms
from services.intake.schemas.reading import AccessLogRow, ContactIn
from shared.events import Danger
from shared.refusals import Forbidden, NoConsent, Unavailable

REFERRAL = KnownReferral(
    person_id="p", family_id="f", agency_id="agency-health-astana", service_kind="health",
    disclose=("name", "phone"), state="accepted", sequence="0001-000000000002",
)  # fmt: skip


def ask(referral, **more):
    asked = {"person_id": "p", "agency_id": "agency-health-astana", "consents": {"share:health"}, **more}
    return disclosed_fields(referral, **asked)


@pytest.mark.parametrize("state", ["accepted", "in-progress", "on-hold"])
def test_what_the_referral_names_is_told_while_the_partner_works(state):
    assert ask(replace(REFERRAL, state=state)) == ("name", "phone")


@pytest.mark.parametrize("state", ["completed", "rejected", "cancelled", "expired", "failed", "of-tomorrow"])
def test_nothing_is_told_after_the_end(state):
    with pytest.raises(Forbidden):
        ask(replace(REFERRAL, state=state))


def test_what_has_not_arrived_yet_is_asked_for_again():
    for referral in (None, replace(REFERRAL, state="requested")):
        with pytest.raises(Unavailable):
            ask(referral)


@pytest.mark.parametrize("more", [{"person_id": "q"}, {"agency_id": "agency-police-astana"}])
def test_another_person_or_agency_is_told_nothing_in_any_state(more):
    for state in ("requested", "accepted", "completed"):
        with pytest.raises(Forbidden):
            ask(replace(REFERRAL, state=state), **more)


def test_without_consent_the_missing_scope_is_named():
    with pytest.raises(NoConsent) as refused:
        ask(REFERRAL, consents={"share:police", "sms"})
    assert refused.value.scopes == ["share:health"]


@given(
    phone=st.none() | st.just("+77010000000"),
    sms=st.sampled_from(["yes", "no", "unknown"]),
    violence=st.none() | st.booleans(),
    consents=st.frozensets(st.sampled_from(["sms", "processing"])),
)
def test_an_sms_leaves_only_when_everything_says_so(phone, sms, violence, consents):
    reason = why_not_by_sms(
        phone=phone, sms=sms, danger=Danger(domestic_violence=violence), consents=consents
    )
    allowed = bool(phone) and sms == "yes" and violence is not True and "sms" in consents
    assert (reason is None) == allowed
    if violence:
        assert reason == "domestic-violence"


def test_the_longest_name_of_a_template_fits_the_row_that_tells_of_it():
    asked = {"purpose": "sms", "message_id": str(uuid.uuid4()), "template": "x" * 100}
    assert ContactIn().validate(asked) == {}
    assert ContactIn().validate({**asked, "template": "x" * 101}).keys() == {"template"}
    row = {"at": "2026-11-24T05:00:00Z", "actor": "service-notifications", "role": "service", "why": None}
    assert AccessLogRow().validate({**row, "what": f"sms:{asked['template']}"}) == {}
