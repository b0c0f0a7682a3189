"""Who listens to what."""

from __future__ import annotations

import importlib

import pytest

from shared.events import CATALOGUE, TOPICS, declared

SERVICES = ("intake", "casework", "referrals", "notifications")
TERMINAL: frozenset[str] = frozenset()
"""Topics that nobody consumes, on purpose."""


def reactions(service):
    return importlib.import_module(f"services.{service}.reactions")


def test_every_topic_is_consumed_or_declared_terminal():
    consumed = {topic for service in SERVICES for topic in reactions(service).TOPICS}
    assert consumed | TERMINAL == set(TOPICS)
    assert not consumed & TERMINAL


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reacts_only_to_events_of_topics_that_it_consumes(service):
    module = reactions(service)
    for kind in module.REACTIONS:
        assert kind in CATALOGUE.values()
        assert declared(kind).topic in module.TOPICS, kind.__name__


WHAT_ONE_EVENT_DOES_ELSEWHERE = {
    "casework": {
        "AppealScreened", "FamilyDangerChanged", "ReferralAccepted", "ReferralCompleted", "ReferralRejected", "ReferralFailed",
        "ReferralExpired", "ReferralCancelled",
    },
    "referrals": {"FamilyDangerChanged", "CaseAssigned", "MeasureCancelled", "CaseClosed"},
    "notifications": {"FamilyDangerChanged", "CaseAssigned", "AppealRegistered", "ReferralAccepted", "MeasureDelivered"},
    "intake": {"CaseOpened", "AppealAttached", "CaseAssigned"},
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_the_table_of_the_contract_stands_in_the_reactions(service):
    names = {kind.__name__ for kind in reactions(service).REACTIONS}
    assert names >= WHAT_ONE_EVENT_DOES_ELSEWHERE[service]
