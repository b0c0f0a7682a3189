"""`make faults`: every scenario on both logs, on the product and on the builds broken on purpose. Prints a table, and writes it.

    make faults                              # everything, at most 30 minutes
    make faults LOG=kafka SCENARIO=2,8       # less of it
    make faults SEED=7                       # who is hit where and when; printed with each run
    make faults LONG=1                       # more of everything, with three seeds: `tests/faults/scale.py`

The exit code is 0 when the product bore everything and every broken build was caught. A stack with a difference is left where the
last lines say, for whoever looks for the reason.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from shared.embedded.kafka import Broker
from shared.embedded.ports import free_base, hold
from shared.settings import load
from tests.faults import scale
from tests.faults.rig import Rig
from tests.faults.run import Result, aborted, run
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.scenarios.scenario import LOGS

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

    @property
    def scale(self) -> str:
        return "long" if self.long else "normal"

    @property
    def seeds(self) -> range:
        return range(self.seed, self.seed + scale.SEEDS[self.scale])

    @property
    def is_whole(self) -> bool:
        return not (self.scenario or self.build) and self.logs == LOGS

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
    kills = killed(results)
    print(f"kill -9 on the product: {', '.join(f'{kind} {n}' for kind, n in kills.items())}", flush=True)
    wanted = scale.KILLS[knobs.scale] if knobs.is_whole else 0
    too_few = [kind for kind, n in kills.items() if n < wanted]
    if too_few:
        print(f"less than {wanted} of: {', '.join(too_few)}", flush=True)
    table = Path(knobs.faults_table)
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(markdown(results))
    print(f"The table: {table}")
    if bad:
        print(f"What is left of the stacks: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if bad or too_few else 0


def runs(knobs: Knobs, folder: Path) -> Iterator[Result]:
    """The product bears one scenario after the other on one stack; each broken build gets a stack of its own."""
    for log in knobs.logs:
        scenarios = knobs.scenarios(log)
        with broker_for(log, folder) as broker:
            if knobs.build in ("", "honest"):
                for seed in knobs.seeds:
                    yield from on_the_product(scenarios, folder, log, seed, knobs, broker)
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
    port = free_base()
    # The broker is killed, and its port is nobody's then.
    with hold(port), Broker(folder / "kafka", port, proxy=port + 3) as broker:
        yield broker


def on_the_product(
    scenarios: Sequence[Scenario], folder: Path, log: str, seed: int, knobs: Knobs, broker: Broker | None
) -> Iterator[Result]:
    """On one stack as long as all goes well: after a difference, or for another set-up, the next scenario begins on a new one."""
    left = list(scenarios)
    events = math.ceil(scale.EVENTS[knobs.scale] / sum(log in each.logs for each in SCENARIOS))
    while left:
        current = left.pop(0)
        place, setup = folder / f"{log}-honest-{seed}-{current.number}", current.setup
        try:
            with Rig(place, log, "honest", seed, knobs.scale, broker, setup, seed == knobs.seed) as rig:
                result = run(rig, current, events)
                yield result
                while left and result.is_good and left[0].setup == setup:
                    current = left.pop(0)
                    result = run(rig, current, events)
                    yield result
        except Exception:
            yield aborted(current, log, "honest", seed, traceback.format_exc())
        else:
            if result.is_good:
                shutil.rmtree(place)


def on_a_broken_build(
    scenario: Scenario, folder: Path, log: str, build: str, seed: int, broker: Broker | None
) -> Result:
    place = folder / f"{log}-{scenario.number}-{build}"
    try:
        with Rig(place, log, build, seed, "short", broker, scenario.setup) as rig:
            result = run(rig, scenario)
    except Exception:
        return aborted(scenario, log, build, seed, traceback.format_exc())
    if result.is_good:
        shutil.rmtree(place)
    return result


def killed(results: Sequence[Result]) -> dict[str, int]:
    """How many processes of each kind were killed on the product, over all runs."""
    kills: Counter[str] = Counter()
    for result in results:
        if result.build == "honest":
            kills.update(result.kills)
    return {kind: kills[kind] for kind in scale.KINDS}


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
