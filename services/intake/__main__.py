"""`python -m services.intake web | worker | migrate | seed`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.intake import policy
from services.intake.clock import schedule
from services.intake.reactions import subscription
from services.intake.service import open_service
from services.intake.settings import IntakeSettings
from shared.events import topic
from shared.log import open_log
from shared.settings import load
from shared.worker import run_worker

GUNICORN = Path(__file__).parents[2] / "shared" / "embedded" / "gunicorn_conf.py"


def web(settings: IntakeSettings) -> int:
    """The web process, on `PORT`: this process becomes gunicorn."""
    app = "services.intake.app:create_app()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN), app])  # noqa: S606


def worker(settings: IntakeSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    intake = open_service(settings)
    return run_worker(
        "intake",
        settings,
        intake.store.database,
        collections=[aggregates.collection for aggregates in intake.store.aggregates],
        topic=topic("intake"),
        subscription=subscription(intake),
        schedule=schedule(intake),
        breaches=intake.store.breaches,
    )


def migrate(settings: IntakeSettings) -> int:
    """Make the indexes and the topic. Doing it again changes nothing."""
    open_service(settings).store.ensure_indexes()
    log = open_log(settings)
    log.create_topics([topic("intake")])
    log.close()
    return 0


def seed(settings: IntakeSettings) -> int:
    """Nothing is written: centers and staff are reference data. What is wrong with the policy files is said here."""
    policy.load()
    return 0


COMMANDS = {"web": web, "worker": worker, "migrate": migrate, "seed": seed}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m services.intake {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](load(IntakeSettings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
