"""Replay while the worker works, and while whoever replays dies: in order, and each once."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from shared.consumer import Consumer, Subscription
from shared.parking import Parking
from tests.service.operations.conftest import DONE, TOPIC, working
from tests.service.spine.tools import Script, append, envelope, eventually, sequence

PROCESS = Path(__file__).with_name("replay_process.py")
POINTS = ("before-handled", "after-handled", "before-done", "after-done")


def all_of(count: int) -> list[str]:
    return [sequence(number) for number in range(1, count + 1)]


def test_replay_keeps_the_order_while_messages_of_the_key_arrive(
    command, listening, hear, event_log, database
):
    listening.failing.update("ab")
    hear([envelope(key, number) for number in range(1, 31) for key in "abc"])
    assert Parking(database).counts() == (60, 0)
    worker = Consumer("test", listening.subscription, event_log, database)
    codes: list[int] = []

    def arrive() -> None:
        for number in range(31, 91):
            append(event_log, TOPIC, [envelope(key, number) for key in "abc"])

    with working(worker):
        arriving = threading.Thread(target=arrive)
        arriving.start()
        eventually(lambda: listening.heard["c"][-1] > sequence(35))
        listening.failing.discard("a")
        codes += [command("parked", "replay", "--key", "a"), command("parked", "replay", "--all")]
        listening.failing.clear()
        codes.append(command("parked", "replay", "--all"))
        arriving.join()
        eventually(lambda: all(listening.heard[key][-1] == sequence(90) for key in "abc"), within=20)
        eventually(lambda: Parking(database).counts() == (0, 0))
    assert codes[1] == 1, "what still fails is told"
    assert {key: listening.heard[key] for key in "abc"} == dict.fromkeys("abc", all_of(90))


@pytest.mark.parametrize("point", POINTS)
def test_replay_that_is_killed_is_done_again_in_order_and_each_takes_effect_once(
    point, settings, hear, listening, event_log, database
):
    listening.failing.add("a")
    hear([envelope("a", number) for number in range(1, 5)])
    database["effects"].insert_many([{"_id": key, "last": "", "done": []} for key in "ab"])

    def react(event) -> None:
        database["effects"].update_one(
            {"_id": event.partitionkey, "last": {"$lt": event.sequence}},
            {"$set": {"last": event.sequence}, "$push": {"done": event.sequence}},
        )

    subscription = Subscription(group="test", topics=[TOPIC], reactions={DONE: react})
    process = Script(PROCESS, msgspec.json.encode(settings).decode(), point)
    try:
        assert process.line() == "there"
        # what arrives now stands behind what is parked, whether or not its effect is written
        worker = Consumer("test", subscription, event_log, database)
        append(event_log, TOPIC, [envelope(key, 5) for key in "ab"] + [envelope("b", 6)])
        reader = event_log.reader("test", [TOPIC])
        worker.handle(eventually(lambda: reader.poll(timeout=1)))
        reader.commit()
        reader.close()
    finally:
        process.end()  # SIGKILL
    effects = {document["_id"]: document["done"] for document in database["effects"].find()}
    assert effects["b"] == [sequence(5), sequence(6)]
    assert effects["a"] == all_of(1 if point == "before-handled" else 2)
    left = [one["_id"] for one in Parking(database).list()]
    assert left == [f"a-{n}" for n in range(3 if point == "after-done" else 2, 6)]

    assert worker.replay("a") == len(left)
    assert database["effects"].find_one({"_id": "a"})["done"] == all_of(5)
    assert Parking(database).counts() == (0, 0)
