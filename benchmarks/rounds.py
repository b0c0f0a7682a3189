"""Ours and its floor, measured by turns: what the machine does meanwhile then falls on both.

    medians({"ours": ours, "floor": floor})        # {"ours": 4100.0, "floor": 10050.0}

Each round calls each of them once, in an order of its own. `SEED` in the environment gives the orders of an earlier run.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
from collections.abc import Callable, Mapping

ROUNDS = 5
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))


def medians(measures: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Name → the median of what its measure has answered in all rounds. A first round warms up and does not count."""
    chance = random.Random(SEED)
    found: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name in chance.sample(list(measures), k=len(measures)):
            gc.collect()
            value = measures[name]()
            if number:
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()}
