"""Mistakes in the set-up end a process at once, with one line that says what to mend."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from shared.log import open_log
from shared.log.__main__ import main
from shared.settings import BadSetting
from tests.service.spine.conftest import TOPIC
from tests.service.spine.tools import ROOT

WORKER = Path(__file__).parents[1] / "service" / "spine" / "worker_process.py"


def worker(settings, topic: str = TOPIC) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(WORKER), msgspec.json.encode(settings).decode(), topic],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    "bootstrap", ["", "kafka", "kafka:", ":9092", "kafka:port", "kafka:0", "a:1,kafka:99999"]
)
def test_an_address_that_cannot_be_read_is_refused(settings, bootstrap):
    with pytest.raises(BadSetting, match=r"^Setting KAFKA_BOOTSTRAP: '.*' is not host:port\.$"):
        open_log(dataclasses.replace(settings, kafka_bootstrap=bootstrap))


def test_one_host_of_several_is_enough(settings):
    addresses = f"nowhere.invalid:9092, {settings.kafka_bootstrap}"
    log = open_log(dataclasses.replace(settings, kafka_bootstrap=addresses))
    log.create_topics([TOPIC])
    log.close()


def test_a_worker_with_a_wrong_address_ends_with_one_line(settings):
    ended = worker(dataclasses.replace(settings, kafka_bootstrap="nowhere.invalid:9092"))
    assert ended.returncode == 1
    assert ended.stderr == "Setting KAFKA_BOOTSTRAP: there is no host nowhere.invalid.\n"


def test_a_command_with_a_wrong_address_ends_with_one_line(monkeypatch):
    monkeypatch.setenv("LOG", "kafka")
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "nowhere.invalid:9092")
    with pytest.raises(SystemExit, match=r"^Setting KAFKA_BOOTSTRAP: there is no host nowhere.invalid\.$"):
        main(["create-topics"])


def test_a_worker_without_a_topic_ends_with_one_line(settings, log):
    ended = worker(settings, "birtereze.nowhere")
    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    told = [line for line in lines if line["level"] not in ("info", "debug")]
    assert [line["reason"] for line in told] == [
        "There is no topic 'birtereze.nowhere' in the log: make it first with create_topics(['birtereze.nowhere'])."
    ]
    assert "Traceback" not in ended.stderr
