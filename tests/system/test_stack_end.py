"""How a run of the stack ends: told to, killed, while starting; and how the next one begins."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from shared import mongo
from shared.embedded.ports import free_base
from tests.system.runs import Run, held_by, until

ROOT = Path(__file__).parents[2]


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
