"""`make run`: the embedded stack in the foreground, until Ctrl-C.

Says each step as it is done, then where to go and how to log in. Whatever a person can mend is said in one line (exit code 1);
Ctrl-C and SIGTERM end everything within ten seconds (exit code 0).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.embedded.foreground import in_foreground, say
from shared.embedded.kafka import check_answers
from shared.embedded.parts import SERVICES, Service
from shared.embedded.stack import Stack
from shared.settings import load


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What `make run` itself reads; everything else in the environment goes on to the parts."""

    port: int = 8000
    """The gateway's port. The other parts listen on PORT+100 … PORT+124; all on loopback only."""
    data_dir: str = ".data"
    """The folder that keeps everything across restarts: database, keys, demo log-ins, logs."""
    mongo_url: str = ""
    """A replica set to use instead of the one that `make run` starts."""
    log: Literal["embedded", "kafka"] = "embedded"
    """Which event log carries the events; for `kafka` one has to run (`make kafka`)."""
    kafka_bootstrap: str = "127.0.0.1:9092"
    """With LOG=kafka: where it answers."""


def main(arguments: list[str], services: tuple[Service, ...] = SERVICES) -> int:
    def work(at_end: ExitStack) -> None:
        settings = load(RunSettings, {name: value for name, value in os.environ.items() if value})
        if settings.log == "kafka":
            check_answers(settings.kafka_bootstrap)
        stack = Stack(
            Path(settings.data_dir),
            settings.port,
            services=services,
            mongo_url=settings.mongo_url,
            log=settings.log,
            say=say,
        )
        at_end.callback(stack.stop)
        say(f"Starting Birtereze on {stack.origin} (Ctrl-C stops it) …")
        stack.start()
        say(welcome(stack, os.environ))
        while True:
            signal.pause()

    return in_foreground(work, arguments)


def welcome(stack: Stack, environment: Mapping[str, str]) -> str:
    """What a person wants to know once everything runs."""
    secrets = stack.secrets
    width = max(len(name) for name in (*secrets.users, *secrets.clients))
    here = "".join(f"{name}={environment[name]} " for name in ("PORT", "DATA_DIR") if environment.get(name))
    docs = (f"  {stack.origin}/{name}/docs" for name in stack.parts if f"{name}-worker" in stack.parts)
    lines = [
        "",
        f"Birtereze is ready: {stack.origin}",
        "",
        "Log-ins of the demo (they exist only here):",
        *(f"  {login:{width}}  {password}" for login, password in secrets.users.items()),
        "Clients and their secrets:",
        *(f"  {client:{width}}  {secret}" for client, secret in secrets.clients.items()),
        "",
        "Try next, in another terminal:",
        f"  {here}make demo                        one family's whole way, step by step",
        f"  {here}make token USER=worker.astana    an access token",
        "Read:",
        *docs,
        f"Data and logs: {stack.data_dir}",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
