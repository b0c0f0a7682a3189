"""The command line of a service: `python -m services.<name> web | worker | migrate | seed`.

Each service's `__main__` says what its worker consists of and what it seeds; how a process is started is the same for all:

    def worker(settings: CaseworkSettings) -> int:
        casework = open_service(settings)
        return commands.work(SERVICE, settings, casework.store, subscription(casework), schedule(casework))

    sys.exit(commands.run(SERVICE, CaseworkSettings, {"worker": worker, "migrate": migrate, "seed": seed}, sys.argv[1:]))
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pymongo.database import Database

from shared.aggregate import Aggregates
from shared.clock import Schedule
from shared.consumer import Subscription
from shared.events import TOPICS, topic
from shared.log import open_log
from shared.settings import Settings, load
from shared.worker import run_worker

S = TypeVar("S", bound=Settings)
GUNICORN = Path(__file__).parent / "embedded" / "gunicorn_conf.py"


class Store(Protocol):
    """What a service's store has to offer here. `aggregates`: all that have an outbox."""

    database: Database

    @property
    def aggregates(self) -> Sequence[Aggregates[Any]]: ...

    def breaches(self) -> int: ...

    def ensure_indexes(self) -> None: ...


def run(service: str, kind: type[S], commands: Mapping[str, Callable[[S], int]], arguments: list[str]) -> int:
    """Carry out the one command that is asked for; returns the exit code (2 for anything else)."""
    known = {"web": lambda settings: web(service), **commands}
    if len(arguments) != 1 or arguments[0] not in known:
        sys.stderr.write(f"usage: python -m services.{service} {' | '.join(known)}\n")
        return 2
    return known[arguments[0]](load(kind))


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
