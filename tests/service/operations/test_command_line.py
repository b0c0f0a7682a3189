"""Every command explains itself, and says in one line what is wrong with what it was asked."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from shared.commands.line import Group
from tests.conftest import free_port
from tests.service.spine.tools import ROOT

SERVICES = ("intake", "casework", "referrals", "notifications")
FIRST = ("web", "worker", "migrate", "seed", "parked", "dead", "rewind", "rebuild")
SECOND = ("list", "show", "replay", "drop")
LINES = [(), *((name,) for name in FIRST), *((name, what) for name in ("parked", "dead") for what in SECOND)]
MODELS = {
    "intake": ("files", "worklist", "timeline", "known-referrals"),
    "casework": ("files",),
    "referrals": ("files", "known-cases"),
    "notifications": ("files",),
}
AWAY = (
    ("parked", "list"),
    ("parked", "show", "x"),
    ("parked", "replay", "--all"),
    ("parked", "drop", "x", "--reason", "T-1", "--yes"),
    ("dead", "list"),
    ("dead", "replay", "--all"),
    ("rewind", "--yes"),
    ("rebuild", "files"),
)


def main_of(service: str):
    return importlib.import_module(f"services.{service}.__main__")


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_explains_itself(service, capsys):
    main = main_of(service)
    assert set(FIRST) == {"web", *main.COMMANDS}
    for line in LINES:
        assert main.main([*line, "--help"]) == 0
        told = capsys.readouterr()
        assert told.out.startswith(f"usage: python -m services.{service} {' '.join(line)}".rstrip())
        assert told.err == ""
    for name, given in main.COMMANDS.items():
        commands = {name: given, **given.commands} if isinstance(given, Group) else {name: given}
        for command in commands.values():
            help = getattr(command, "help", None) or command.__doc__
            assert help[0].isupper()
            assert help.strip().endswith(".")


@pytest.mark.parametrize("service", SERVICES)
def test_the_help_names_the_read_models(service, capsys):
    main_of(service).main(["rebuild", "--help"])
    assert ", ".join(MODELS[service]) in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([], "worker | migrate | seed"),
        (["plant"], "invalid choice: 'plant'"),
        (["parked"], "list | show | replay | drop"),
        (["parked", "water"], "invalid choice: 'water'"),
        (["parked", "show"], "required: id"),
        (["parked", "list", "--limit", "0"], "a number from 1 to 100000"),
        (["parked", "replay"], "one of the arguments --key --all is required"),
        (["parked", "replay", "--key", "a", "--all"], "not allowed with"),
        (["parked", "drop", "a"], "required: --reason"),
        (["parked", "drop", "a", "--reason", "Айгүл asked for it"], "a code or a ticket's number"),
        (["dead", "replay"], "is required"),
        (["dead", "drop", "a"], "required: --reason"),
        (["rewind", "--ye"], "unrecognized arguments: --ye"),
        (["rebuild"], "required: read_model"),
        (["rebuild", "pyramids"], "invalid choice: 'pyramids'"),
    ],
)
def test_what_is_asked_for_in_a_wrong_way_is_refused_in_one_line(line, said, capsys):
    assert main_of("casework").main(line) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_the_exit_code_is_that_of_the_process(settings):
    refused = subprocess.run(
        [sys.executable, "-m", "services.casework", "parked", "show", "nobody"],
        capture_output=True, text=True, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    assert (refused.returncode, refused.stdout, refused.stderr) == (
        1,
        "",
        "Nothing parked has the id nobody.\n",
    )


@pytest.mark.parametrize("line", AWAY, ids=" ".join)
def test_a_database_that_is_away_is_one_line(line, monkeypatch, capsys):
    monkeypatch.setenv("MONGO_URL", f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=50")
    monkeypatch.setattr("shared.mongo.connect.__kwdefaults__", {"wait_ms": 50})
    assert main_of("casework").main(list(line)) == 1
    told = capsys.readouterr()
    assert told.err.startswith("The database does not answer")
    assert told.err.count("\n") == 1


def test_a_setting_that_cannot_be_read_is_one_line(monkeypatch):
    monkeypatch.setenv("LOG", "paper")
    with pytest.raises(SystemExit, match="Setting LOG"):
        main_of("casework").main(["parked", "list"])


def test_a_topic_that_was_never_made_is_one_line(settings, capsys):
    assert main_of("casework").main(["rebuild", "files"]) == 1
    told = capsys.readouterr().err
    assert "There is no topic" in told
    assert "python -m services.casework migrate" in told
    assert told.count("\n") == 1
