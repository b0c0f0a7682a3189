"""How much of everything: the numbers of `make faults`, and of `LONG=1`, in one place.

A run has a scale: `short` (builds broken on purpose, `make crash`), `normal` (`make faults`) or `long`. What a scenario does more of in
a larger one it says itself (`Rig.times`). What a long run must come to as a whole is here, and `tests/faults/__main__.py` holds it to it.
"""

from __future__ import annotations

import math

SEEDS = {"normal": 1, "long": 3}
"""How many seeds, one after the other."""
EVENTS = {"normal": 0, "long": 10_000}
"""How many events at least, for each seed on each log, in equal shares of its scenarios."""
KILLS = {"normal": 0, "long": 100}
"""How many kill -9 at least, of each of `KINDS`, in all seeds on all logs."""
KINDS = ("web", "worker", "mongod", "broker")
LONG_AWAY = 600.0
"""How many seconds the broker is away once, with the first seed of a long run."""
SLOWNESS = 10.0
"""How many times slower people work while the broker dies so often, and is away so long: what has waited is to be handled within two
minutes, by the same two cores."""


def kills_in_one(logs: int = 2) -> int:
    """How often one scenario of a long run has to kill, so that all seeds come to `KILLS` if it runs on so many logs."""
    return math.ceil(KILLS["long"] / (SEEDS["long"] * logs))
