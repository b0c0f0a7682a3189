"""`python -m services.referrals web | worker | migrate | seed | parked | dead | rewind | rebuild` with `--help`."""

from __future__ import annotations

import sys

from services.referrals.clock import schedule
from services.referrals.reactions import MODELS, subscription
from services.referrals.service import open_service
from services.referrals.settings import ReferralsSettings
from services.referrals.store import SERVICE
from shared import commands, reference


def worker(settings: ReferralsSettings) -> int:
    """Relay, consumer and clock, until a signal comes."""
    referrals = open_service(settings)
    return commands.work(SERVICE, settings, referrals.store, subscription(referrals), schedule(referrals))


def migrate(settings: ReferralsSettings) -> int:
    """Make the indexes and the topics. Doing it again changes nothing."""
    return commands.migrate(settings, open_service(settings).store)


def seed(settings: ReferralsSettings) -> int:
    """Write the directory of services. Doing it again keeps what is known of free places."""
    store = open_service(settings).store
    with store.client:
        store.directory.seed(reference.services())
    return 0


def opened(settings: ReferralsSettings) -> commands.Opened:
    """What the operations on messages and read models work on."""
    referrals = open_service(settings)
    return commands.Opened(referrals.store.database, subscription(referrals))


COMMANDS = {
    "worker": worker,
    "migrate": migrate,
    "seed": seed,
    **commands.operations(SERVICE, opened, MODELS),
}


def main(arguments: list[str]) -> int:
    return commands.run(SERVICE, ReferralsSettings, COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
