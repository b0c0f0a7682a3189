"""A second worker of each service, `<service>-worker-2`, beside the one of the stack. Nobody starts it again when it dies."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.embedded import process
from shared.embedded.process import Process
from shared.embedded.stack import Stack
from tests.faults.parts import SERVICES


class SecondWorkers:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._running: dict[str, Process] = {}

    def begin(self) -> None:
        """From now on each service has two workers."""
        for service in SERVICES:
            name = f"{service}-worker-2"
            self._running[name] = Process(
                (sys.executable, "-m", f"services.{service}", "worker"),
                {**self._environment_of_the_first(service), "FAULTS_PART": name, "WORKER_METRICS_PORT": "0"},
                self._stack.log_file(name),
            )

    def end(self, seconds: float = 8.0) -> None:
        """From now on each has one again. They get so many seconds to end by themselves."""
        ending, self._running = self._running, {}
        process.end(list(ending.values()), seconds)

    def signal(self, number: int) -> None:
        for worker in self._running.values():
            worker.send(number)

    def _environment_of_the_first(self, service: str) -> dict[str, str]:
        pid = self._stack.pid_of(f"{service}-worker")
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        return dict(entry.partition("=")[::2] for entry in entries if entry)
