"""One program of the embedded stack: started, watched, ended.

Every child holds two things of its parent: a leash (it ends when the parent ends, see `leash`) and the descriptor of the lock
on DATA_DIR, which is therefore free only when the last child is gone. So there are no pid files, and a new run can wait for
the rest of a killed one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from shared.embedded import leash
from shared.embedded.trouble import Trouble

ROOT = Path(__file__).parents[2]
LOG_LIMIT = 20 * 2**20
LEFT_OUT = ("GUNICORN_CMD_ARGS", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
"""What a child must not inherit: it would change what is started."""
ALWAYS = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
"""Threads that wait need no memory pools of their own; without this each process grows by some megabytes."""


class Lock:
    """The lock on a folder that this process and all its children share."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] = (folder / "run.lock").open("a")

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    def take(self, wait: float, waiting: Callable[[], None]) -> bool:
        """Take the lock, waiting up to `wait` seconds for those who hold it; `waiting()` is called once if it has to."""
        end, told = time.monotonic() + wait, False
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    return False
                if not told:
                    waiting()
                    told = True
                time.sleep(0.05)
            else:
                return True

    def close(self) -> None:
        self._file.close()


class Process:
    """A running program, the leader of a process group of its own."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, lock: Lock | None = None
    ) -> None:
        """Start it. Its output goes to the end of the file `log`. Raises Trouble when it cannot be started."""
        inherited = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        shorten(log)
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), *command],
                    cwd=ROOT,
                    env={**inherited, **ALWAYS, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(lock.descriptor,) if lock else (),
                    start_new_session=True,
                )
        except OSError as error:
            raise Trouble(f"{Path(command[0]).name} cannot be started: {error.strerror}.") from None
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal to the whole group, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within `seconds`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))
        return self.code is not None

    def kill(self) -> None:
        """End it and what it started, at once."""
        self.send(signal.SIGKILL)
        self._process.wait()


def end(processes: Sequence[Process], seconds: float) -> None:
    """Ask all to end, wait up to `seconds` for all together, then kill those that are left, and their children too."""
    for process in processes:
        process.send(signal.SIGTERM)
    limit = time.monotonic() + seconds
    for process in processes:
        process.wait(limit - time.monotonic())
    for process in processes:
        process.kill()


def shorten(log: Path) -> None:
    """Keep a log small: when it is over LOG_LIMIT its content moves to `<name>.1`, also while a program writes to it.

    The program appends, so it goes on at the new end; a line written in between is lost, which a log of a demo can bear.
    """
    try:
        if log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
    except OSError:
        return  # not there yet, or the disk is full: the log is not what matters then


def program(name: str) -> str:
    """Path of a program that came with the Python packages. Raises Trouble."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise Trouble(f"{name} is missing: install what the stack needs with make run.")
    return found
