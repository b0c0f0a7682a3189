"""Whoever looks after the parts of a stack: what has died is started again at once, and every death is counted.

    with Keeper(stack) as keeper:
        keeper.held.add("mongod")                   # left dead when it dies, until it is taken out again
        keeper.expect("intake"); stack.kill("intake")
        keeper.end(["intake", "casework"])          # SIGTERM
        with keeper.full_disk(): …                  # nothing of the database can be written down
        keeper.unexpected()                         # who has died without being hit

The stack by itself would wait ever longer before it starts again what dies again and again, which is right in earnest.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.embedded.stack import Stack
from shared.embedded.trouble import Trouble
from tests.callers import until
from tests.faults.disk import give_room, take_room

LOOK_SECONDS = 0.05
END_SECONDS = 20.0
"""How long a part is waited for that was told to end, before it is killed."""


@dataclass(frozen=True)
class Ended:
    """How a part ended that was told to: after how many seconds, and its exit code (negative: the signal that ended it)."""

    seconds: float
    code: int


class Keeper:
    def __init__(self, stack: Stack) -> None:
        """`stack`: one that does not revive its parts itself."""
        self.held: set[str] = set()
        """Parts that are left dead."""
        self._stack = stack
        self._expected: Counter[str] = Counter()
        self._deaths: dict[int, str] = {}
        self._without_room: set[str] = set()
        self._limited: set[int] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper")

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()

    # ------------------------------------------------------------------ deaths

    def deaths(self, part: str) -> int:
        """How often the part has died since the stack began."""
        return Counter(self._deaths.values())[part]

    def expect(self, part: str) -> None:
        """It is about to die once, or just has: it was hit."""
        self._expected[part] += 1

    def unexpected(self) -> dict[str, int]:
        """How often each part has died without being hit."""
        return dict(Counter(self._deaths.values()) - self._expected)

    # ------------------------------------------------------------------ told to end, and a full disk

    def end(self, parts: Sequence[str]) -> dict[str, Ended]:
        """SIGTERM all of these at once, and wait for them; how each has ended. Then they are started again."""
        pids = {part: self._stack.pid_of(part) for part in parts}
        ended: dict[str, Ended] = {}
        self.held.update(parts)
        begun = time.monotonic()
        for part in parts:
            self.expect(part)
            self._stack.signal(part, signal.SIGTERM)

        def all_ended() -> bool:
            for part, pid in pids.items():
                code = None if part in ended else _exit_code(pid)
                if code is not None:
                    ended[part] = Ended(time.monotonic() - begun, code)
            return len(ended) == len(pids)

        try:
            until(all_ended, "who was told to end has ended", END_SECONDS)
        except AssertionError:
            for part in pids.keys() - ended.keys():
                ended[part] = Ended(time.monotonic() - begun, -signal.SIGKILL)
                self._stack.kill(part)
        finally:
            self.held.difference_update(parts)
        return ended

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """For the length of the block mongod, and whichever is started in its place, has no room."""
        self._without_room.add("mongod")
        try:
            yield
        finally:
            self._without_room.discard("mongod")
            for pid in tuple(self._limited):
                with contextlib.suppress(ProcessLookupError):
                    give_room(pid)
            self._limited.clear()

    # ------------------------------------------------------------------ in the keeper's own thread

    def _keep(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            for part in self._stack.parts:
                pid = self._stack.pid_of(part)
                if part not in self.held and _is_dead(pid):
                    self._deaths[pid] = part
                    with contextlib.suppress(Trouble, OSError):
                        self._stack.start_part(part, 0.0)
                if part in self._without_room:
                    self._take_room(part)

    def _take_room(self, part: str) -> None:
        pid = self._stack.pid_of(part)
        if pid not in self._limited and pid not in self._deaths:
            with contextlib.suppress(ProcessLookupError):
                take_room(pid)
                self._limited.add(pid)
                self.expect(part)


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def _exit_code(pid: int) -> int | None:
    """Of a child that has ended, with all its threads, and is still to be waited for: that is left to whoever started it."""
    died = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if died is None:
        return None
    return died.si_status if died.si_code == os.CLD_EXITED else -died.si_status
