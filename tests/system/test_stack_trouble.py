"""What a person can mend is said in one line, with exit code 1."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from shared.embedded.parts import Service
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from tests.system.runs import Run, held_by
from tests.system.standin.run import SERVICES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PORT": "many"}, "Setting PORT"),
        ({"PORT": "70000"}, "PORT 70000 cannot be used"),
        ({"LOG": "paper"}, "Setting LOG"),
        (
            {"LOG": "kafka", "KAFKA_BOOTSTRAP": "127.0.0.1:9"},
            "No Kafka answers at 127.0.0.1:9 (KAFKA_BOOTSTRAP)",
        ),
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
