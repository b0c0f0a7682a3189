"""The documents say what is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


DOCUMENTS = tracked("*.md")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in (a or b for a, b in LINK.findall(text)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{link}: no such heading"


def test_every_dependency_is_justified():
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for file in ("run.in", "test.in"):
        for line in (ROOT / "requirements" / file).read_text().splitlines():
            name = re.match(r"[A-Za-z0-9_.-]+", line)
            if name and not line.startswith(("-", "#")):
                assert f"`{name[0]}`" in page, f"{name[0]} has no line in docs/dependencies.md"


def test_locks_name_hashes_and_no_host():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://", text)
    npm = (ROOT / "shared" / "ui" / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in npm
    assert '"resolved"' not in npm


def test_nothing_is_left_for_later_in_code():
    """A TODO is an issue, not a comment."""
    for path in tracked("*.py"):
        if path != Path(__file__):
            assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8")), path
