"""How a message leaves, and what may be in its way."""

from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from services.notifications import clock, contact
from services.notifications.domain.templates import Template
from services.notifications.policy import Policy
from services.notifications.sender import file as file_module
from services.notifications.store import message_id
from shared.clients import ServiceClient, TokenSource
from shared.refusals import Unavailable
from tests.service.notifications.tools import (
    PHONE,
    an_id,
    envelope,
    move_on,
    on_its_own_clock,
    outbox,
    registered,
    subject_of,
    take_in,
    told,
)

ID = message_id("appeal-registered", subject_of(registered()), "registered")


def register(service) -> None:
    """An appeal is registered at the service's present moment."""
    take_in(service, envelope(registered(occurred_at=service.store.now())))


def tick(service, after: timedelta = timedelta(0)) -> None:
    """The clock comes, after so long; only if it would."""
    move_on(service, after)
    due = {"wake_at": {"$type": "date", "$lte": service.store.now()}}
    for id in service.store.ids(due):
        clock.tick(service, service.store.messages, id, service.store.now())


def state(service) -> tuple[str, str | None]:
    message = service.store.messages.get(ID).state
    return message.state, message.reason


@pytest.mark.parametrize("reason", ["no-consent", "sms-unknown", "domestic-violence"])
def test_not_allowed_is_suppressed_with_the_reason(service, intake, reason):
    intake.refuse("f1-person", reason)
    register(service)
    assert state(service) == ("suppressed", reason)
    assert told(service, ID) == ["created", "suppressed"]
    assert service.store.messages.get(ID).state.open == ()
    tick(service, timedelta(days=9))
    assert outbox(service) == []


def test_intake_away_it_waits_then_leaves_once(service, intake):
    intake.allow("f1-person")
    intake.status = 503
    register(service)
    assert state(service) == ("held", "contact-away")
    for pause in service.policy.pauses:
        tick(service, pause)
    assert len(intake.asked) == 1 + len(service.policy.pauses)
    assert outbox(service) == []
    intake.status = 200
    tick(service, service.policy.pauses[-1])
    tick(service, service.policy.pauses[-1])
    assert state(service) == ("sent", None)
    assert len(outbox(service)) == 1
    assert told(service, ID) == ["created", "held", "sent"]


@pytest.mark.parametrize(
    "answer",
    [
        {"allowed": True, "language": "kk"},
        {"allowed": "yes"},
        {"allowed": True, "phone": PHONE, "language": "kk", "hours": {"from": "25:00", "to": "01:00"}},
        {"allowed": False, "reason": "because Айгерим said so"},
    ],
)
def test_a_strange_answer_sends_nothing_and_is_not_written_down(service, intake, answer, capfd):
    intake.answers[an_id("f1-person")] = answer
    register(service)
    assert state(service) == ("held", "contact-away")
    assert outbox(service) == []
    assert "Айгерим" not in capfd.readouterr().err


def test_while_intake_hangs_one_caller_finds_out_and_the_others_are_told(settings, intake, monkeypatch):
    monkeypatch.setattr(contact, "SLOW", 0.05)
    with httpx.Client(trust_env=False) as http:
        tokens = TokenSource(settings.tokens_url, "service-notifications", "secret", http=http)
        client = ServiceClient(settings.intake_url, tokens, timeout=0.1, http=http)
        door = contact.ContactDoor(client)
        intake.allow("f1-person")
        intake.gate.clear()
        for _ in range(3):
            with pytest.raises(Unavailable):
                door.ask(an_id("f1-person"), ID, "appeal-registered")
        intake.gate.set()
        assert len(intake.asked) == 1
        monkeypatch.setattr(client, "_timeout", 30.0)  # intake may be slow, but it answers
        monkeypatch.setattr(door, "_closed_until", 0.0)  # its time is over
        assert door.ask(an_id("f1-person"), ID, "appeal-registered").allowed


def test_consent_withdrawn_while_it_waits(service, intake):
    intake.allow("f1-person")
    intake.status = 503
    register(service)
    intake.status = 200
    intake.refuse("f1-person", "no-consent")
    tick(service, service.policy.pauses[0])
    assert state(service) == ("suppressed", "no-consent")
    assert outbox(service) == []


def test_safe_hours_over_midnight(service, intake):
    intake.allow("f1-person", hours={"from": "22:00", "to": "06:30"})
    register(service)
    assert state(service) == ("held", "hours")
    assert service.store.messages.get(ID).state.try_at == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    tick(service, timedelta(hours=11, minutes=59))
    assert len(intake.asked) == 1
    tick(service, timedelta(minutes=1))
    assert state(service) == ("sent", None)
    assert service.store.messages.get(ID).state.sent_at is not None


def test_an_answer_leaves_at_night_where_the_citizen_has_not_said_otherwise(live, intake):
    service = on_its_own_clock(live, datetime(2026, 11, 28, 22, 0, tzinfo=UTC))  # Sunday, 03:00
    intake.allow("f1-person")
    register(service)
    assert state(service) == ("sent", None)


@pytest.fixture
def notices(live):
    """The service in which the template is a notice, on a Friday at 22:00."""
    known = live.policy.templates["appeal-registered"]
    notice: Template = replace(known, message_class="notice")
    policy: Policy = replace(live.policy, templates={**live.policy.templates, "appeal-registered": notice})
    return on_its_own_clock(replace(live, policy=policy), datetime(2026, 11, 27, 17, 0, tzinfo=UTC))


def test_a_notice_waits_for_monday_without_asking_the_door(notices, intake):
    intake.allow("f1-person", hours={"from": "10:00", "to": "12:00"})
    register(notices)
    assert state(notices) == ("held", "hours")
    assert intake.asked == []
    tick(notices, timedelta(hours=59))  # Monday 09:00: the operators' hour, not the citizen's
    assert state(notices) == ("held", "hours")
    assert len(intake.asked) == 1
    tick(notices, timedelta(hours=1))
    assert state(notices) == ("sent", None)


def test_too_old_before_it_may_leave(notices, intake):
    policy = notices.policy
    short = replace(policy.templates["appeal-registered"], expires_after=timedelta(hours=8))
    service = replace(notices, policy=replace(policy, templates={"appeal-registered": short}))
    register(service)
    tick(service, timedelta(hours=8))
    assert state(service) == ("expired", "hours")
    (item,) = service.store.messages.get(ID).state.open
    assert (item.item, item.owner.id) == ("tell-another-way", "worker.astana")
    tick(service, item.due_at - service.store.now())
    assert told(service, ID) == ["created", "held", "expired", "overdue"]
    assert service.store.messages.get(ID).state.open[0].raised == 1


def test_intake_away_until_it_is_too_old(service, intake):
    intake.status = 503
    register(service)
    tick(service, timedelta(hours=72))
    assert state(service) == ("expired", "contact-away")
    assert service.store.breaches() == 0


def test_a_number_that_the_sender_refuses(service, intake):
    intake.allow("f1-person")
    intake.answers[an_id("f1-person")]["phone"] = "112"
    register(service)
    assert state(service) == ("failed", "bad-number")
    assert [item.item for item in service.store.messages.get(ID).state.open] == ["tell-another-way"]


def test_the_sender_away_it_waits_then_leaves_once(service, intake, monkeypatch):
    monkeypatch.setattr(file_module, "LOCK_SECONDS", 0.02)
    intake.allow("f1-person")
    folder = Path(service.settings.data_dir) / "sms"
    folder.mkdir()
    with (folder / "outbox.jsonl").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        register(service)
        assert state(service) == ("held", "sender-away")
        assert intake.asked == []
    tick(service, service.policy.pauses[0])
    assert state(service) == ("sent", None)
    assert len(outbox(service)) == 1


def test_an_error_in_sending_is_left_to_the_clock(service, intake, monkeypatch):
    intake.allow("f1-person")
    monkeypatch.setattr(service.sender, "send", lambda sms, before: 1 / 0)
    register(service)  # does not raise: the event has taken effect, and what is behind it must go on
    assert state(service) == ("sending", None)
    monkeypatch.undo()
    tick(service, service.policy.patience)
    tick(service)
    assert state(service) == ("sent", None)


def test_the_clock_sends_what_nobody_tried(service, intake, monkeypatch):
    intake.allow("f1-person")
    monkeypatch.setattr("services.notifications.sending.attempt", lambda service, id: None)
    register(service)
    assert state(service) == ("created", None)
    monkeypatch.undo()
    tick(service, service.policy.patience)
    assert state(service) == ("sent", None)


def test_neither_phone_nor_text_is_kept_or_told(service, intake, capfd):
    intake.allow("f1-person")
    intake.status = 503
    register(service)
    intake.status = 200
    tick(service, service.policy.pauses[0])
    (sms,) = outbox(service)
    database = service.store.database
    kept = json.dumps([list(database[name].find()) for name in database.list_collection_names()], default=str)
    written = kept + capfd.readouterr().err
    assert ID in written
    assert PHONE not in written
    assert PHONE[2:] not in written
    assert sms["text"][:20] not in written


def test_a_message_that_nobody_would_look_at_is_counted(service, intake):
    intake.status = 503
    register(service)
    assert service.store.breaches() == 0
    service.store.messages.collection.update_one({"_id": ID}, {"$set": {"wake_at": None}})
    assert service.store.breaches() == 1
