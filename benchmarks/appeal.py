"""Appeals of known persons over HTTP, beside a plain service (`plain_app`) with the same gunicorn settings on the same mongod.

Both are asked straight, past the gateway, by eight clients who each ask again as soon as they have an answer. Every person has come
once before. The relay and the consumer stand still meanwhile: they have rows of their own.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bson

from benchmarks.results import Row, ratio
from benchmarks.rounds import ROUNDS, medians
from shared import mongo
from shared.embedded import parts
from shared.embedded.demo.callers import until
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.ports import free_base
from shared.embedded.process import Process, end
from shared.embedded.stack import Stack

WORKER = "worker.astana"
CLIENTS = 8
APPEALS, PLAIN = 160, 640
"""Requests in a round, so that each takes about as long."""
PLAIN_PORT = 150
"""Above the stack's own ports, in the block that it has."""
STOP_SECONDS = 5.0
Body = dict[str, Any]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-appeal-") as folder, _intake(Path(folder)) as stack:
        token = stack.user_token(WORKER)
        ours = _Service(stack.url("intake").removeprefix("http://"), "/intake/v1/appeals", token)
        bodies = [appeal_of(somebody("kk")) for _ in range(APPEALS * (ROUNDS + 1))]
        ours.per_second(bodies)
        again = iter(bodies)
        with _plain(stack, Path(folder)) as address:
            plain = _Service(address, "/plain/v1/appeals", token)
            found = medians(
                {
                    "ours": lambda: ours.per_second([next(again) for _ in range(APPEALS)]),
                    "floor": lambda: plain.per_second(bodies[:PLAIN]),
                }
            )
    return [ratio("appeal of a known person over HTTP, 1/s", **found, wanted=0.5)]


@contextmanager
def _intake(folder: Path) -> Iterator[Stack]:
    """A stack with intake alone, without its worker."""
    intake = tuple(service for service in parts.SERVICES if service.name == "intake")
    with Stack(folder / "data", free_base(), services=intake) as stack:
        stack.stop_part("intake-worker")
        yield stack


@contextmanager
def _plain(stack: Stack, folder: Path) -> Iterator[str]:
    """The plain service, whose documents are as large as the appeals that are there."""
    with mongo.connect(stack.mongo_url) as client:
        appeal = client["intake"]["appeals"].find_one()
    address = f"127.0.0.1:{stack.port + PLAIN_PORT}"
    environment = {
        "MONGO_URL": stack.mongo_url,
        "ORIGIN": stack.origin,
        "SYNTHETIC_IINS": "true",
        "PORT": address.rpartition(":")[2],
        "APPEAL_BYTES": str(len(bson.encode(appeal))),
    }
    config = str(Path(parts.__file__).with_name("gunicorn_conf.py"))
    command = (sys.executable, "-m", "gunicorn", "-c", config, "benchmarks.plain_app:create_app()")
    process = Process(command, environment, folder / "plain.log")
    try:
        until(partial(_answers, address), "the plain service answers")
        yield address
    finally:
        end([process], STOP_SECONDS)


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", "/plain/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class _Service:
    """Where appeals are sent, and with which token."""

    address: str
    path: str
    token: str

    def per_second(self, bodies: Sequence[Body]) -> float:
        """Send all of them, and how many were answered in a second."""
        texts = [json.dumps(body) for body in bodies]
        with ThreadPoolExecutor(CLIENTS) as clients:
            begun = time.perf_counter()
            list(clients.map(self._send, [texts[n::CLIENTS] for n in range(CLIENTS)]))
            return len(bodies) / (time.perf_counter() - begun)

    def _send(self, texts: Sequence[str]) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        for text in texts:
            headers = {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "Idempotency-Key": uuid.uuid4().hex,
            }
            connection.request("POST", self.path, text, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 201:
                raise RuntimeError(f"{self.path} answers {answer.status}")
        connection.close()
