"""Growing rates until it saturates, three times as much as it held, and the usual rate again."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

from benchmarks.load.crowded import FAMILIES, crowded
from benchmarks.load.lines import Lines
from benchmarks.load.told import HEAD, HELD_MS, quantile, told
from benchmarks.load.town import Town
from benchmarks.rounds import SEED
from shared.embedded.stack import Stack

RATES = (10, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300)
USUAL = 0.7
"""The usual rate, as a part of the one that was held."""
RECOVERS_SECONDS = 10


def climb(stack: Stack, lines: Lines, town: Town, rates: Sequence[float]) -> tuple[float, float]:
    """Growing rates, until it saturates: the highest rate that was held, and the first that was too much (NaN: none was).

    Raises SystemExit where not even the lowest was held.
    """
    print(HEAD)
    found = []
    for rate in rates:
        found.append(told(stack, lines, town, rate))
        print(found[-1].line(), flush=True)
        for (kind, status), many in found[-1].errors.items():
            print(f"{'':8}{kind}: {many} × {status}")
        if found[-1].saturated:
            break
    held = [each.rate for each in itertools.takewhile(lambda each: each.held, found)]
    if not held:
        raise SystemExit("Not even the lowest rate was held.")
    return held[-1], found[-1].rate if found[-1].saturated else float("nan")


def overload(stack: Stack, lines: Lines, town: Town, held: float) -> None:
    """Three times as much as it can do, and how long it takes afterwards until all is as before."""
    usual = held * USUAL
    before = told(stack, lines, town, usual)
    much = told(stack, lines, town, 3 * held)
    after = [told(stack, lines, town, usual, 1.0) for _ in range(RECOVERS_SECONDS)]
    print(f"\nThe usual rate, three times what was held, and the usual rate again:\n{HEAD}")
    print(f"{before.line()}\n{much.line()}")
    slow = max((second for second, each in enumerate(after, 1) if not each.held), default=0)
    p99s = " ".join(f"{1000 * quantile(each.served, 0.99):.0f}" for each in after)
    print(f"p99 of each second afterwards, in ms: {p99s}")
    print(f"held again from second {slow + 1} on" if slow < RECOVERS_SECONDS else "not held again")


def main(rates: Sequence[float] = RATES) -> int:
    print(f"SEED={SEED}. Filling a stack with {FAMILIES:,} families …", flush=True)
    with crowded() as (stack, people):
        lines = Lines(stack.port)
        told(stack, lines, people, 5, 5.0)  # connections, keys, caches
        held, much = climb(stack, lines, people, rates)
        print(
            f"Held: {held:.0f} requests a second, p99 within {HELD_MS:.0f} ms; too much: {much:.0f}.",
            flush=True,
        )
        overload(stack, lines, people, held)
        lines.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
