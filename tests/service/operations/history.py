"""A long history of the four services, and the log that it made: what is read anew, or heard again, has to come to the same.

People, services and their way of meeting are those of `tests/convergence`; here everything they told stands on a real log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from shared import mongo
from shared.events import TOPICS, topic
from shared.events.cloudevents import Envelope, to_message
from shared.log.embedded import EmbeddedLog
from shared.settings import Settings
from tests.convergence.machine import NAMES, STEPS, Convergence, danger
from tests.convergence.people import CENTERS, KINDS, SCOPES
from tests.convergence.world import World, open_world

STEPS_TAKEN = 120
ASIDE = frozenset({"leases", "parked", "dead", "heartbeat"})
"""Bookkeeping: who works, and what was set aside."""


@dataclass(frozen=True)
class History:
    """`told`: every event, in the order in which it was told."""

    world: World
    settings: Settings
    told: Sequence[Envelope]
    log: EmbeddedLog

    def dump(self) -> Mapping[str, Mapping[str, Any]]:
        """Service → collection → id → document, without bookkeeping and what only counts writes."""
        dump = self.world.dump()
        for files in (dump["intake"]["files"], dump["casework"]["family_files"]):
            _without_revision(files)
        _without_revision(dump["referrals"]["family_files"])
        _without_revision(dump["notifications"]["files"])
        return {
            service: {name: rows for name, rows in collections.items() if rows and name not in ASIDE}
            for service, collections in dump.items()
        }


def _without_revision(rows: Mapping[str, Any]) -> None:
    for row in rows.values():
        row.pop("revision", None)


@contextmanager
def open_history(mongo_url: str, prefix: str, folder: Path) -> Iterator[History]:
    """It has happened, and everything has arrived everywhere."""
    client = mongo.connect(mongo_url)
    with open_world(mongo_url, prefix, folder) as world, client:
        told = _happen(world, Random(5))
        world.time.stands = True
        log = EmbeddedLog(mongo.database(client, f"{prefix}log"))
        log.create_topics(TOPICS)
        append(log, told)
        settings = Settings(mongo_url=mongo_url, database_prefix=prefix, data_dir=str(folder))
        yield History(world, settings, told, log)


def append(log: EmbeddedLog, told: Sequence[Envelope]) -> None:
    """Each event on its service's topic, in this order."""
    for name in TOPICS:
        log.append(name, [to_message(envelope) for envelope in told if topic(envelope.source[1:]) == name])


def _happen(world: World, of: Random) -> Sequence[Envelope]:
    history = Convergence(world)
    history.people.comes(0, CENTERS[0], danger(of), SCOPES, "yes", "alone")
    history.people.screens(0, "open-case")
    for step in range(STEPS_TAKEN):
        if step % 8 == 0:
            history.settle()
            history.people.goes_on(0)
            history.people.refers(0, KINDS[0], with_measure=True, replacing=False)
        STEPS[of.choice(NAMES)](history, of)
    history.come_to_rest()
    return tuple(history.log.told)
