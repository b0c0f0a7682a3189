"""Start a program that ends when its parent does: `python -I -S leash.py PARENT_PID PROGRAM ARGUMENT…`.

The kernel sends SIGTERM to the program when the thread that started it is gone (`PR_SET_PDEATHSIG`), even after a `kill -9`.
A small program of its own, for code between fork and exec of a process with threads may deadlock.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """From now on this process gets SIGTERM when its parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2:]
    tie_to_parent()
    if os.getppid() != parent:  # it ended before the leash was on
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606
