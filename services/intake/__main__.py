"""`python -m services.intake web | worker | migrate | seed | parked | dead | rewind | rebuild` with `--help`."""

from __future__ import annotations

import sys

from services.intake import policy
from services.intake.clock import schedule
from services.intake.reactions import MODELS, subscription
from services.intake.service import open_service
from services.intake.settings import IntakeSettings
from services.intake.store import SERVICE
from shared import commands


def worker(settings: IntakeSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    intake = open_service(settings)
    return commands.work(SERVICE, settings, intake.store, subscription(intake), schedule(intake))


def migrate(settings: IntakeSettings) -> int:
    """Make the indexes and the topics. Doing it again changes nothing."""
    return commands.migrate(settings, open_service(settings).store)


def seed(settings: IntakeSettings) -> int:
    """Nothing is written: centers and staff are reference data. What is wrong with the policy files is said here."""
    policy.load()
    return 0


def opened(settings: IntakeSettings) -> commands.Opened:
    """What the operations on messages and read models work on."""
    intake = open_service(settings)
    return commands.Opened(intake.store.database, subscription(intake))


COMMANDS = {
    "worker": worker,
    "migrate": migrate,
    "seed": seed,
    **commands.operations(SERVICE, opened, MODELS),
}


def main(arguments: list[str]) -> int:
    return commands.run(SERVICE, IntakeSettings, COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
