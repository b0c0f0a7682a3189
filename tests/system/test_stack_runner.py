"""The runner, with two tiny services in place of the real ones: starting, dying, starting again, ending, and its one-line troubles."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from shared import mongo
from shared.embedded import token
from shared.embedded.parts import Service
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from tests.system.standin.run import SERVICES

ROOT = Path(__file__).parents[2]


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def held_by(folder: Path) -> list[int]:
    """Ids of all processes that hold the lock of a DATA_DIR: the runner's and those of its parts."""
    lock, found = str(folder / "run.lock"), []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(os.readlink(link) == lock for link in (process / "fd").iterdir()):
                    found.append(int(process.name))
            except OSError:
                continue
    return found


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
            "title": "Not available right now, try again in a moment",
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


class Run:
    """`make run` as a process of its own, with the tiny services."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.folder, self.port = folder, port
        self.output = folder.parent / f"output-{port}-{time.monotonic_ns()}"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.standin.run"],
                cwd=ROOT,
                env={**os.environ, "PORT": str(port), "DATA_DIR": str(folder), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> Run:
        until(lambda: "Birtereze is ready" in self.text or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.text
        return self

    def end(self, number: int, seconds: float = 10.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


def test_interrupting_ends_everything_and_a_second_run_goes_on_with_the_data(tmp_path: Path):
    folder, port = tmp_path / "data", free_base()
    run = Run(folder, port).ready()
    for shown in (
        f"http://127.0.0.1:{port}",
        "worker.astana",
        "service-referrals",
        "make demo",
        f"{port}/intake/docs",
    ):
        assert shown in run.text
    secrets = (folder / "demo-secrets.json").read_text()
    assert run.end(signal.SIGINT) == 0
    assert held_by(folder) == []
    assert run.text.endswith("Stopped.\n")

    other = Run(
        folder, free_base()
    ).ready()  # another PORT: the database keeps the port that belongs to its folder
    assert (folder / "demo-secrets.json").read_text() == secrets
    with mongo.connect(f"mongodb://127.0.0.1:{port + 117}/?replicaSet=rs0") as client:
        assert client["intake"]["marks"].find_one({"_id": "seed"})["times"] == 2
    assert other.end(signal.SIGTERM) == 0
    assert held_by(folder) == []


def test_an_open_request_is_answered_before_the_end(tmp_path: Path):
    folder, port = tmp_path / "data", free_base()
    run = Run(folder, port).ready()
    asking = subprocess.Popen(
        [sys.executable, "-c", f"import httpx; print(httpx.get('http://127.0.0.1:{port}/intake/slow').text)"],
        stdout=subprocess.PIPE,
        text=True,
    )
    until((folder / "slow-began").exists)
    assert run.end(signal.SIGTERM) == 0
    assert asking.communicate(timeout=10)[0] == "done\n"


def test_a_killed_runner_leaves_nothing_and_the_next_run_starts_at_once(tmp_path: Path):
    folder, port = tmp_path / "data", free_base()
    run = Run(folder, port).ready()
    assert len(held_by(folder)) >= 7
    run.end(signal.SIGKILL)
    again = Run(folder, port).ready()
    assert again.end(signal.SIGTERM) == 0
    assert held_by(folder) == []


def test_ending_while_starting_leaves_nothing(tmp_path: Path):
    folder = tmp_path / "data"
    run = Run(folder, free_base())
    until(lambda: "database" in run.text)
    assert run.end(signal.SIGTERM) == 0
    assert held_by(folder) == []


# -- what a person can mend: one line, exit code 1


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PORT": "many"}, "Setting PORT"),
        ({"PORT": "70000"}, "PORT 70000 cannot be used"),
        ({"LOG": "paper"}, "Setting LOG"),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR (/dev/null/data) cannot be used: Not a directory."),
        ({"DATA_DIR": "/proc/nothing"}, "DATA_DIR (/proc/nothing) cannot be used"),
        (
            {"MONGO_URL": "mongodb://someone:secret@127.0.0.1:9/?replicaSet=rs0"},
            "No database answers at MONGO_URL (127.0.0.1:9).",
        ),
        ({"MONGO_URL": "nonsense"}, "MONGO_URL cannot be used"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_trouble_is_one_line(tmp_path: Path, environment: dict[str, str], says: str):
    run = Run(tmp_path / "data", free_base(), **environment)
    assert run.process.wait(30) == 1
    lines = [line for line in run.text.splitlines() if not line.startswith("Starting")]
    assert len(lines) == 1, run.text
    assert says in lines[0]
    assert "secret" not in run.text


@pytest.mark.parametrize(
    ("offset", "name"), [(0, "gateway"), (102, "casework"), (117, "mongod"), (121, "intake-worker")]
)
def test_a_port_in_use_is_named(tmp_path: Path, offset: int, name: str):
    base = free_base()
    with socket.create_server(("127.0.0.1", base + offset)):
        run = Run(tmp_path / "data", base)
        assert run.process.wait(30) == 1
    assert f"Port {base + offset} ({name}) is in use" in run.text
    assert held_by(tmp_path / "data") == []


def test_a_mongod_without_a_replica_set_is_named(tmp_path: Path):
    from shared.embedded import mongod

    port, folder = free_base(), tmp_path / "alone"
    command = [word for word in mongod.command(folder, port) if word not in ("--replSet", "rs0")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        run = Run(tmp_path / "data", free_base(), MONGO_URL=f"mongodb://127.0.0.1:{port}/")
        assert run.process.wait(30) == 1
        assert "is not a replica set" in run.text
    finally:
        server.terminate()
        server.wait()


def test_somebody_elses_database_is_used_and_left_running(
    tmp_path: Path, mongo_url: str, mongo_client, prefix: str
):
    with Stack(
        tmp_path / "data",
        free_base(),
        services=SERVICES[:1],
        mongo_url=mongo_url,
        environment={"DATABASE_PREFIX": prefix},
    ) as stack:
        assert "mongod" not in stack.parts
        assert mongo_client[f"{prefix}intake"]["marks"].find_one({"_id": "seed"})
        assert stack.user_token("auditor")
    assert mongo_client.admin.command("ping")["ok"]


def test_a_service_that_cannot_start_is_named(tmp_path: Path):
    missing = (Service(name="intake", package="tests.system.nothing"),)
    stack = Stack(tmp_path / "data", free_base(), services=missing)
    with pytest.raises(Trouble, match=r"could not be made ready \(tests\.system\.nothing migrate\)"):
        stack.start()
    assert held_by(tmp_path / "data") == []
