"""A full disk, as a process meets with it.

A limit on the size of files does that; a file system of our own, to be filled, would need rights. It ends as on one that is full: a
write of mongod's journal fails (there with ENOSPC, here with EFBIG), and it aborts (SIGABRT).
"""

from __future__ import annotations

import resource

ROOM = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
"""The limit on the size of files, as it usually is."""


def take_room(pid: int) -> None:
    """From now on the kernel refuses whatever this process writes to a file."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def give_room(pid: int) -> None:
    """It can write again."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, ROOM)
