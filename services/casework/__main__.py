"""`python -m services.casework web | worker | migrate | seed | parked | dead | rewind | rebuild` with `--help`."""

from __future__ import annotations

import sys

from services.casework.clock import schedule
from services.casework.reactions import MODELS, subscription
from services.casework.service import open_service
from services.casework.settings import CaseworkSettings
from services.casework.store import SERVICE
from shared import commands, reference


def worker(settings: CaseworkSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    casework = open_service(settings)
    return commands.work(SERVICE, settings, casework.store, subscription(casework), schedule(casework))


def migrate(settings: CaseworkSettings) -> int:
    """Make the indexes and the topics. Doing it again changes nothing."""
    return commands.migrate(settings, open_service(settings).store)


def seed(settings: CaseworkSettings) -> int:
    """Write who works in which center. Doing it again changes nothing of those who are known."""
    store = open_service(settings).store
    with store.client:
        store.staff.seed(reference.staff())
    return 0


def opened(settings: CaseworkSettings) -> commands.Opened:
    """What the operations on messages and read models work on."""
    casework = open_service(settings)
    return commands.Opened(casework.store.database, subscription(casework))


COMMANDS = {
    "worker": worker,
    "migrate": migrate,
    "seed": seed,
    **commands.operations(SERVICE, opened, MODELS),
}


def main(arguments: list[str]) -> int:
    return commands.run(SERVICE, CaseworkSettings, COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
