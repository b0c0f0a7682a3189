"""A sender that writes each SMS as a line of a file, where a demo or a test reads it. It stands in for a gateway.

A line is `{"reference", "phone", "text", "language", "at"}`, and the file is readable by its owner only. Everything happens under
an exclusive lock on the file (`flock`): the look whether the reference is there already, the writing, the `fsync`. So two processes
never write one reference twice, also when one of them is stopped in between: the other one then waits in vain, and is told
`SenderAway`. A line counts when its end is there; the rest of one that a crash cut off was promised to nobody and is removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from services.notifications.sender import Receipt, Refused, SenderAway, Sms, TooLate
from shared.events import cut

LOCK_SECONDS = 1.0
"""How long another process that has the file is waited for."""
LOOK_SECONDS = 0.005
E164 = re.compile(r"\+[1-9][0-9]{7,14}")


class FileSender:
    """See the module. The references are kept in memory, so a look reads only what others have added meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._inode = 0
        self._read = 0
        """How much of the file is known: always whole lines."""
        self._receipts: dict[str, Receipt] = {}

    def send(self, sms: Sms, before: float) -> Receipt:
        if not E164.fullmatch(sms.phone):
            raise Refused("bad-number")
        with self._locked() as file:
            known = self._receipts.get(sms.reference)
            if known is not None:
                os.fsync(file)  # who wrote it may have died before its own
                return known
            if time.monotonic() > before:
                raise TooLate
            at = cut(datetime.now(UTC))
            self._append(file, _line(sms, at))
            self._receipts[sms.reference] = receipt = Receipt(language=sms.language, at=at)
            return receipt

    def find(self, reference: str) -> Receipt | None:
        with self._locked() as file:
            known = self._receipts.get(reference)
            if known is not None:
                os.fsync(file)
            return known

    def _append(self, file: int, line: bytes) -> None:
        try:
            written = os.write(file, line)
            if written != len(line):
                raise OSError("the disk is full")
            os.fsync(file)
        except OSError:
            os.ftruncate(file, self._read)
            raise
        self._read += len(line)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The open file, locked, its lines known. Raises SenderAway."""
        end = time.monotonic() + LOCK_SECONDS
        if not self._mutex.acquire(timeout=LOCK_SECONDS):
            raise SenderAway
        try:
            file = self._open()
            try:
                _lock(file, end)
                self._catch_up(file)
                yield file
            finally:
                os.close(file)  # and with it the lock
        except OSError as error:
            raise SenderAway from error
        finally:
            self._mutex.release()

    def _open(self) -> int:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if os.fstat(file).st_ino != self._inode:  # the first time, or somebody has removed the file
            _sync_folder(folder)
        return file

    def _catch_up(self, file: int) -> None:
        """Read the lines that others have added, and cut off what is not a whole line."""
        status = os.fstat(file)
        if status.st_ino != self._inode or status.st_size < self._read:
            self._inode, self._read, self._receipts = status.st_ino, 0, {}
        added = os.pread(file, status.st_size - self._read, self._read)
        whole = added[: added.rfind(b"\n") + 1]
        try:
            self._receipts |= dict(_known(line) for line in whole.splitlines())
        except (
            ValueError,
            KeyError,
            TypeError,
        ):  # not ours: what it says is not known, so nothing may be sent
            raise SenderAway from None
        self._read += len(whole)
        if len(whole) < len(added):
            os.ftruncate(file, self._read)


def _lock(file: int, end: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
        time.sleep(LOOK_SECONDS)


def _line(sms: Sms, at: datetime) -> bytes:
    entry = {
        "reference": sms.reference,
        "phone": sms.phone,
        "text": sms.text,
        "language": sms.language,
        "at": at.isoformat(timespec="milliseconds"),
    }
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"


def _known(line: bytes) -> tuple[str, Receipt]:
    entry = json.loads(line)
    return entry["reference"], Receipt(language=entry["language"], at=datetime.fromisoformat(entry["at"]))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
