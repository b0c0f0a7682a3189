"""docs/settings.md is what the settings classes say, and every setting says what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import settings_docs


def test_the_page_is_up_to_date():
    written = (settings_docs.ROOT / "docs/settings.md").read_text()
    assert written == settings_docs.page(), "run: make settings"


@pytest.mark.parametrize("path", [path for _, path in settings_docs.sources()], ids=lambda path: path.parent.name)
def test_every_setting_has_a_meaning(path: Path):
    assert [name for name, _, meaning in settings_docs.settings_in(path) if not meaning] == []


def test_a_setting_of_a_service_is_found(tmp_path: Path):
    own = tmp_path / "services/intake/settings.py"
    own.parent.mkdir(parents=True)
    for _, path in settings_docs.sources(tmp_path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    own.write_text(
        'class IntakeSettings(Settings):\n    """Text."""\n\n    depth: int = 3\n    """How deep | how far."""\n    bare: str\n'
    )
    page = settings_docs.page(tmp_path)
    assert "## Service intake" in page
    assert "| `DEPTH` | `3` | How deep \\| how far. |" in page
    assert "| `BARE` | – |  |" in page
    assert "Every process" not in page
