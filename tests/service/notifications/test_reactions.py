"""What happens elsewhere takes effect here once, in whatever order it comes and however often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifications.store import message_id
from tests.service.notifications.tools import (
    NOW,
    PHONE,
    accepted,
    an_id,
    appeal_assigned,
    case_assigned,
    danger_changed,
    delivered,
    envelope,
    outbox,
    referral_assigned,
    registered,
    subject_of,
    take_in,
    told,
)

FACTS = [
    (registered(), "appeal-registered", "registered"),
    (accepted(), "referral-accepted", "accepted"),
    (delivered(n=3), "help-given", "measure-3"),
]


@pytest.mark.parametrize(("event", "template", "fact"), FACTS)
@pytest.mark.parametrize("language", ["kk", "ru"])
def test_each_fact_is_told_once_in_the_citizens_language(service, intake, event, template, fact, language):
    intake.allow("f1-person", language)
    take_in(service, envelope(event))
    take_in(service, envelope(event))
    (sms,) = outbox(service)
    id = message_id(template, subject_of(event), fact)
    assert sms["reference"] == id
    assert sms["phone"] == PHONE
    assert sms["text"] == service.policy.templates[template].texts[language]
    message = service.store.messages.get(id).state
    assert (message.state, message.language, message.about) == ("sent", language, subject_of(event))
    assert message.expires_at == NOW + service.policy.templates[template].expires_after
    assert told(service, id) == ["created", "sent"]
    assert intake.asked == [
        {
            "path": f"/intake/v1/persons/{an_id('f1-person')}/contact",
            "purpose": "sms",
            "message_id": id,
            "template": template,
        }
    ]


def test_the_same_fact_in_another_event_tells_nobody_twice(service, intake):
    """As after a restore: the fact comes again, under another event id and sequence."""
    intake.allow("f1-person")
    take_in(service, envelope(delivered(n=1), 4))
    take_in(service, envelope(delivered(n=1), 9))
    take_in(service, envelope(delivered(n=2), 10))
    assert len(outbox(service)) == 2


def test_a_lost_database_does_not_send_again(service, intake):
    intake.allow("f1-person")
    take_in(service, envelope(registered()))
    service.store.messages.collection.delete_many({})
    intake.refuse("f1-person", "no-consent")
    take_in(service, envelope(registered()))
    assert len(outbox(service)) == 1
    (document,) = service.store.messages.collection.find()
    assert document["state"] == "sent"


def test_nobody_to_tell(service, intake):
    take_in(service, envelope(replace(delivered(), person_id=None)))
    assert service.store.messages.collection.count_documents({}) == 0


def failed(service, intake, family: str = "f1") -> str:
    """A message that asks its holder for something."""
    intake.allow(f"{family}-person")
    intake.answers[an_id(f"{family}-person")]["phone"] = "112"
    event = registered(family)
    take_in(service, envelope(event))
    return message_id("appeal-registered", subject_of(event), "registered")


def holder_of(service, id: str) -> str:
    message = service.store.messages.get(id).state
    assert {item.owner.id for item in message.open} <= {message.holder}
    return message.holder


@pytest.mark.parametrize("of", [case_assigned, appeal_assigned])
def test_another_holder_has_what_is_open(service, intake, of):
    id, other = failed(service, intake), failed(service, intake, "f2")
    later, earlier = envelope(of("f1", "worker2.astana"), 8), envelope(of("f1", "worker3.astana"), 7)
    for each in (later, later, earlier, earlier):
        take_in(service, each)
    assert holder_of(service, id) == "worker2.astana"
    assert holder_of(service, other) == "worker.astana"
    assert told(service, id) == ["created", "failed", "assigned"]


def test_an_older_hand_over_does_not_undo_one_that_changed_nothing(service, intake):
    id = failed(service, intake)
    take_in(service, envelope(case_assigned("f1", "worker.astana"), 8))
    take_in(service, envelope(case_assigned("f1", "worker2.astana"), 7))
    assert holder_of(service, id) == "worker.astana"


def test_a_referrals_holder_has_its_messages(service, intake):
    intake.allow("f1-person")
    take_in(service, envelope(accepted()))
    take_in(service, envelope(referral_assigned("f1", "worker2.astana"), 2))
    id = message_id("referral-accepted", subject_of(accepted()), "accepted")
    assert holder_of(service, id) == "worker2.astana"


def test_restricted_as_the_newest_version_of_the_file_says(service, intake):
    intake.allow("f1-person")
    take_in(service, envelope(registered(version=1)))
    id = message_id("appeal-registered", subject_of(registered()), "registered")

    def restricted() -> tuple[bool, int]:
        message = service.store.messages.get(id).state
        return message.restricted, message.file_version

    assert restricted() == (False, 1)
    take_in(service, envelope(danger_changed("f1", restricted=False, version=5), 2))
    take_in(service, envelope(danger_changed("f1", restricted=True, version=3), 1))
    assert restricted() == (False, 5)
    take_in(service, envelope(danger_changed("f1", restricted=True, version=6), 3))
    assert restricted() == (True, 6)


def test_restricted_until_something_was_heard_of_the_file(service, intake):
    take_in(service, envelope(delivered()))
    id = message_id("help-given", subject_of(delivered()), "measure-1")
    assert service.store.messages.get(id).state.restricted
    take_in(service, envelope(registered(version=2)))
    assert not service.store.messages.get(id).state.restricted


def test_in_one_batch_the_file_is_known_before_the_message(service, intake):
    take_in(
        service,
        envelope(delivered()),
        envelope(registered(version=2)),
        envelope(danger_changed("f1", restricted=True, version=4)),
    )
    assert {document["restricted"] for document in service.store.messages.collection.find()} == {True}


def test_an_old_fact_is_not_told_any_more(service, intake):
    intake.allow("f1-person")
    event = registered(occurred_at=NOW - timedelta(hours=72))
    take_in(service, envelope(event))
    id = message_id("appeal-registered", subject_of(event), "registered")
    assert told(service, id) == ["created", "expired"]
    assert outbox(service) == []
