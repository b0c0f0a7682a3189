"""All families of all centers, into the databases of the four services."""

from __future__ import annotations

import subprocess
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

import services.casework.policy
import services.casework.store
import services.intake.policy
import services.intake.store
import services.notifications.policy
import services.notifications.store
import services.referrals.policy
import services.referrals.store
from services.casework.store import StaffList
from shared import reference
from shared.embedded import mongod
from shared.reference import Center
from shared.settings import Settings
from tests.generated.centers import cast, journals_of, staff_of
from tests.generated.differences import HIGHEST
from tests.generated.stories import Stories
from tests.generated.templates import Generated, Template, family, in_center

SEED = 7
OPEN = 30
"""Families of a center that something is to be done for: fifteen of each of its two workers."""
WRITERS = 2
AT_ONCE = 2_000
"""Documents of one insert."""


@contextmanager
def alone(folder: Path, port: int) -> Iterator[str]:
    """A mongod without a replica set, which keeps no second copy of what is written: to fill a folder that `mongod.running` then
    takes over. Yields its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (
        "--dbpath",
        str(folder),
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--wiredTigerCacheSizeGB",
        "1",
    )
    server = subprocess.Popen(
        [mongod.binary(), *options, "--nounixsocket", "--quiet"], stdout=subprocess.DEVNULL
    )
    try:
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        server.terminate()
        server.wait()


def fill(
    mongo_url: str,
    prefix: str,
    stories: Stories,
    families: int,
    centers: Sequence[Center] = reference.centers(),
) -> int:
    """Families in the databases with this prefix, with the indexes of the services, ready for a stack. Returns how many documents.

    What is there already is not looked at: fill a prefix once.
    """
    many = 0
    with MongoClient(mongo_url) as client, ThreadPoolExecutor(WRITERS) as writers:
        under_way: deque[Future[Any]] = deque()
        for service, name, documents in _batches(_families(stories, families, centers)):
            many += len(documents)
            under_way.append(
                writers.submit(client[prefix + service][name].insert_many, documents, ordered=False)
            )
            if len(under_way) > WRITERS:
                under_way.popleft().result()
        for each in under_way:
            each.result()
        for store in _stores(client, prefix):
            store.ensure_indexes()
        _finish(client, prefix, stories.journals, centers)
    return many


def _families(stories: Stories, families: int, centers: Sequence[Center]) -> Iterator[Generated]:
    """They lie beside each other as they come: the first of a center are those for whom something is still to be done."""
    chance = Random(SEED)

    @cache
    def template(is_open: bool, story: int, center: int, turn: int) -> Template:
        told = (stories.still if is_open else stories.done)[story]
        return in_center(told, cast(centers[center], turn), is_open=is_open)

    for n in range(families):
        of_center, center = divmod(n, len(centers))
        is_open = of_center < OPEN
        turn, story = divmod(of_center, len(stories.still if is_open else stories.done))
        yield from family(template(is_open, story, center, turn % 2), n, chance)


def _batches(documents: Iterator[Generated]) -> Iterator[tuple[str, str, list[RawBSONDocument]]]:
    waiting: dict[tuple[str, str], list[RawBSONDocument]] = defaultdict(list)
    for service, name, document in documents:
        waiting[service, name].append(document)
        if len(waiting[service, name]) == AT_ONCE:
            yield service, name, waiting.pop((service, name))
    for (service, name), rest in waiting.items():
        yield service, name, rest


def _stores(client: MongoClient, prefix: str) -> Iterator[Any]:
    """The stores of the four services, on a client that waits as long as an index takes."""
    settings: dict[str, Any] = {"database_prefix": prefix}
    policy = services.casework.policy.load()
    yield services.intake.store.open_store(client, Settings(**settings), services.intake.policy.load())
    yield services.casework.store.open_store(client, Settings(**settings), policy.deadlines)
    yield services.referrals.store.open_store(
        client, Settings(**settings), services.referrals.policy.load_policy().deadlines
    )
    yield services.notifications.store.open_store(
        client, Settings(**settings), services.notifications.policy.Policy.load()
    )


def _finish(
    client: MongoClient, prefix: str, journals: Mapping[str, Sequence[str]], centers: Sequence[Center]
) -> None:
    """Who works in the centers, and the numbers from which the journals go on."""
    StaffList(client[prefix + "casework"]["staff"]).seed(
        [member for center in centers for member in staff_of(center)]
    )
    for service, series in journals.items():
        counters = client[prefix + service]["numbers"]
        for center in centers if series else ():
            for name in journals_of(center, series):
                counters.update_one({"_id": name}, {"$max": {"n": HIGHEST}}, upsert=True)
