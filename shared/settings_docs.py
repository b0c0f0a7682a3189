"""The page of all settings, made from the settings classes themselves: `python -m shared.settings_docs > docs/settings.md`.

Reads the source (a field's text is the string below it, which Python does not keep) of every `settings.py`, of the runner and of
`make kafka`; nothing is imported. A test holds the page against `page()`.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAD = """# Settings

Every setting is an environment variable. A process reads them once, when it starts; a value that cannot be read ends it with one
line that names the variable. `make run` gives each part what it needs, so that normally none of this has to be set.
This page is made from the classes (`make settings`).
"""


def sources(root: Path = ROOT) -> list[tuple[str, Path]]:
    """Heading and file of every settings class, in the order of the page."""
    services = sorted((root / "services").glob("*/settings.py"))
    return [
        ("`make run`", root / "shared/embedded/runner.py"),
        ("`make kafka`", root / "shared/embedded/kafka/__main__.py"),
        ("Every process", root / "shared/settings.py"),
        ("The embedded issuer", root / "shared/embedded/issuer/settings.py"),
        *((f"Service {path.parent.name}", path) for path in services),
    ]


def settings_in(path: Path) -> list[tuple[str, str, str]]:
    """`(variable, default, meaning)` of each field of the classes in a file whose names end in `Settings`."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    rows = []
    for body in (node.body for node in classes if node.name.endswith("Settings")):
        for field, text in zip(body, [*body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign):
                rows.append((ast.unparse(field.target).upper(), _default(field.value), _text(text)))
    return rows


def _default(value: ast.expr | None) -> str:
    """The default as it is written: `8000`, or what stands in `field(default=…)`."""
    if isinstance(value, ast.Call):
        value = next(keyword.value for keyword in value.keywords if keyword.arg == "default")
    return ast.unparse(value) if value else ""


def page(root: Path = ROOT) -> str:
    parts = [HEAD]
    for heading, path in sources(root):
        rows = settings_in(path)
        if rows:
            lines = [f"| `{name}` | {_code(default)} | {_cell(meaning)} |" for name, default, meaning in rows]
            parts.append(
                "\n".join(
                    [f"## {heading}", "", "| variable | default | meaning |", "|---|---|---|", *lines, ""]
                )
            )
    return "\n".join(parts)


def _text(node: ast.stmt | None) -> str:
    is_text = (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return " ".join(node.value.value.split()) if is_text else ""


def _code(default: str) -> str:
    return f"`{default.strip(chr(39))}`" if default not in ("", "''") else "–"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
