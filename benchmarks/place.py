"""Where benchmarks run: a real mongod and a real broker of their own, on loopback, in a folder that goes with them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded import mongod
from shared.embedded.kafka import Broker
from shared.embedded.ports import free_base

_numbers = itertools.count(1)


@contextmanager
def database() -> Iterator[str]:
    """The URL of a replica set."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-mongod-") as folder,
        mongod.running(Path(folder), free_base()) as url,
    ):
        yield url


@contextmanager
def broker() -> Iterator[str]:
    """The address of a broker."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-kafka-") as folder,
        Broker(Path(folder), free_base()) as kafka,
    ):
        yield kafka.bootstrap


def prefix() -> str:
    """A prefix for names of databases, topics and groups that nothing measured before has used."""
    return f"b{next(_numbers)}_"
