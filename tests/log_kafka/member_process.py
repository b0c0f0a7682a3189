"""A member of the group `test`: `member_process.py <settings as JSON> <topic>`. Its reactions note what they did, and who it was."""

import os
import sys
import threading
from dataclasses import dataclass, replace

import msgspec

from shared import mongo
from shared.aggregate import Aggregates
from shared.consumer import Consumer, Subscription
from shared.log import open_log
from shared.settings import Settings


@dataclass(frozen=True)
class Trail:
    """What happened to one subject, in order."""

    sequences: tuple[str, ...] = ()


settings = msgspec.convert(msgspec.json.decode(sys.argv[1]), Settings)
database = mongo.database(mongo.connect(settings.mongo_url), settings.database("test"))
trails = Aggregates(database["trails"], Trail, service="test", subject="trail")


def note(event):
    def decide(trail):
        trail = trail or Trail()
        return replace(trail, sequences=(*trail.sequences, event.sequence)), ()

    trails.react(event.subject, decide, event)
    database["members"].update_one({"_id": os.getpid()}, {"$inc": {"handled": 1}}, upsert=True)


subscription = Subscription(
    group="test", topics=[sys.argv[2]], reactions={"kz.birtereze.test.thing-done.v1": note}
)
Consumer("test", subscription, open_log(settings), database).run(threading.Event())
