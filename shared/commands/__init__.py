"""The command line of a service: `python -m services.<name> web | worker | migrate | seed | parked | dead | rewind | rebuild`.

Each service's `__main__` says what its worker consists of, what it seeds, and what the operations work on; how a process is started
and what a person can do about parked messages is the same for all (`operations`; docs/operations.md says when to do what):

    def worker(settings: CaseworkSettings) -> int:
        casework = open_service(settings)
        return commands.work(SERVICE, settings, casework.store, subscription(casework), schedule(casework))

    def opened(settings: CaseworkSettings) -> commands.Opened:
        casework = open_service(settings)
        return commands.Opened(casework.store.database, subscription(casework))

    COMMANDS = {"worker": worker, "migrate": migrate, "seed": seed, **commands.operations(SERVICE, opened, MODELS)}
    sys.exit(commands.run(SERVICE, CaseworkSettings, COMMANDS, sys.argv[1:]))

A command is a function of the settings (its docstring is its help), a `Command` with arguments, or a `Group` of them. Exit codes:
0 done; 1 it could not be done (one line on standard error says why); 2 asked for in a wrong way, or without `--yes`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pymongo.database import Database

from shared.aggregate import Aggregates
from shared.clock import Schedule
from shared.commands.line import Command, Given, Group, Refused, carry_out
from shared.commands.operations import Opened, operations
from shared.consumer import Subscription
from shared.events import TOPICS, topic
from shared.log import open_log
from shared.settings import Settings
from shared.worker import run_worker

__all__ = ["Command", "Group", "Opened", "Refused", "migrate", "operations", "run", "web", "work"]

S = TypeVar("S", bound=Settings)
GUNICORN = Path(__file__).parents[1] / "embedded" / "gunicorn_conf.py"


class Store(Protocol):
    """What a service's store has to offer here. `aggregates`: all that have an outbox."""

    database: Database

    @property
    def aggregates(self) -> Sequence[Aggregates[Any]]: ...

    def breaches(self) -> int: ...

    def ensure_indexes(self) -> None: ...


def run(service: str, kind: type[S], commands: Mapping[str, Given], arguments: list[str]) -> int:
    """Carry out the one command that is asked for; returns the exit code."""

    def web_process(settings: S) -> int:
        """Answer requests, on PORT: this process becomes gunicorn."""
        return web(service)

    return carry_out(f"services.{service}", service, kind, {"web": web_process, **commands}, arguments)


def web(service: str) -> int:
    """The web process, on `PORT`: this process becomes gunicorn."""
    app = f"services.{service}.app:create_app()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN), app])  # noqa: S606


def work(
    service: str, settings: Settings, store: Store, subscription: Subscription, schedule: Schedule
) -> int:
    """Relay, consumer and clock, until a signal comes."""
    with store.database.client:
        return run_worker(
            service,
            settings,
            store.database,
            collections=[aggregates.collection for aggregates in store.aggregates],
            topic=topic(service),
            subscription=subscription,
            schedule=schedule,
            breaches=store.breaches,
        )


def migrate(settings: Settings, store: Store) -> int:
    """Make the indexes and the topics (all of them, so that services may start in any order). Doing it again changes nothing."""
    with store.database.client, closing(open_log(settings)) as log:
        store.ensure_indexes()
        log.create_topics(TOPICS)
    return 0
