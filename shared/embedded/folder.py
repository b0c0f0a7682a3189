"""DATA_DIR: the one folder in which the embedded stack keeps everything."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from shared.embedded.trouble import Trouble

NEEDED = 600 * 2**20
"""What a new database takes at once (its journal), and room to work in."""


def open_folder(data_dir: Path, needed: int = NEEDED) -> Path:
    """Make the folder and its logs and see that they can be written. Raises Trouble.

    They are for the owner's eyes only: the database under it has names in it.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs = data_dir / "logs"
        for folder in (logs, data_dir / "caddy"):
            folder.mkdir(mode=0o700, exist_ok=True)
        _write_something(logs / ".probe")
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        raise Trouble(explain(error, data_dir)) from None
    if free < needed:
        raise Trouble(
            f"The disk of DATA_DIR ({data_dir}) is full: {free // 2**20} MB are free, {needed // 2**20} MB are needed."
        )
    return data_dir


def explain(error: OSError, data_dir: Path) -> str:
    """One line for a person about an error of the file system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of DATA_DIR ({data_dir}) is full."
    return f"DATA_DIR ({data_dir}) cannot be used: {error.strerror}."


def _write_something(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\0" * 2**16)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
