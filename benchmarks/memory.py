"""Whether the processes grow: web and workers after ten thousand requests and events, beside what they were after one thousand.

The web process of intake answers ten thousand requests, a fifth of them appeals, as people and programs make them; each appeal is
some five events on the log, which all four workers take in. What counts is PSS, all that a process has with its part of what it
shares, when everything has come to rest. Of the workers the one that has grown most is told.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.processes import family, megabytes
from benchmarks.results import Row
from benchmarks.rounds import SEED
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.parts import SERVICES
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.callers import reader, user
from tests.oracle import World

FEW, MANY = 1_000, 10_000
WANTED = 1.1
CLIENTS = 4
WORKER, HEAD = "worker.astana", "supervisor.astana"
WEB = "intake"
WORKERS = tuple(f"{service.name}-worker" for service in SERVICES)


def rows() -> list[Row]:
    return measured(FEW, MANY)


def measured(few: int, many: int) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-memory-") as folder,
        Stack(Path(folder) / "data", free_base()) as stack,
    ):
        world, people = World(stack), Office(stack)
        people.ask(few)
        world.at_rest()
        before, events = pss(stack), on_the_log(world)
        people.ask(many - few)
        world.at_rest()
        after = pss(stack)
        print(
            f"           {many:,} requests, {on_the_log(world):,} events, {events:,} of them at first",
            flush=True,
        )
        people.close()
        world.close()
    worst = max(WORKERS, key=lambda part: after[part] / before[part])
    return [
        row(
            f"memory of the web process of {WEB}, MB after {many:,} requests, and {few:,}", WEB, before, after
        ),
        row(f"memory of {worst}, the worst, MB after as many events", worst, before, after),
    ]


def row(name: str, part: str, before: Mapping[str, float], after: Mapping[str, float]) -> Row:
    value = after[part] / before[part]
    return Row(
        name=name, value=value, unit="×", wanted=WANTED, at="most", ours=after[part], floor=before[part]
    )


def pss(stack: Stack) -> dict[str, float]:
    """Part → MB, with what it has started."""
    return {part: sum(map(megabytes, family(stack.pid_of(part)))) for part in (WEB, *WORKERS)}


def on_the_log(world: World) -> int:
    """How many events are on the log."""
    log = world.client["log"]
    topics = log.list_collection_names(filter={"name": {"$regex": "^topic"}})
    return sum(log[name].estimated_document_count() for name in topics)


class Office:
    """Some who ask one request after another: appeals, and what one looks at around them."""

    def __init__(self, stack: Stack) -> None:
        self._worker, self._head = user(stack, WORKER), user(stack, HEAD)
        self._browser = reader(stack, WORKER)
        self._chance = random.Random(SEED)
        self._appeals: list[dict[str, str]] = []

    def ask(self, many: int) -> None:
        """So many requests. Raises what went wrong in any of them."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self._one, range(many)))

    def close(self) -> None:
        for http in (self._worker.http, self._head.http, self._browser):
            http.close()

    def _one(self, n: int) -> None:
        if n % 5 == 0 or not self._appeals:
            self._appeals.append(self._worker.create("/intake/v1/appeals", appeal_of(somebody("kk"))))
            return
        appeal = self._chance.choice(self._appeals)
        match n % 10:
            case 1:
                self._head.get("/intake/v1/worklist", limit=50)
            case 2 | 7:
                self._page(f"/intake/families/{appeal['family_id']}")
            case 3 | 8:
                self._page(f"/intake/appeals/{appeal['id']}")
            case 4:
                self._worker.post("/intake/v1/persons/search", {"q": appeal["number"]})
            case 6:
                self._page(f"/intake/persons/{appeal['person_id']}")
            case _:
                self._page("/intake/register")

    def _page(self, path: str) -> None:
        answer = self._browser.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
