"""`make faults`: every scenario on both logs, on the product and on the builds broken on purpose. Prints a table, and writes it.

    make faults                              # everything, at most 20 minutes
    make faults LOG=kafka SCENARIO=2,8       # less of it
    make faults SEED=7                       # who is hit where and when; printed with each run
    make faults LONG=1                       # 10,000 events in every run on the product, three seeds, the log away for 10 minutes

The exit code is 0 when the product bore everything and every broken build was caught. A stack with a difference is left where the
last lines say, for whoever looks for the reason.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from shared.embedded.kafka import Broker
from shared.settings import load
from tests.conftest import free_ports
from tests.faults.rig import Rig
from tests.faults.run import Result, run
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.scenarios.scenario import LOGS

SEEDS_OF_A_LONG_RUN = 3
COLUMNS = (
    "scenario",
    "log",
    "build",
    "seed",
    "hits",
    "acknowledged",
    "events",
    "repeats",
    "SMS",
    "seconds",
    "verdict",
)
WIDTHS = (26, 8, 13, 6, 4, 12, 6, 7, 5, 7, 0)


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What to run, from the environment; an empty value is as good as none."""

    log: str = "both"
    scenario: str = ""
    """Numbers, with commas; all where it is empty."""
    build: str = ""
    """Only this build; all where it is empty."""
    seed: int = 1
    long: bool = False
    faults_table: str = ".data/faults.md"
    """Where the table is written."""

    @property
    def logs(self) -> tuple[str, ...]:
        return LOGS if self.log in ("both", "") else (self.log,)

    def scenarios(self, log: str) -> list[Scenario]:
        numbers = self.scenario.split(",") if self.scenario else [str(each.number) for each in SCENARIOS]
        return [each for each in SCENARIOS if log in each.logs and str(each.number) in numbers]


def main() -> int:
    names = {each.name.upper() for each in fields(Knobs)}
    knobs = load(Knobs, {name: value for name, value in os.environ.items() if name in names and value})
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    results: list[Result] = []
    print(row(COLUMNS), flush=True)
    for result in runs(knobs, folder):
        results.append(result)
        print(row(cells(result)), flush=True)
        for line in (*result.notes, *(f"{name}: {what}" for name, what in result.found.items())):
            print(f"    {line[:200]}", flush=True)
    bad = [result for result in results if not result.is_good]
    minutes = (time.monotonic() - begun) / 60
    print(f"{len(results)} runs in {minutes:.1f} minutes; {len(bad)} not as they must be", flush=True)
    table = Path(knobs.faults_table)
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(markdown(results))
    print(f"The table: {table}")
    if bad:
        print(f"What is left of the stacks: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def runs(knobs: Knobs, folder: Path) -> Iterator[Result]:
    """The product bears one scenario after the other on one stack; each broken build gets a stack of its own."""
    for log in knobs.logs:
        scenarios = knobs.scenarios(log)
        with broker_for(log, folder) as broker:
            if knobs.build in ("", "honest"):
                for seed in range(knobs.seed, knobs.seed + (SEEDS_OF_A_LONG_RUN if knobs.long else 1)):
                    scale = "long" if knobs.long else "normal"
                    yield from on_the_product(scenarios, folder, log, seed, scale, broker)
            for scenario in scenarios:
                for build in scenario.broken:
                    if knobs.build in ("", build):
                        yield on_a_broken_build(scenario, folder, log, build, knobs.seed, broker)


@contextlib.contextmanager
def broker_for(log: str, folder: Path) -> Iterator[Broker | None]:
    """The broker of all runs on Kafka."""
    if log != "kafka":
        yield None
        return
    with Broker(folder / "kafka", free_ports(2)) as broker:
        yield broker


def on_the_product(
    scenarios: Sequence[Scenario], folder: Path, log: str, seed: int, scale: str, broker: Broker | None
) -> Iterator[Result]:
    """On one stack as long as all goes well: after a difference the next scenario begins on a new one."""
    left = list(scenarios)
    while left:
        place = folder / f"{log}-honest-{seed}-{left[0].number}"
        with Rig(place, log, "honest", seed, scale, broker) as rig:
            is_good = True
            while left and is_good:
                result = run(rig, left.pop(0))
                is_good = result.is_good
                yield result
        if is_good:
            shutil.rmtree(place)


def on_a_broken_build(
    scenario: Scenario, folder: Path, log: str, build: str, seed: int, broker: Broker | None
) -> Result:
    place = folder / f"{log}-{scenario.number}-{build}"
    with Rig(place, log, build, seed, "short", broker) as rig:
        result = run(rig, scenario)
    if result.is_good:
        shutil.rmtree(place)
    return result


def cells(result: Result) -> list[str]:
    return [
        f"{result.scenario.number} {result.scenario.name}",
        result.log,
        result.build,
        str(result.seed),
        str(sum(result.hits.values())),
        str(result.acknowledged),
        str(result.events),
        str(result.repeats),
        str(result.sms),
        f"{result.seconds:.0f}",
        result.verdict,
    ]


def row(texts: Sequence[str]) -> str:
    return "  ".join(f"{text:{width}}" for text, width in zip(texts, WIDTHS, strict=True)).rstrip()


def markdown(results: Sequence[Result]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *map(cells, results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
