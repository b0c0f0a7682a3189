"""`python -m services.notifications web | worker | migrate | seed`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.notifications.clock import schedule
from services.notifications.reactions import subscription
from services.notifications.service import open_service
from services.notifications.settings import NotificationsSettings
from services.notifications.store import SERVICE
from shared.events import topic
from shared.log import open_log
from shared.settings import load
from shared.worker import run_worker

GUNICORN = Path(__file__).parents[2] / "shared" / "embedded" / "gunicorn_conf.py"


def web(settings: NotificationsSettings) -> int:
    """The web process, on `PORT`: this process becomes gunicorn."""
    app = f"services.{SERVICE}.app:create_app()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN), app])  # noqa: S606


def worker(settings: NotificationsSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    service = open_service(settings)
    return run_worker(
        SERVICE,
        settings,
        service.store.database,
        collections=[service.store.messages.collection],
        topic=topic(SERVICE),
        subscription=subscription(service),
        schedule=schedule(service),
        breaches=service.store.breaches,
    )


def migrate(settings: NotificationsSettings) -> int:
    """Make the indexes and the topic. Doing it again changes nothing."""
    service = open_service(settings)
    service.store.ensure_indexes()
    service.close()
    log = open_log(settings)
    log.create_topics([topic(SERVICE)])
    log.close()
    return 0


def seed(settings: NotificationsSettings) -> int:
    """Nothing: messages come from events."""
    return 0


COMMANDS = {"web": web, "worker": worker, "migrate": migrate, "seed": seed}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m services.{SERVICE} {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](load(NotificationsSettings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
