"""Make the databases ready: `python -m shared.embedded.prepare services.intake services.casework …`.

Runs `python -m <package> migrate` and then `python -m <package> seed` for each, in one process, for most of the time of a
short command goes into starting Python. Both are safe to run again. Says each step on standard output before it takes it; the
first one that fails ends the process with exit code 1.
"""

from __future__ import annotations

import runpy
import sys

NOTHING_TO_SEED = ("shared.embedded.issuer",)


def run(package: str, command: str) -> int:
    """Run one command of a package; its exit code."""
    sys.argv = [package, command]
    try:
        runpy.run_module(package, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def main(packages: list[str]) -> int:
    seeds = [(package, "seed") for package in packages if package not in NOTHING_TO_SEED]
    for package, command in [*[(package, "migrate") for package in packages], *seeds]:
        print(f"{package} {command}", flush=True)
        if run(package, command):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
