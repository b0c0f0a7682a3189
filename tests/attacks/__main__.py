"""`make fuzz`: every service against its own OpenAPI document, at length, and thousands of broken bodies for each POST that creates.

    make fuzz                       # all of it, on a stack of its own
    make fuzz SEED=7                # the same requests again; the seed is printed
    make fuzz EXAMPLES=20 BODIES=500    # so many bodies have to be refused for what they are

Schemathesis calls every operation with a token of each role, those that the role may not use included. The exit code is 0 when every
answer was as it must be and nothing was left behind.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.attacks import specs
from tests.attacks.corpus import SPARE, corpus, creating, left_behind, send, shows_nothing
from tests.attacks.specs import CALLERS, Run, token_of
from tests.callers import Callers
from tests.oracle import World
from tests.system import whose
from tests.system.interface import documents, routes_of

WORKER = "worker.astana"
SHOWN = 20
"""So many differences of a row are printed."""


def main() -> int:
    seed = int(os.environ.get("SEED") or random.randrange(2**32))
    examples, bodies = int(os.environ.get("EXAMPLES") or 50), int(os.environ.get("BODIES") or 10_000)
    print(f"seed {seed}, {examples} examples of each operation, {bodies:,} bodies for each POST that creates")
    total = 0
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "data", free_base()) as stack:
        world, people = World(stack), Callers(stack)
        family = whose.make(people, world, "fuzzed", whose.ASTANA)
        whose.accepted(people, family)
        # First the bodies: what is counted before and after is read in one piece, and the other part leaves much behind.
        for what, answers, wrong, seconds in chain(
            _bodies(stack, world, people, family.things, bodies, seed),
            _specs(stack, people, family.things, examples, seed),
        ):
            told = ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items()))
            print(
                f"{what:45} {sum(answers.values()):7,} {seconds:5.0f} s  {len(wrong) or 'as it must be'}  ({told})"
            )
            print("".join(f"    {each}\n" for each in wrong[:SHOWN]), end="", flush=True)
            total += len(wrong)
        world.close()
        people.close()
    print(f"seed {seed}: {total or 'no'} answers otherwise than they must be")
    return 1 if total else 0


Row = tuple[str, Counter[int], list[str], float]
"""What was attacked, how often it was answered with which status, what was wrong, and how many seconds it took."""


def _bodies(stack: Stack, world: World, people: Callers, things: Any, count: int, seed: int) -> Iterator[Row]:
    for route in creating(routes_of(documents(stack.origin))):
        began = time.monotonic()
        world.at_rest()
        before = world.picture()
        tally = send(route, people.anew(WORKER), corpus(route, things, int(SPARE * count), seed))
        world.at_rest(600)
        wrong = tally.wrong + shows_nothing(tally, count) + left_behind(route, tally, before, world.picture())
        yield f"broken bodies {route}", tally.statuses, wrong, time.monotonic() - began


def _specs(stack: Stack, people: Callers, things: Any, examples: int, seed: int) -> Iterator[Row]:
    for caller in CALLERS:
        runs = []
        for service, document in documents(stack.origin).items():
            run = Run(
                document=document,
                origin=stack.origin,
                token=token_of(people.anew(caller)),
                only={str(route) for route in routes_of({service: document})},
                known=things,
                seed=seed,
                examples=examples,
            )
            began = time.monotonic()
            wrong = list(run.differences())
            runs.append(run)
            yield f"{service} for {caller}", run.answers, wrong, time.monotonic() - began
        if nothing := specs.shows_nothing(caller, runs):
            yield f"all of {caller}", Counter(), nothing, 0.0


if __name__ == "__main__":
    sys.exit(main())
