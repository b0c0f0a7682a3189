"""`python -m services.casework web | worker | migrate | seed`."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path

from services.casework.clock import schedule
from services.casework.reactions import subscription
from services.casework.service import open_service
from services.casework.settings import CaseworkSettings
from services.casework.store import SERVICE
from shared import reference
from shared.events import topic
from shared.log import open_log
from shared.settings import load
from shared.worker import run_worker

GUNICORN = Path(__file__).parents[2] / "shared" / "embedded" / "gunicorn_conf.py"


def web(settings: CaseworkSettings) -> int:
    """The web process, on `PORT`: this process becomes gunicorn."""
    app = f"services.{SERVICE}.app:create_app()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN), app])  # noqa: S606


def worker(settings: CaseworkSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    casework = open_service(settings)
    with casework.store.client:
        return run_worker(
            SERVICE,
            settings,
            casework.store.database,
            collections=[casework.store.cases.collection],
            topic=topic(SERVICE),
            subscription=subscription(casework),
            schedule=schedule(casework),
            breaches=casework.store.breaches,
        )


def migrate(settings: CaseworkSettings) -> int:
    """Make the indexes and the topic. Doing it again changes nothing."""
    store = open_service(settings).store
    with store.client, closing(open_log(settings)) as log:
        store.ensure_indexes()
        log.create_topics([topic(SERVICE)])
    return 0


def seed(settings: CaseworkSettings) -> int:
    """Write who works in which center. Doing it again changes nothing of those who are known."""
    store = open_service(settings).store
    with store.client:
        store.staff.seed(reference.staff())
    return 0


COMMANDS = {"web": web, "worker": worker, "migrate": migrate, "seed": seed}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m services.{SERVICE} {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](load(CaseworkSettings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
