"""What benchmarks tell: nothing that missed its number may look as if it had not, and nothing that could not be run as if it had."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from benchmarks import __main__ as bench
from benchmarks import results, rounds
from benchmarks.results import Row, ratio


def row(value: float, wanted: float | None, at: str = "least") -> Row:
    return Row(name="a thing, 1/s", value=value, unit="×", wanted=wanted, at=at, ours=value, floor=1.0)


@pytest.mark.parametrize(
    ("value", "wanted", "at", "missed"),
    [
        (0.29, 0.3, "least", True),
        (0.3, 0.3, "least", False),
        (1.2, 1.1, "most", True),
        (1.1, 1.1, "most", False),
        (9.0, None, "most", False),
    ],
)
def test_what_missed_its_number_says_so(value, wanted, at, missed):
    one = row(value, wanted, at)
    assert one.missed is missed
    assert (results.MISSED in results.table([one])) is missed


def test_a_ratio_is_told_with_what_it_was_made_of():
    one = ratio("relay drain, 1/s", ours=1234, floor=4936, wanted=0.3)
    assert (one.value, one.unit, one.at) == (0.25, "×", "least")
    line = results.table([one]).splitlines()[-1]
    assert line.split() == [
        *one.name.split(),
        "0.25",
        "×",
        "≥",
        "0.3",
        "×",
        "1,234",
        "4,936",
        *results.MISSED.split(),
    ]


def test_the_file_is_a_list_of_rows(tmp_path: Path):
    path = tmp_path / "new" / "results.json"
    results.write([row(0.5, None)], path)
    told = {
        "name": "a thing, 1/s",
        "value": 0.5,
        "unit": "×",
        "wanted": None,
        "at": "least",
        "ours": 0.5,
        "floor": 1,
    }
    assert msgspec.json.decode(path.read_bytes()) == [told]


def test_rounds_are_shuffled_and_the_first_does_not_count(monkeypatch):
    def orders(seed: int) -> tuple[list[str], dict[str, float]]:
        monkeypatch.setattr(rounds, "SEED", seed)
        called: list[str] = []

        def measure(name: str, first: float):
            def one() -> float:
                called.append(name)
                return first if called.count(name) == 1 else float(called.count(name))

            return one

        found = rounds.medians({"ours": measure("ours", 1e9), "floor": measure("floor", -1e9)}, rounds=5)
        return called, found

    called, found = orders(7)
    assert found == {"ours": 4.0, "floor": 4.0}
    assert all({*called[n : n + 2]} == {"ours", "floor"} for n in range(0, 12, 2))
    assert len({*called[::2]}) == 2, "one of them always went first"
    assert orders(7)[0] == called
    assert any(orders(seed)[0] != called for seed in range(5))


@pytest.fixture
def benchmarks(monkeypatch, tmp_path: Path):
    """Runs benchmarks that are made up, and gives the exit code and what stands in the file."""

    def run(*arguments: str, **modules):
        for name, rows in modules.items():
            monkeypatch.setitem(sys.modules, f"benchmarks.{name}", SimpleNamespace(rows=rows))
        monkeypatch.setattr(bench, "BENCHMARKS", tuple(modules))
        monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
        code = bench.main(list(arguments))
        written = tmp_path / "results.json"
        return code, [
            each["value"] for each in msgspec.json.decode(written.read_bytes())
        ] if written.exists() else None

    return run


def test_a_missed_number_is_no_failure(benchmarks, capsys):
    assert benchmarks(slow=lambda: [row(0.1, 0.5)]) == (0, [0.1])
    assert results.MISSED in capsys.readouterr().out


def test_what_could_not_be_run_is_a_failure_and_hides_no_other(benchmarks, capsys):
    def broken() -> list[Row]:
        raise RuntimeError("no broker")

    assert benchmarks(broken=broken, well=lambda: [row(0.7, 0.5)]) == (1, [0.7])
    assert "Could not be run: broken." in capsys.readouterr().out


def test_some_of_them_alone(benchmarks):
    assert benchmarks("two", one=lambda: [row(1, None)], two=lambda: [row(2, None)]) == (0, [2])
    assert benchmarks("three", one=lambda: [row(1, None)])[0] == 1
