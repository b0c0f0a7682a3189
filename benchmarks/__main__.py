"""`make bench`: all benchmarks that have a wanted number, one after another; a table, and `.bench/results.json`.

    python -m benchmarks                    # all
    python -m benchmarks relay consumer     # these

A missed number is marked, and is no failure: how fast a machine is, is not asserted. A benchmark that could not be run is one (1).
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from pathlib import Path

from benchmarks import results
from benchmarks.results import Row
from benchmarks.rounds import SEED

BENCHMARKS = ("appeal", "writers", "relay", "consumer", "latency", "sizes", "sms", "memory")
"""Modules with a function `rows() -> list[Row]`, in the order in which they are run."""
RESULTS = Path(".bench/results.json")


def main(arguments: list[str]) -> int:
    unknown = set(arguments) - set(BENCHMARKS)
    if unknown:
        print(f"No benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}.")
        return 1
    print(f"SEED={SEED}", flush=True)
    begun = time.monotonic()
    rows: list[Row] = []
    failed: list[str] = []
    for name in arguments or BENCHMARKS:
        print(f"  {time.monotonic() - begun:5.0f} s  {name}", flush=True)
        try:
            rows += importlib.import_module(f"benchmarks.{name}").rows()
        except Exception:
            traceback.print_exc()
            failed.append(name)
    results.write(rows, RESULTS)
    print(results.table(rows))
    print(f"{time.monotonic() - begun:.0f} s, {RESULTS}")
    if failed:
        print(f"Could not be run: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
