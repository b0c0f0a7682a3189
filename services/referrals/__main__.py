"""`python -m services.referrals web | worker | migrate | seed`."""

from __future__ import annotations

import sys

from services.referrals.clock import schedule
from services.referrals.reactions import subscription
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


COMMANDS = {"worker": worker, "migrate": migrate, "seed": seed}


def main(arguments: list[str]) -> int:
    return commands.run(SERVICE, ReferralsSettings, COMMANDS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
