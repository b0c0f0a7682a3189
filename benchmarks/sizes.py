"""Whether the pages that people live in stay as quick when there is thirty times as much: worklist, case, family file, inbox.

Two stacks on one mongod: one with ten thousand families, one with three hundred thousand (`tests/generated`), four years of the
nation. Each page is asked for over HTTP through the gateway, in both by turns and in an order drawn anew in each round, of another
family each time; what is told is the median of the rounds' p99. The workers are stopped meanwhile, for they are measured elsewhere.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pymongo import MongoClient

from benchmarks.pages import PARTNER, asked
from benchmarks.results import Row
from benchmarks.rounds import ROUNDS, SEED
from shared.embedded import mongod
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.callers import reader
from tests.generated import filling
from tests.generated.stories import Stories, walked

SMALL, LARGE = 10_000, 300_000
REQUESTS = 100
"""Of each page, of each size, in each round."""
WANTED = 1.5
CENTER, HEAD, WORKER = "center-71-1", "supervisor.astana", "worker.astana"


@dataclass(frozen=True)
class Size:
    """A stack with so many families; browsers of those who read, and addresses by page."""

    families: int
    readers: Mapping[str, httpx.Client]
    addresses: Mapping[str, Sequence[str]]


PAGES: Mapping[str, str] = {"worklist": WORKER, "case": HEAD, "family file": HEAD, "partner's inbox": PARTNER}
"""Page → who reads it."""


def rows() -> list[Row]:
    return measured(SMALL, LARGE, REQUESTS)


def measured(small: int, large: int, requests: int) -> list[Row]:
    with filled(small, large) as (few, many):
        found = [p99s(few, many, requests, random.Random(SEED + n)) for n in range(ROUNDS + 1)][1:]
    return [row(name, few, many, [each[name] for each in found]) for name in PAGES]


def row(name: str, few: Size, many: Size, rounds: Sequence[tuple[float, float]]) -> Row:
    floor, ours = (1000 * statistics.median(side) for side in zip(*rounds, strict=True))
    return Row(
        name=f"{name}, p99 in ms: {many.families:,} families, and {few.families:,}",
        value=ours / floor,
        unit="×",
        wanted=WANTED,
        at="most",
        ours=ours,
        floor=floor,
    )


def p99s(few: Size, many: Size, requests: int, chance: random.Random) -> dict[str, tuple[float, float]]:
    """Page → p99 of few and of many families, in seconds. The two are asked by turns."""
    seconds: dict[str, dict[int, list[float]]] = {
        name: {few.families: [], many.families: []} for name in PAGES
    }
    for name in chance.sample(list(PAGES), k=len(PAGES)):
        for _ in range(requests):
            for size in chance.sample([few, many], k=2):
                http, address = size.readers[PAGES[name]], chance.choice(size.addresses[name])
                seconds[name][size.families].append(asked(http, address))
    return {name: (p99(of[few.families]), p99(of[many.families])) for name, of in seconds.items()}


def p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[-1]


# ------------------------------------------------------------------ the stacks


@contextmanager
def filled(*families: int) -> Iterator[list[Size]]:
    """A stack for each number of families, on one mongod."""
    with tempfile.TemporaryDirectory(prefix="bench-sizes-") as name, ExitStack() as stacks:
        folder = Path(name)
        with mongod.running(folder / "stories", free_base()) as url:
            stories = walked(url)
        with filling.alone(folder / "mongod", free_base()) as url:
            for many in families:
                fill(url, many, stories)
        url = stacks.enter_context(mongod.running(folder / "mongod", free_base()))
        yield [size(stacks, folder, url, many) for many in families]


def fill(url: str, many: int, stories: Stories) -> None:
    begun = time.monotonic()
    documents = filling.fill(url, prefix(many), stories, many)
    took = time.monotonic() - begun
    print(
        f"           {many:,} families, {documents:,} documents, {documents / took:,.0f} a second", flush=True
    )


def size(stacks: ExitStack, folder: Path, url: str, many: int) -> Size:
    environment = {"DATABASE_PREFIX": prefix(many)}
    stack = stacks.enter_context(
        Stack(folder / f"{many}", free_base(), mongo_url=url, environment=environment)
    )
    for part in stack.parts:
        if part.endswith("-worker"):
            stack.stop_part(part)
    readers = {login: stacks.enter_context(reader(stack, login)) for login in set(PAGES.values())}
    with MongoClient(url) as client:
        return Size(many, readers, addresses(client, prefix(many)))


def addresses(client: MongoClient, prefix: str) -> dict[str, list[str]]:
    """Addresses of each page, of the center whose people read."""
    cases = client[prefix + "casework"]["cases"].find({"center_id": CENTER}, {"family_id": 1})
    found = [(case["_id"], case["family_id"]) for case in cases]
    return {
        "worklist": ["/intake/worklist"],
        "case": [f"/casework/cases/{id}" for id, _ in found],
        "family file": [f"/intake/families/{family_id}" for _, family_id in found],
        "partner's inbox": ["/referrals/inbox"],
    }


def prefix(many: int) -> str:
    return f"f{many}_"


if __name__ == "__main__":
    from benchmarks.results import table

    print(table(rows()))
