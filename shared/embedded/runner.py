"""`make run`: the embedded stack in the foreground, until Ctrl-C.

Says each step as it is done, then where to go and how to log in. Whatever a person can mend is said in one line (exit code 1);
Ctrl-C and SIGTERM end everything within ten seconds (exit code 0).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from shared.embedded import leash
from shared.embedded.kafka import check_answers
from shared.embedded.parts import SERVICES, Service
from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from shared.settings import load

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What `make run` itself reads; everything else in the environment goes on to the parts."""

    port: int = 8000
    """The gateway's port. The other parts listen on PORT+101 … PORT+124; all on loopback only."""
    data_dir: str = ".data"
    """The folder that keeps everything across restarts: database, keys, demo log-ins, logs."""
    mongo_url: str = ""
    """A replica set to use instead of the one that `make run` starts."""
    log: Literal["embedded", "kafka"] = "embedded"
    """Which event log carries the events; for `kafka` one has to run (`make kafka`)."""
    kafka_bootstrap: str = "127.0.0.1:9092"
    """With LOG=kafka: where it answers."""


def main(arguments: list[str], services: tuple[Service, ...] = SERVICES) -> int:
    if "--with-parent" in arguments:  # make was killed: end, so that nothing is left
        leash.tie_to_parent()
    for number in ENDING:
        signal.signal(number, interrupt)
    stack = None
    try:
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
        say(f"Starting Birtereze on {stack.origin} (Ctrl-C stops it) …")
        stack.start()
        say(welcome(stack, os.environ))
        while True:
            signal.pause()
    except KeyboardInterrupt:
        say("Stopping …")
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        if stack:
            stack.stop()
    say("Stopped.")
    return 0


def interrupt(number: int, frame: object) -> NoReturn:
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)  # the first one is enough
    raise KeyboardInterrupt


def say(line: str) -> None:
    with contextlib.suppress(OSError):  # whoever read our output may be gone; that is no reason to stop
        print(line, flush=True)


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
