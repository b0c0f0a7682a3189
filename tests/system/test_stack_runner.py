"""The runner, with two tiny services in place of the real ones: starting, a part that dies, a second stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shared import mongo
from shared.embedded import token
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from tests.system.runs import until
from tests.system.standin.run import SERVICES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stack(standin) -> Stack:
    return standin.stack


@pytest.fixture
def said(standin) -> list[str]:
    return standin.said


# -- started


def test_every_part_answers_and_each_step_was_said(stack: Stack, said: list[str]):
    programs = ["issuer", "intake", "intake-worker", "casework", "casework-worker", "gateway"]
    assert stack.parts == ["mongod", *programs]
    assert [line.split("s  ")[1] for line in said[:8]] == [
        "database",
        "databases migrated and seeded",
        *programs,
    ]
    for name in programs:
        stack.wait_ready(name, 1)


def test_databases_are_migrated_and_seeded(stack: Stack):
    with mongo.connect(stack.mongo_url) as client:
        for name in ("intake", "casework"):
            assert "at_1" in client[name]["marks"].index_information()
            assert client[name]["marks"].find_one({"_id": "seed"})
        assert "expires_at_1" in client["issuer"]["codes"].index_information()


def test_parts_are_told_where_the_others_are(stack: Stack):
    told = httpx.get(f"{stack.origin}/casework/settings").json()
    assert told == {
        "client_id": "service-referrals",
        "intake_url": f"http://127.0.0.1:{stack.port + 101}",
        "issuer_url": f"{stack.origin}/oidc",
        "keys_url": f"http://127.0.0.1:{stack.port + 105}/oidc/jwks",
        "log": "embedded",
        "synthetic_iins": True,
        "tokens_url": f"http://127.0.0.1:{stack.port + 105}/oidc/token",
    }


def test_tokens_come_by_the_ways_of_people_and_programs(stack: Stack):
    assert stack.user_token("worker.astana").count(".") == 2
    assert stack.client_token("agency-health-astana").count(".") == 2
    with pytest.raises(Trouble, match=r"The password of worker\.astana is not accepted"):
        token.user_token(stack.origin, "worker.astana", "wrong", "x")


def test_the_token_command_prints_the_token_alone(stack: Stack):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PORT": str(stack.port), "DATA_DIR": str(stack.data_dir)}
        command = [sys.executable, "-m", "shared.embedded.token", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    for kind, name in (("user", "supervisor.astana"), ("client", "registry-family-map")):
        good = run(kind, name)
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", good.stdout), good
        assert (good.returncode, good.stderr) == (0, "")
    for wrong in (("user", "nobody"), ("user", ""), ("client",), ()):
        bad = run(*wrong)
        assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)


def test_nothing_secret_is_in_a_log(stack: Stack):
    stack.user_token("worker.astana")
    text = "".join(path.read_text(errors="replace") for path in (stack.data_dir / "logs").iterdir())
    for secret in (*stack.secrets.users.values(), *stack.secrets.clients.values()):
        assert secret not in text
    assert "code_challenge" not in text
    assert "code=" not in text


# -- a part that dies


@pytest.mark.parametrize("name", ["intake", "casework-worker", "issuer", "gateway", "mongod"])
def test_a_killed_part_is_started_again(stack: Stack, said: list[str], name: str):
    before = stack.pid_of(name)
    stack.kill(name)
    until(lambda: stack.pid_of(name) != before)
    stack.wait_ready(name)
    assert any(line.startswith(f"{name} ended (killed by SIGKILL)") for line in said)


def test_without_its_service_the_gateway_gives_a_clean_answer(stack: Stack):
    stack.stop_part("casework")
    try:
        away = httpx.get(f"{stack.origin}/casework/echo", headers={"Accept-Language": "en"})
        assert away.status_code == 503
        assert away.headers["Retry-After"] == "5"
        assert away.headers["Content-Type"] == "application/problem+json"
        instance = away.json().pop("instance")
        assert len(instance) >= 8
        assert away.json() == {
            "type": "/problems/unavailable",
            "title": "Not available right now",
            "status": 503,
            "instance": instance,
        }
        assert httpx.get(f"{stack.origin}/intake/healthz").status_code == 200
    finally:
        stack.start_part("casework")
    assert httpx.get(f"{stack.origin}/casework/healthz").status_code == 200


def test_a_part_that_cannot_live_is_tried_ever_more_slowly(tmp_path: Path):
    said: list[str] = []
    with Stack(tmp_path / "data", free_base(), services=SERVICES[:1], say=said.append) as stack:
        (stack.data_dir / "worker-must-fail").touch()
        stack.kill("intake-worker")
        until(lambda: sum("exit code 3" in line for line in said) >= 3)
        assert said[-1] == "intake-worker ended (exit code 3) and is started again in 6 s."
        assert httpx.get(f"{stack.origin}/intake/healthz").status_code == 200


def test_a_stack_that_does_not_revive_leaves_the_dead_alone(tmp_path: Path):
    with Stack(tmp_path / "data", free_base(), services=SERVICES[:1], revive=False) as stack:
        stack.kill("intake")
        with pytest.raises(Trouble, match="intake did not answer"):
            stack.wait_ready("intake", 1)
        stack.start_part("intake")
        before = stack.pid_of("intake")
        stack.restart("intake")
        assert stack.pid_of("intake") != before


# -- the end


def test_a_second_stack_on_the_folder_waits_and_then_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shared.embedded.stack.EARLIER_RUN_SECONDS", 0.2)
    with pytest.raises(Trouble, match="already running on DATA_DIR"):
        Stack(stack.data_dir, free_base(), services=SERVICES).start()
