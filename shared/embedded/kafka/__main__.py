"""`make kafka`: a real Kafka broker in the foreground, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from shared.embedded.folder import open_folder
from shared.embedded.foreground import in_foreground, say
from shared.embedded.kafka import Broker, jars
from shared.embedded.trouble import Trouble
from shared.settings import load

LOOK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """What `make kafka` reads."""

    kafka_port: int = 9092
    """The broker's port; its controller takes the next one. Both on loopback only."""
    data_dir: str = ".data"
    """The folder that keeps everything across restarts; the broker's part is `kafka` in it."""


def work(at_end: ExitStack) -> None:
    settings = load(BrokerSettings, {name: value for name, value in os.environ.items() if value})
    say("Fetching Kafka, unless it is there already …")
    jars()
    data_dir = Path(settings.data_dir).absolute()
    open_folder(data_dir)
    broker = Broker(data_dir / "kafka", settings.kafka_port)
    at_end.callback(broker.stop)
    say(f"Starting Kafka on {broker.bootstrap} (Ctrl-C stops it) …")
    broker.start()
    say(f"Kafka is ready: {broker.bootstrap}, data in {broker.folder}.")
    say("Next, in another terminal: make run LOG=kafka")
    while broker.code is None:
        time.sleep(LOOK_SECONDS)
    raise Trouble(f"Kafka has ended by itself: see {broker.log_file}.")


if __name__ == "__main__":
    sys.exit(in_foreground(work, sys.argv[1:]))
