"""Orders of the harness to the processes of the stack, by files: who passes a point for which there is an order carries it out.

    <folder>/orders/intake-worker@relay:acknowledged      one order; its text is `kill` or `stop`
    <folder>/orders/intake-workers@consumer:polled        the same, of whichever of a service's workers comes there first
    <folder>/bugs/casework                                which messages a service fails at, as long as the file is there
    <folder>/journal                                      what was carried out: a line `seconds part pid what point` each (monotonic clock)
    <folder>/handled/<service>                            each message that took effect: a line `key sequence`

An order is carried out once, by whoever takes its file away. Lines are appended in one write each, so that they stay whole and
are there even if the process is killed in the next moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from pathlib import Path

IN_HAND = "request-in-hand"
"""X-Request-Id of a request that a process is to have in hand for a while: by it the harness asks for that."""
LINGER = 2.0
"""For how many seconds."""
FOLDER = Path(os.environ.get("FAULTS_FOLDER", "."))
_part = ""
_names: tuple[str, ...] = ()
"""Whose orders this process carries out."""


class Bug(Exception):
    """What a handler with a bug raises."""


def begin(part: str) -> None:
    global _part, _names
    _part = part
    _names = (part, f"{service()}-workers") if "-worker" in part else (part,)


def service() -> str:
    """Whose process this is."""
    return _part.partition("-")[0]


def reached(point: str) -> None:
    """The process is at this point: carry out what was ordered for it, if anything was."""
    what = take(point)
    if what:
        carry_out(what, point)


def take(point: str) -> str | None:
    """The order for this point, which is nobody else's from now on."""
    mine = FOLDER / "taken" / uuid.uuid4().hex
    for whom in _names:
        with contextlib.suppress(FileNotFoundError):
            (FOLDER / "orders" / f"{whom}@{point}").rename(mine)
            return mine.read_text()
    return None


def carry_out(what: str, point: str) -> None:
    note(what, point)
    if what == "kill":
        os.killpg(0, signal.SIGKILL)  # and with it what it has started, or who has started it
    elif what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)  # the harness continues it
        # Another thread may be the one that gets the signal: wait here until it has stopped us all.
        time.sleep(0.05)


def linger(point: str) -> None:
    """This thread stays here for a while."""
    note("linger", point)
    time.sleep(LINGER)


def note(what: str, point: str) -> None:
    _append(FOLDER / "journal", f"{time.monotonic():.3f} {_part} {os.getpid()} {what} {point}\n")


def handled(service: str, key: str, sequence: str) -> None:
    _append(FOLDER / "handled" / service, f"{key} {sequence}\n")


def fail_if_bugged(service: str, type: str, family_id: str) -> None:
    """Raises Bug where the service has one for such an event of such a family: of these families, or of a share of all."""
    with contextlib.suppress(FileNotFoundError):
        bug = json.loads((FOLDER / "bugs" / service).read_text())
        concerned = family_id in bug["families"] or uuid.UUID(family_id).int % 100 < bug["percent"]
        if concerned and (not bug["types"] or type in bug["types"]):
            raise Bug


def _append(path: Path, line: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
