"""`make run` as a process of its own, with two tiny services in place of the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def held_by(folder: Path) -> list[int]:
    """Ids of all processes that hold the lock of a DATA_DIR: the runner's and those of its parts."""
    lock, found = str(folder / "run.lock"), []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(os.readlink(link) == lock for link in (process / "fd").iterdir()):
                    found.append(int(process.name))
            except OSError:
                continue
    return found


class Run:
    """`make run` as a process of its own, with the tiny services."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.folder, self.port = folder, port
        self.output = folder.parent / f"output-{port}-{time.monotonic_ns()}"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.system.standin.run"],
                cwd=ROOT,
                env={**os.environ, "PORT": str(port), "DATA_DIR": str(folder), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def ready(self) -> Run:
        until(lambda: "Birtereze is ready" in self.text or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.text
        return self

    def end(self, number: int, seconds: float = 10.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)
