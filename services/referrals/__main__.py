"""`python -m services.referrals web | worker | migrate | seed`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from services.referrals.clock import schedule
from services.referrals.reactions import subscription
from services.referrals.service import open_service
from services.referrals.settings import ReferralsSettings
from services.referrals.store import SERVICE
from shared import reference
from shared.events import topic
from shared.log import open_log
from shared.settings import load
from shared.worker import run_worker

GUNICORN = Path(__file__).parents[2] / "shared" / "embedded" / "gunicorn_conf.py"


def web(settings: ReferralsSettings) -> int:
    """The web process, on `PORT`: this process becomes gunicorn."""
    app = f"services.{SERVICE}.app:create_app()"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(GUNICORN), app])  # noqa: S606


def worker(settings: ReferralsSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    referrals = open_service(settings)
    return run_worker(
        SERVICE,
        settings,
        referrals.store.database,
        collections=[referrals.store.referrals.collection],
        topic=topic(SERVICE),
        subscription=subscription(referrals),
        schedule=schedule(referrals),
        breaches=referrals.store.breaches,
    )


def migrate(settings: ReferralsSettings) -> int:
    """Make the indexes and the topic. Doing it again changes nothing."""
    open_service(settings).store.ensure_indexes()
    log = open_log(settings)
    log.create_topics([topic(SERVICE)])
    log.close()
    return 0


def seed(settings: ReferralsSettings) -> int:
    """Write the directory of services. Doing it again keeps what is known of free places."""
    open_service(settings).store.directory.seed(reference.services())
    return 0


COMMANDS = {"web": web, "worker": worker, "migrate": migrate, "seed": seed}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m services.{SERVICE} {' | '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return COMMANDS[arguments[0]](load(ReferralsSettings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
