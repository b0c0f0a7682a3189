"""What was seen at one rate, and its line in the table."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load.lines import Lines, Outcome, poisson
from benchmarks.load.town import Town
from benchmarks.processes import family, processor
from shared.embedded.stack import Stack

SECONDS = 10.0
HELD_MS = 250.0
SATURATED_MS = 1_000.0


@dataclass(frozen=True)
class Told:
    """What was seen at one rate."""

    rate: float
    seconds: float
    outcomes: Sequence[Outcome]
    cores: Mapping[str, float]
    """Part → how many cores it had."""

    @property
    def served(self) -> list[float]:
        return sorted(each.seconds for each in self.outcomes if each.status in (200, 201))

    @property
    def refused(self) -> list[float]:
        return sorted(each.seconds for each in self.outcomes if each.status == 503)

    @property
    def errors(self) -> Counter[tuple[str, int]]:
        return Counter(
            (each.kind, each.status) for each in self.outcomes if each.status not in (200, 201, 503)
        )

    @property
    def held(self) -> bool:
        return not self.refused and not self.errors and 1000 * quantile(self.served, 0.99) <= HELD_MS

    @property
    def saturated(self) -> bool:
        return bool(self.refused) or 1000 * quantile(self.served, 0.99) > SATURATED_MS

    def line(self) -> str:
        quantiles = "".join(f"{1000 * quantile(self.served, part):8.0f}" for part in (0.5, 0.95, 0.99))
        refused = (
            f"{1000 * quantile(self.refused, 0.5):6.0f}{1000 * quantile(self.refused, 0.99):7.0f}"
            if self.refused
            else ""
        )
        busiest = sorted(self.cores.items(), key=lambda part: -part[1])[:5]
        parts = ", ".join(f"{name} {100 * share:.0f}" for name, share in busiest)
        return (
            f"{len(self.outcomes) / self.seconds:8.1f}{len(self.served) / self.seconds:8.1f}{quantiles}"
            f"{len(self.refused):8}{sum(self.errors.values()):8}{refused:>14}  {parts}"
        )


HEAD = (
    f"{'offered':>8}{'done/s':>8}{'p50 ms':>8}{'p95':>8}{'p99':>8}{'503s':>8}{'errors':>8}{'503: p50  p99':>14}"
    "  processor, % of a core"
)


def quantile(ordered: Sequence[float], part: float) -> float:
    """Of values in order, the one below which this part of them lies; NaN of none."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def told(stack: Stack, lines: Lines, town: Town, rate: float, seconds: float = SECONDS) -> Told:
    before, begun = used(stack), time.monotonic()
    outcomes = lines.keep(poisson(rate, seconds, town.chance), town.request)
    took = time.monotonic() - begun
    after = used(stack)
    cores = {name: (after[name] - before.get(name, 0.0)) / took for name in after}
    return Told(rate, seconds, outcomes, cores)


def used(stack: Stack) -> dict[str, float]:
    """Seconds of processor that each part has used, with what it started; and this program."""
    seconds = {name: sum(map(processor, family(stack.pid_of(name)))) for name in stack.parts}
    return {**seconds, "the load itself": processor(os.getpid())}
