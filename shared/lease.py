"""Who does a thing that one process at a time should do: a row with an owner, on the database's clock.

    lease = Lease(database["leases"], "relay", seconds=3)
    while not stop.is_set():
        if not lease.hold():          # somebody else has it; asks the database only when it must
            stop.wait(0.25)
            continue
        work()
    lease.release()

`hold` takes the lease where it is free or has run out and renews it where it is ours. All times are the database's (`$$NOW`), so
a process with a wrong clock takes nothing early. Each change of owner raises `token` by one. A lease cannot stop a process that
was paused past its end from going on, so what must not happen twice is written with the token in its filter (fencing):

    update_one({"_id": …, "owner": lease.owner, "token": token}, …)      # and never with a test of `until`

Where writes are safe anyway (the relay, the clock), the lease is economy and needs no fencing.

The row: `{_id: name, owner, token, until}`; other fields may stand beside them. Errors of the database pass through.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from datetime import UTC, datetime

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from shared import telemetry

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
changes = telemetry.counter(
    "birtereze_lease_changes_total",
    "Times this process took over a lease, or lost one to another process.",
    ["lease", "change"],
)


def unique_name() -> str:
    """A name for this process (or a part of it) that nobody else has."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


class Lease:
    """A lease on `name`, kept in `collection`. May be used by several threads of its owner."""

    def __init__(
        self, collection: Collection, name: str, *, owner: str | None = None, seconds: float = 3.0
    ) -> None:
        self.owner = owner or unique_name()
        self.token: int | None = None
        """Number of the latest tenancy that was ours; None where we never had it or know that we lost it."""
        self._rows = collection
        self._name = name
        self._seconds = seconds
        self._until = 0.0
        self._tenancy: int | None = None
        """The token of the latest tenancy that was counted."""
        self._lock = threading.Lock()

    def hold(self) -> bool:
        """Take or renew it. False where somebody else has it."""
        with self._lock:
            asked = time.monotonic()
            if self._until - asked > self._seconds * 0.6:
                return True
            row = self._take()
            if row is None or row["owner"] != self.owner:
                if self.token is not None:
                    changes.labels(self._name, "lost").inc()
                self.token, self._until = None, 0.0
                return False
            if row["token"] != self._tenancy:
                changes.labels(self._name, "taken").inc()
                self._tenancy = row["token"]
            # Reckoned from before the question: we believe in it for less long than the database does.
            self.token, self._until = row["token"], asked + self._seconds
            return True

    def valid(self) -> bool:
        """Whether it still runs, as far as we can tell without asking."""
        return time.monotonic() < self._until

    def release(self) -> None:
        """Give it back, so that the next one need not wait for its end."""
        with self._lock:
            self.token, self._until = None, 0.0
            self._rows.update_one({"_id": self._name, "owner": self.owner}, {"$set": {"until": NEVER}})

    def _take(self) -> dict | None:
        """The row after an attempt to take it. A pipeline, since an upsert cannot have `$expr` in its filter."""
        owner = {"$literal": self.owner}
        mine = {"$eq": ["$owner", owner]}
        free = {"$or": [mine, {"$lt": [{"$ifNull": ["$until", NEVER]}, "$$NOW"]}]}
        next_token = {"$add": [{"$ifNull": ["$token", 0]}, 1]}
        try:
            return self._rows.find_one_and_update(
                {"_id": self._name},
                [
                    {"$set": {"_free": free}},
                    {
                        "$set": {
                            "token": {"$cond": ["$_free", {"$cond": [mine, "$token", next_token]}, "$token"]},
                            "owner": {"$cond": ["$_free", owner, "$owner"]},
                            "until": {
                                "$cond": ["$_free", {"$add": ["$$NOW", int(self._seconds * 1000)]}, "$until"]
                            },
                        }
                    },
                    {"$unset": "_free"},
                ],
                projection={"owner": 1, "token": 1},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:  # two of us made the row at once; the other one has it
            return None
