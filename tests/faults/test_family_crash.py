"""The whole stack under load, its processes killed (-9): what was acknowledged is there, once, and everything followed from it, once."""

from __future__ import annotations

import os
import random
import time
from collections import Counter

import httpx
import pytest

from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.faults.load import Load
from tests.oracle import AGGREGATES, World

KILLS = int(os.environ.get("FAULT_KILLS", "12"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
BETWEEN = 1.0
"""Seconds of load between two kills, about."""


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path / "data", free_base()) as stack:
        yield stack


def victims(stack: Stack) -> list[str]:
    """Every web process and worker, in random order, again and again."""
    parts = [*AGGREGATES, *(f"{service}-worker" for service in AGGREGATES)]
    order: list[str] = []
    while len(order) < KILLS:
        order += random.Random(SEED + len(order)).sample(parts, len(parts))
    return order[:KILLS]


def breaches(stack: Stack, service: str) -> float:
    page = httpx.get(f"{stack.origin}/{service}/metrics", trust_env=False).text
    lines = [line for line in page.splitlines() if line.startswith("birtereze_open_items_in_breach{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) if lines else float("nan")


def test_what_was_acknowledged_took_effect_once(stack, capsys):
    pauses = random.Random(SEED)
    with Load(stack) as load:
        for part in victims(stack):
            time.sleep(
                BETWEEN * pauses.uniform(0.3, 1.7)
            )  # this shapes the fault; nothing is waited for by it
            stack.wait_ready(part)
            stack.kill(part)
        for part in stack.parts:
            stack.wait_ready(part)
    world = World(stack)
    try:
        world.at_rest(120)
        counted = world.check()
        check_ledger(world, load)
    finally:
        world.close()
    for service in AGGREGATES:
        assert breaches(stack, service) == 0, service
    with capsys.disabled():
        print(
            f"\nseed {SEED}: {KILLS} kills, {len(load.ledger.registered)} appeals, {counted}, {dict(load.ledger.answers)}"
        )


def check_ledger(world: World, load: Load) -> None:
    appeals = {document["_id"]: document for document in world.documents("intake", "appeals")}
    assert Counter(load.ledger.registered) == Counter(appeals.keys()), (
        "appeals acknowledged are not the appeals there"
    )
    assert len(load.ledger.registered) > KILLS
    cases = world.documents("casework", "cases")
    attached = Counter(appeal for case in cases for appeal in case["appeal_ids"])
    assert attached == Counter(load.ledger.screened), "each appeal screened to a case is in one case, once"
    for id in load.ledger.screened:
        assert (appeals[id]["state"], bool(appeals[id]["case_id"])) == ("closed", True), id
    told = Counter(message["about"] for message in world.documents("notifications", "messages"))
    assert told == Counter(appeals.keys()), "each family was told of its appeal once"
    assert len(world.sms()) == len(appeals)
