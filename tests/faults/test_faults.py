"""The short form of `make faults`: the product bears what is thrown at it, and what is broken on purpose is found out.

The rest (both logs, all scenarios, every broken build) is `make faults`; docs/reliability.md has its table.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.inside.builds import BUILDS
from tests.faults.rig import Rig
from tests.faults.run import Result, run
from tests.faults.scenarios import SCENARIOS
from tests.faults.scenarios.scenario import LOGS

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1, 10**6))
BY_NUMBER = {scenario.number: scenario for scenario in SCENARIOS if "embedded" in scenario.logs}


def told(result: Result) -> str:
    return f"seed {SEED}, {result.scenario.number} {result.scenario.name}, {result.build}: {result.verdict} {result.found}"


def test_the_product_bears_it(tmp_path, capsys):
    with Rig(tmp_path, seed=SEED, scale="short") as rig:
        for number in (1, 2, 3):
            result = run(rig, BY_NUMBER[number])
            assert result.is_good, told(result)
            with capsys.disabled():
                print(
                    f"\n{told(result)}: {result.hits}, {result.acknowledged} acknowledged, {result.events} events"
                )


@pytest.mark.parametrize(("number", "build"), [(3, "commit-first")])
def test_a_build_broken_on_purpose_is_found_out(tmp_path, number, build):
    with Rig(tmp_path, build=build, seed=SEED, scale="short") as rig:
        result = run(rig, BY_NUMBER[number])
    assert result.is_good, told(result)


def test_every_broken_build_is_found_out_by_a_scenario_on_each_log():
    for log in LOGS:
        caught = {build for scenario in SCENARIOS if log in scenario.logs for build in scenario.broken}
        # Some things do not depend on the log, and the embedded one is never sent to in good faith.
        beside_the_log = {
            "abrupt",
            "asked-early",
            "away-is-a-bug",
            "by-stream",
            "kept-answers",
            "no-time-outs",
            "patient",
        }
        spared = {"embedded": {"trusting"}, "kafka": beside_the_log}[log]
        assert caught == BUILDS.keys() - {"honest"} - spared
