"""Eight writers who change documents: with the events inside, as ours are, and with an outbox of its own in a transaction.

Both load, decide, make the same envelopes and write durably with a look at the version; only where the events go differs. The
change is a real one, the case of a real family gets another holder, and every change is of another case.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pymongo.client_session import ClientSession

from benchmarks import place, story
from benchmarks.results import Row, ratio
from benchmarks.rounds import medians
from services.casework.domain import opening
from services.casework.domain.case import Case
from services.casework.service import Casework, open_service
from services.casework.settings import CaseworkSettings
from shared.aggregate import Aggregates, Ask, Saved
from shared.embedded.demo.way import HEAD
from shared.events import Event, cut
from shared.events.cloudevents import Envelope

OUTBOX = "outbox"
WRITERS = 8
CHANGES = 800
"""In a round, by all writers together."""


class OutboxOfItsOwn(Aggregates[Case]):
    """The same store, but for where events go: into rows of their own, in a transaction with the document."""

    def _update(
        self,
        saved: Saved[Case],
        state: Case,
        events: Sequence[Event],
        bookkeeping: dict[str, Any],
        cause: Envelope | None,
        session: ClientSession | None,
    ) -> Saved[Case]:
        rows = self._envelopes(saved.id, saved.sequence, events, cause)
        kept = {**bookkeeping, "sequence": rows[-1]["sequence"]}
        database = self.collection.database
        with database.client.start_session() as session, session.start_transaction():
            written = super()._update(saved, state, (), kept, cause, session)
            database[OUTBOX].insert_many(rows, session=session)
        return written


def rows() -> list[Row]:
    family = story.one_family()
    with place.database() as url:
        casework = open_service(CaseworkSettings(mongo_url=url))
        casework.store.ensure_indexes()
        casework.store.database.create_collection(OUTBOX)
        ours = casework.store.cases
        floor = OutboxOfItsOwn(ours.collection, Case, service="casework", subject="case")
        with casework.store.client:
            found = medians(
                {
                    "ours": lambda: _per_second(casework, ours, family),
                    "floor": lambda: _per_second(casework, floor, family),
                }
            )
    return [ratio("8 writers, document with events inside, changes/s", **found, wanted=1.5)]


def _per_second(casework: Casework, cases: Aggregates[Case], family: story.Story) -> float:
    """Changes in a second, each of a case of its own that nobody has changed before."""
    made = [family.case(uuid.uuid4().hex) for _ in range(CHANGES)]
    cases.collection.delete_many({})
    cases.collection.insert_many(made)

    def change(case: Mapping[str, Any]) -> None:
        now = cut(datetime.now(UTC))
        ask = Ask("assign", uuid.uuid4().hex, "", case["version"], now)
        cases.change(case["_id"], lambda state: _assigned(casework, state, now), ask)

    with ThreadPoolExecutor(WRITERS) as writers:
        begun = time.perf_counter()
        list(writers.map(change, made))
        return CHANGES / (time.perf_counter() - begun)


def _assigned(casework: Casework, case: Case, now: datetime) -> opening.Decision:
    reason = "Another one has more time for it."
    return opening.assign(case, "worker3.astana", reason, actor=HEAD, now=now, policy=casework.policy)
