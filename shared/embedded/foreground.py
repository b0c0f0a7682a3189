"""A command in the foreground: `make run`, `make kafka`. It works until Ctrl-C or SIGTERM, and then ends all that it has started.

    def work(at_end: ExitStack) -> None:
        at_end.callback(stack.stop)
        stack.start()
        forever()

    sys.exit(in_foreground(work, sys.argv[1:]))

Exit code 0 after a signal, 1 for Trouble (its one line on standard error). With `--with-parent` it also ends when its parent does.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NoReturn

from shared.embedded import leash
from shared.embedded.trouble import Trouble

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def in_foreground(work: Callable[[ExitStack], None], arguments: Sequence[str]) -> int:
    """Work until a signal comes; then what `work` has put on the stack is called, undisturbed by further signals."""
    if "--with-parent" in arguments:  # make was killed: end, so that nothing is left
        leash.tie_to_parent()
    for number in ENDING:
        signal.signal(number, _interrupt)
    at_end = ExitStack()
    try:
        work(at_end)
    except KeyboardInterrupt:
        say("Stopping …")
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        at_end.close()
    say("Stopped.")
    return 0


def say(line: str) -> None:
    with contextlib.suppress(OSError):  # whoever read our output may be gone; that is no reason to stop
        print(line, flush=True)


def _interrupt(number: int, frame: object) -> NoReturn:
    for ending in ENDING:
        signal.signal(ending, signal.SIG_IGN)  # the first one is enough
    raise KeyboardInterrupt
