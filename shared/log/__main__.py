"""The command line of the event log: `python -m shared.log create-topics | copy --from embedded --to kafka`.

Which log, and where, the settings say (docs/settings.md). Both commands may be repeated: topics that are there are kept, and a
copy goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from shared.events import TOPICS
from shared.log import Log, LogAway, UnknownTopic, open_log
from shared.log.copying import NotTheBeginning, copy
from shared.settings import Settings, load

LOGS = ("embedded", "kafka")
PATIENCE_SECONDS = 60.0
"""How long `create-topics` waits for a log that does not answer: whatever starts a stack may start both at once."""
PAUSE_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    parser = _parser()
    asked = parser.parse_args(arguments)
    settings = load(Settings)
    try:
        if asked.command == "create-topics":
            return _create_topics(settings)
        if asked.source == asked.target:
            parser.error("copy: --from and --to name the same log")
        return _copy(settings, asked.source, asked.target)
    except UnknownTopic as unknown:
        return _refuse(f"There is no topic {unknown.topic!r} in one of the logs: create-topics makes it.")
    except NotTheBeginning as refusal:
        return _refuse(str(refusal))
    except LogAway as away:
        return _refuse(
            f"A log does not answer ({away}). Start the command again: it goes on where it stopped."
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.log",
        description="The event log: make its topics, or copy one log to the other.",
        epilog="Settings are read from the environment: LOG, MONGO_URL, DATABASE_PREFIX, "
        "KAFKA_BOOTSTRAP, KAFKA_PARTITIONS, KAFKA_REPLICATION.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser(
        "create-topics",
        help="make the topics that are not there yet, in the log that LOG names",
        description="Make the topics of all services in the log that LOG names. Topics that are there are kept as they are.",
    )
    copying = commands.add_parser(
        "copy",
        help="copy all events from one log to the other",
        description="Copy all events from one log to the other. Stop all workers first. "
        "The target's topics have to be there (create-topics), and empty or the beginning of the source's. "
        "Groups begin at the beginning there: what they have handled they handle again, which changes nothing.",
    )
    copying.add_argument("--from", dest="source", choices=LOGS, required=True, help="the log to read")
    copying.add_argument("--to", dest="target", choices=LOGS, required=True, help="the log to write")
    return parser


def _create_topics(settings: Settings) -> int:
    with closing(open_log(settings)) as log:
        _patiently(lambda: log.create_topics(TOPICS))
    print(f"The topics are there: {', '.join(TOPICS)}.")
    return 0


def _copy(settings: Settings, source: str, target: str) -> int:
    with closing(_open(settings, source)) as old, closing(_open(settings, target)) as new:
        for topic, copied, there in copy(old, new, TOPICS):
            print(f"{topic}: {copied} copied, {there} were there.", flush=True)
    return 0


def _open(settings: Settings, name: str) -> Log:
    return open_log(replace(settings, log=name))


def _patiently(action: Callable[[], None]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except LogAway:
            if time.monotonic() > end:
                raise
        print("Waiting for the log …", file=sys.stderr, flush=True)
        time.sleep(PAUSE_SECONDS)


def _refuse(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
