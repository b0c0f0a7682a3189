"""A worker: `worker_process.py <settings as JSON> <topic to listen to>`. It writes down the events that it sees."""

import sys

import msgspec

from shared import mongo
from shared.clock import Schedule, Task
from shared.consumer import Subscription
from shared.settings import Settings
from shared.worker import run_worker

settings = msgspec.convert(msgspec.json.decode(sys.argv[1]), Settings)
database = mongo.database(mongo.connect(settings.mongo_url), settings.database("test"))


def note(event):
    database["seen"].insert_one({"_id": event.id})


sys.exit(
    run_worker(
        "test",
        settings,
        database,
        collections=[database["cases"]],
        topic="birtereze.test",
        subscription=Subscription(
            group="test", topics=[sys.argv[2]], reactions={"kz.birtereze.test.thing-done.v1": note}
        ),
        schedule=Schedule(tasks=[Task(name="say", every=60, run=lambda now: print("working"))]),
        breaches=lambda: 3,
    )
)
