"""`python -m services.notifications web | worker | migrate | seed | parked | dead | rewind | rebuild` with `--help`."""

from __future__ import annotations

import sys

from services.notifications.clock import schedule
from services.notifications.reactions import MODELS, subscription
from services.notifications.service import open_service
from services.notifications.settings import NotificationsSettings
from services.notifications.store import SERVICE
from shared import commands


def worker(settings: NotificationsSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    notifications = open_service(settings)
    return commands.work(
        SERVICE, settings, notifications.store, subscription(notifications), schedule(notifications)
    )


def migrate(settings: NotificationsSettings) -> int:
    """Make the indexes and the topics. Doing it again changes nothing."""
    return commands.migrate(settings, open_service(settings).store)


def seed(settings: NotificationsSettings) -> int:
    """Nothing: messages come from events."""
    return 0


def opened(settings: NotificationsSettings) -> commands.Opened:
    """What the operations on messages and read models work on."""
    notifications = open_service(settings)
    return commands.Opened(notifications.store.database, subscription(notifications))


COMMANDS = {
    "worker": worker,
    "migrate": migrate,
    "seed": seed,
    **commands.operations(SERVICE, opened, MODELS),
}


def main(arguments: list[str]) -> int:
    return commands.run(SERVICE, NotificationsSettings, COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
