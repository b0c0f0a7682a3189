"""How the rooms may lean on each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = {"shared.events", "shared.refusals", "shared.calendar", "shared.i18n"}
"""What of `shared` is pure: no I/O, no clock. `shared.i18n` marks sentences to be told in the reader's language."""
NOT_FOR = {"services": {"tests", "benchmarks"}, "shared": {"tests", "benchmarks"}, "tests": {"benchmarks"}}
"""Folder → what nothing in it imports: benchmarks stand on everything else, tests on the product."""
TESTS_OF_BENCHMARKS = ROOT / "tests" / "unit" / "benchmarks"
DOMAINS = sorted(ROOT.glob("services/*/domain/**/*.py"))
SERVICES = ("intake", "casework", "referrals", "notifications")
ROOMS = (
    "README.md",
    "domain",
    "policy",
    "use_cases",
    "reactions",
    "queries",
    "store",
    "service",
    "api",
    "schemas",
    "clock",
)


def test_import_contracts():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_no_web_process_has_a_kafka_client(service: str):
    look = f"import sys, services.{service}.app; sys.exit('kafka' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], cwd=ROOT, timeout=120, check=False).returncode == 0


def imported(path: Path) -> set[str]:
    """Modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("folder", NOT_FOR)
def test_the_product_imports_no_test_and_no_test_a_benchmark(folder: str):
    for path in (ROOT / folder).rglob("*.py"):
        if "node_modules" not in path.parts and TESTS_OF_BENCHMARKS not in path.parents:
            found = {module.split(".")[0] for module in imported(path)} & NOT_FOR[folder]
            assert not found, f"{path.relative_to(ROOT)} imports {found}"


@pytest.mark.parametrize("path", DOMAINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_domain_is_pure(path):
    own = ".".join(path.relative_to(ROOT).parts[:3])
    for module in imported(path):
        allowed = (
            module.split(".")[0] in sys.stdlib_module_names
            or module == own
            or module.startswith(own + ".")
            or any(module == pure or module.startswith(pure + ".") for pure in PURE)
        )
        assert allowed, f"{module} is not for the domain"


FORBIDDEN_CALLS = (
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "time.time",
    "time.monotonic",
    "uuid.uuid4",
    "open",
    "print",
)


@pytest.mark.parametrize("path", DOMAINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_domain_asks_no_clock_and_rolls_no_dice(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {*FORBIDDEN_CALLS, *(f"dt.{call}" for call in FORBIDDEN_CALLS)}
    assert "random" not in imported(path)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("room", ROOMS)
def test_every_service_has_the_same_rooms(service, room):
    home = ROOT / "services" / service
    assert (home / room).exists() or (home / f"{room}.py").exists()
