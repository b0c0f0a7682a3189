"""The worker as it runs: from an event on the log to an SMS, and to the events that tell of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import fields, replace

import pytest

from services.notifications.__main__ import main
from services.notifications.settings import NotificationsSettings
from shared.events import TOPICS, cut, topic
from shared.events.cloudevents import from_message, to_message
from shared.log import open_log
from tests.service.notifications.tools import envelope, outbox, registered
from tests.service.spine.tools import ROOT, eventually, read_all

FAMILIES = 20


@pytest.fixture
def own_settings(settings, prefix):
    """A database and a log that a worker of its own may use."""
    return replace(settings, database_prefix=prefix)


@pytest.fixture
def environment(own_settings):
    values = {
        each.name.upper(): str(getattr(own_settings, each.name)) for each in fields(NotificationsSettings)
    }
    return {**os.environ, **values}


@pytest.fixture
def event_log(own_settings):
    log = open_log(own_settings)
    log.create_topics(TOPICS)
    yield log
    log.close()


def start(environment) -> subprocess.Popen:
    command = [sys.executable, "-m", "services.notifications", "worker"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def test_from_the_log_to_the_sms_and_back_to_the_log(live, intake, environment, event_log, monkeypatch):
    for name in environment:
        monkeypatch.setenv(name, environment[name])
    assert main(["migrate"]) == 0
    assert main(["seed"]) == 0
    families = [f"family-{number}" for number in range(FAMILIES)]
    for family in families:
        intake.allow(f"{family}-person", "ru")
    now = cut(live.store.now())
    event_log.append(
        topic("intake"), [to_message(envelope(registered(family, occurred_at=now))) for family in families]
    )
    worker = start(environment)
    try:
        eventually(lambda: len(outbox(live)) == FAMILIES)
        deliveries = read_all(event_log, topic("notifications"), 2 * FAMILIES)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    told = defaultdict(list)
    for event in (from_message(delivery.message) for delivery in deliveries):
        told[event.subject].append(event.type.split("message-")[1])
    assert dict(told) == {sms["reference"]: ["created.v1", "sent.v1"] for sms in outbox(live)}


def test_an_unknown_command_says_which_there_are(capsys):
    assert main(["frobnicate"]) == 2
    assert "worker" in capsys.readouterr().err
