"""How every process reaches MongoDB, and what its errors mean.

`connect` gives a client whose writes are acknowledged by a majority and journalled and whose reads see only what a majority
holds: what was answered with 2xx is not lost, and what was read was not rolled back. Documents come back with aware UTC times.

Errors are of three kinds: `is_away(error)`, the database does not answer (wait, never give up on the message); `is_transient`,
the same and write conflicts (try again soon); everything else is a bug or a poisonous input.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bson.codec_options import CodecOptions
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError, WTimeoutError

AWAY_CODES = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
"""Shutting down, stepped down, not primary, interrupted: the server will be back, or another one will answer."""
DISK_FULL = frozenset({14031})
WRITE_CONFLICT = 112
DUPLICATE_KEY = 11000


def connect(url: str, *, wait_ms: int = 2000) -> MongoClient:
    """A client with the guarantees above. `wait_ms`: how long an operation waits for a server before it fails."""
    return MongoClient(
        url,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        tz_aware=True,
        serverSelectionTimeoutMS=wait_ms,
        connectTimeoutMS=wait_ms,
        socketTimeoutMS=10_000,
        wTimeoutMS=10_000,
    )


def database(client: MongoClient, name: str) -> Database:
    return client.get_database(name, codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


def database_time(client: MongoClient) -> datetime:
    """The server's clock (aware UTC, ms). Timers go by it, so that a process with a wrong clock raises nothing early."""
    answer = client.admin.command("hello")["localTime"]
    return answer if answer.tzinfo else answer.replace(tzinfo=UTC)


def write_all(collection: Collection, writes: Sequence[UpdateOne]) -> bool:
    """Write them in one go, each of another document. False where one of them met with a document that somebody else has changed
    or made meanwhile: then the others are written, and it is not told which they are.
    """
    if not writes:
        return True
    try:
        result = collection.bulk_write(list(writes), ordered=False)
    except BulkWriteError as error:
        told = error.details
        if told["writeConcernErrors"] or any(each["code"] != DUPLICATE_KEY for each in told["writeErrors"]):
            raise
        return False
    return result.matched_count + result.upserted_count == len(writes)


def is_away(error: BaseException) -> bool:
    """Whether the database (not the operation) is at fault: worth waiting for, without end."""
    if isinstance(error, ConnectionFailure | WTimeoutError):
        return True
    if isinstance(error, BulkWriteError):  # it carries the code of each operation, not one of its own
        details = error.details or {}
        codes = {
            each.get("code")
            for kind in ("writeErrors", "writeConcernErrors")
            for each in details.get(kind, ())
        }
        return bool(codes & (AWAY_CODES | DISK_FULL))
    return isinstance(error, OperationFailure) and error.code in AWAY_CODES | DISK_FULL


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may succeed if it is tried again."""
    if is_away(error):
        return True
    if not isinstance(error, PyMongoError):
        return False
    return (
        getattr(error, "code", None) == WRITE_CONFLICT
        or error.has_error_label("TransientTransactionError")
        or error.has_error_label("RetryableWriteError")
    )
