"""A process that makes attempts at sending and is killed, or stopped, at a given step: `attempting.py <settings as JSON>`.

On each line of standard input: `try <message id> <step> <KILL|STOP> <leave in ms> <data folder>` or `continue <pid>`. Each attempt is a child of its own, made by
fork before there is any thread or connection. Answers, one line each: `<pid> killed`, `<pid> stopped`, `<pid> ended <exit code>`.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import replace
from datetime import timedelta

import msgspec

from services.notifications import sending
from services.notifications.policy import Policy
from services.notifications.sender import file as file_module
from services.notifications.service import open_service
from services.notifications.settings import NotificationsSettings
from shared.aggregate import Aggregates

SETTINGS = msgspec.convert(msgspec.json.decode(sys.argv[1]), NotificationsSettings)
POLICY = Policy.load()


def attempt(id: str, step: str, number: int, leave: timedelta, folder: str) -> None:
    """One attempt, in which this process gets the signal at `step`."""

    def at(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), number)

    service = open_service(replace(SETTINGS, data_dir=folder), replace(POLICY, send_within=leave))
    service = replace(
        service,
        door=Around(service.door, "ask", at),
        sender=Around(Around(service.sender, "find", at), "send", at),
    )
    count_saves(at)
    break_writing(at)
    sending.attempt(service, id)


class Around:
    """Says `before-<method>` and `after-<method>` around one method of something."""

    def __init__(self, inner, method, at) -> None:
        self._inner, self._method, self._at = inner, method, at

    def __getattr__(self, name):
        inner = getattr(self._inner, name)
        if name != self._method:
            return inner

        def around(*arguments):
            self._at(f"before-{name}")
            answer = inner(*arguments)
            self._at(f"after-{name}")
            return answer

        return around


def count_saves(at) -> None:
    """Says `before-save-<n>` and `after-save-<n>`: 1 is *sending*, 2 is *sent*."""
    tick, saves = Aggregates.tick, []

    def counting(store, id, decide):
        saves.append(id)
        at(f"before-save-{len(saves)}")
        saved = tick(store, id, decide)
        at(f"after-save-{len(saves)}")
        return saved

    Aggregates.tick = counting


def break_writing(at) -> None:
    """Says `torn` when half a line is in the file, `unsynced` when all of it is but not yet on the disk."""
    write, fsync = os.write, os.fsync
    written = []

    def writing(file, line):
        if not line.startswith(b"{"):
            return write(file, line)
        written.append(write(file, line[:40]))
        at("torn")
        return written[0] + write(file, line[40:])

    def syncing(file):
        if written:
            at("unsynced")
        return fsync(file)

    file_module.os.write, file_module.os.fsync = writing, syncing


def main() -> None:
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "try":
            id, step, name, milliseconds, folder = arguments
            leave = timedelta(milliseconds=int(milliseconds))
            pid = os.fork()
            if pid == 0:
                try:
                    attempt(id, step, getattr(signal, f"SIG{name}"), leave, folder)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
        else:
            pid = int(arguments[0])
            os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            print(pid, "stopped", flush=True)
        elif os.WIFSIGNALED(status):
            print(pid, "killed", flush=True)
        else:
            print(pid, "ended", os.WEXITSTATUS(status), flush=True)


if __name__ == "__main__":
    main()
