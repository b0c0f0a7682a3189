"""Every command has its word: what a colleague is told whose form is open meanwhile."""

from __future__ import annotations

import tomllib
from pathlib import Path

from services.casework.doors import COMMANDS

WORDS = Path(__file__).parents[3] / "services" / "casework" / "policy" / "words.toml"


def test_every_command_has_a_word_and_every_word_a_command():
    said = tomllib.loads(WORDS.read_text("utf-8"))["command"]
    assert set(said) == {command.path.replace("<int:n>/", "") for command in COMMANDS}
