"""Replays what is parked, and stops at one point: `replay_process.py <settings as JSON> <point>`. There it says so, and waits.

Points, all of the second message: before-handled, after-handled (its effect is written), before-done, after-done.
"""

import sys

import msgspec

from shared import commands, mongo
from shared.consumer import Subscription
from shared.parking import Parking
from shared.settings import Settings
from tests.service.operations.conftest import DONE, TOPIC

settings, point = msgspec.convert(msgspec.json.decode(sys.argv[1]), Settings), sys.argv[2]
database = mongo.database(mongo.connect(settings.mongo_url), settings.database("test"))
done = Parking.done


def stop_at(name, event_id):
    if name == point and event_id == "a-2":
        print("there")
        sys.stdin.read()


def react(event):
    """As `Aggregates.react`: what is not newer changes nothing."""
    stop_at("before-handled", event.id)
    database["effects"].update_one(
        {"_id": event.partitionkey, "last": {"$lt": event.sequence}},
        {"$set": {"last": event.sequence}, "$push": {"done": event.sequence}},
    )
    stop_at("after-handled", event.id)


def watched_done(self, event_id):
    stop_at("before-done", event_id)
    done(self, event_id)
    stop_at("after-done", event_id)


def opened(_):
    return commands.Opened(database, Subscription(group="test", topics=[TOPIC], reactions={DONE: react}))


Parking.done = watched_done
known = commands.operations("test", opened, {})
sys.exit(commands.run("test", Settings, known, ["parked", "replay", "--all"]))
