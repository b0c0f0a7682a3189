"""Read models made anew, and services that hear everything again, come to the same."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from pymongo.database import Database

from services.intake.reactions import MODELS as INTAKE
from services.intake.read_models import Timeline
from services.referrals.store import KnownCases
from shared import mongo
from shared.access import FamilyFiles
from shared.consumer import Consumer, Subscription, handled
from shared.events import TOPICS, topic
from shared.events.cloudevents import Envelope
from shared.log import LogAway
from shared.log.embedded import EmbeddedLog, EmbeddedReader
from shared.rebuild import CannotRebuild, Model, Outcome, Rebuild
from tests.convergence.at_rest import assert_same
from tests.service.operations.conftest import working
from tests.service.operations.history import append, open_history
from tests.service.spine.tools import ROOT, eventually

SERVICES = ("intake", "casework", "referrals", "notifications")
MODELS = [
    (service, name)
    for service in SERVICES
    for name in importlib.import_module(f"services.{service}.reactions").MODELS
]


REWIND_ALL = f"""
import importlib
for service in {SERVICES}:
    assert importlib.import_module(f"services.{{service}}.__main__").main(["rewind", "--yes"]) == 0
"""
"""In one process, for starting Python takes longer than the command."""


@pytest.fixture(scope="module")
def history(mongo_url, mongo_client, tmp_path_factory):
    prefix = f"t{uuid.uuid4().hex[:10]}_"
    with open_history(mongo_url, prefix, tmp_path_factory.mktemp("history")) as history:
        assert len(history.told) > 150
        yield history
    for database in mongo_client.list_database_names():
        if database.startswith(prefix):
            mongo_client.drop_database(database)


def command(history, *line: str) -> subprocess.CompletedProcess:
    """The real command, in a process of its own."""
    settings = {"MONGO_URL": history.settings.mongo_url, "DATABASE_PREFIX": history.settings.database_prefix}
    return subprocess.run(
        [sys.executable, *line],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, **settings},
    )  # fmt: skip


def model_of(service: str, name: str) -> Model:
    return importlib.import_module(f"services.{service}.reactions").MODELS[name]


def rebuild(history, service: str, name: str, log=None):
    part = history.world.parts[service]
    model, topics = model_of(service, name), part.subscription.topics
    return Rebuild(service, name, model, topics, log or history.log, part.database).run()


def length(history, service: str) -> int:
    """How many events there are on the topics that a service listens to."""
    topics = history.world.parts[service].subscription.topics
    return sum(topic(envelope.source[1:]) in topics for envelope in history.told)


def spoil(collection, of: Random) -> int:
    """Some rows are lost, some say something else, and some are of nobody. Returns how many are wrong."""
    ids = sorted(document["_id"] for document in collection.find({}, {"_id": 1}))
    lost, wrong = of.sample(ids, len(ids) // 4), of.sample(ids, len(ids) // 4)
    collection.delete_many({"_id": {"$in": lost}})
    collection.update_many({"_id": {"$in": wrong}}, [{"$set": {"restricted": {"$not": "$restricted"}}}])
    collection.insert_one({"_id": "nobody", "sequence": "0001-000000000001"})
    return len({*lost, *wrong}) + 1


@pytest.mark.parametrize(("service", "name"), MODELS)
def test_a_read_model_that_grew_is_what_is_made_anew(history, service, name):
    before = history.dump()
    done = rebuild(history, service, name)
    assert (done.corrected, done.added, done.removed, done.left_out) == (0, 0, 0, [])
    assert done.events == length(history, service)
    assert_same(history.dump(), before, f"{service} {name}")


@pytest.mark.parametrize(("service", "name"), MODELS)
def test_what_was_wrong_is_put_right_and_nothing_else_is_touched(history, service, name):
    before = history.dump()
    database = history.world.parts[service].database
    wrong = sum(
        spoil(database[collection], Random(name)) for collection in model_of(service, name).collections
    )
    done = rebuild(history, service, name)
    assert done.corrected + done.added + done.removed == wrong
    assert_same(history.dump(), before, f"{service} {name}")
    assert not [name for name in database.list_collection_names() if name.startswith("rebuild.")]


def test_the_command_says_what_it_did(history):
    before = history.dump()
    history.world.parts["referrals"].database["known_cases"].delete_many({})
    done = command(history, "-m", "services.referrals", "rebuild", "known-cases")
    rows = len(before["referrals"]["known_cases"])
    assert done.stdout.startswith("known-cases: ")
    assert f"0 rows corrected, {rows} added, 0 removed." in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(history.dump(), before, "known cases")


@pytest.fixture
def growing(history, mongo_client, prefix):
    """Intake's read models in another database, made by a worker of events that come one after the other."""
    settings = type(history.settings)(mongo_url=history.settings.mongo_url, database_prefix=prefix)
    client = mongo_client
    database = mongo.database(client, f"{prefix}intake")
    log = type(history.log)(mongo.database(client, f"{prefix}log"))
    log.create_topics(TOPICS)
    return settings, database, log


def worker_of_read_models(database, log) -> Consumer:
    """It takes in what the read models of intake take in, and nothing else."""
    at = database.__getitem__
    models = [INTAKE[name].build(at) for name in ("worklist", "timeline", "known-referrals")]
    Timeline(at("timeline")).ensure_indexes()
    return Consumer(
        "intake", Subscription(group="intake", topics=TOPICS, reactions={}, read_models=models), log, database
    )


def test_a_read_model_is_made_anew_while_events_come_and_pages_are_read(history, growing):
    _, database, log = growing
    half = len(history.told) // 2
    append(log, history.told[:half])
    worker = worker_of_read_models(database, log)
    family = max(f := [e.data["family_id"] for e in history.told], key=f.count)
    rows_seen: list[int] = []
    stop = threading.Event()

    def arrive() -> None:
        for n in range(half, len(history.told)):
            append(log, history.told[n : n + 1])

    def read_pages() -> None:
        while not stop.is_set():
            rows_seen.append(len(Timeline(database["timeline"]).find(family, None, 10_000)))

    of = Random(3)
    corrected = 0
    with working(worker):
        eventually(lambda: not any(log.lag("intake", TOPICS).values()))
        reading, arriving = threading.Thread(target=read_pages), threading.Thread(target=arrive)
        reading.start(), arriving.start()
        while arriving.is_alive():
            for name in ("files", "known-referrals", "worklist", "timeline"):
                if name != "timeline":  # whose pages are read meanwhile, and never show less than before
                    for collection in INTAKE[name].collections:
                        spoil(database[collection], of)
                done = Rebuild("intake", name, INTAKE[name], TOPICS, log, database).run()
                corrected += done.corrected + done.added + done.removed
        arriving.join()
        eventually(lambda: not any(log.lag("intake", TOPICS).values()))
        stop.set()
        reading.join()
    assert corrected > 50
    assert rows_seen == sorted(rows_seen), "a page showed less than one before it"
    assert not worker.parking.list()
    grown = history.dump()["intake"]
    for name in [collection for model in INTAKE.values() for collection in model.collections]:
        rows = {row["_id"]: row for row in database[name].find({})}
        for row in rows.values():
            row.pop("revision", None)
        assert_same(rows, grown.get(name, {}), name)


def test_what_is_parked_because_a_model_cannot_take_it_is_left_out_with_what_follows(
    history, growing, monkeypatch
):
    _, database, log = growing
    append(log, history.told)
    poison = next(e for e in history.told if e.sequence.endswith("2"))
    follows = [e.id for e in history.told if e.subject == poison.subject and e.sequence >= poison.sequence]

    def build(at):
        apply = Timeline(at("timeline")).apply

        def picky(envelopes):
            if any(e.id == poison.id for e in envelopes):
                raise ValueError
            apply(envelopes)

        return picky

    model = Model(("timeline",), build)
    picky = Subscription(
        group="intake", topics=TOPICS, reactions={}, read_models=[build(database.__getitem__)]
    )
    anew = Rebuild("intake", "timeline", model, TOPICS, log, database)
    monkeypatch.setattr("shared.rebuild.PARKED_WITHIN", 0.2)
    with pytest.raises(CannotRebuild, match=f"Event {poison.id} cannot be taken"):
        anew.run()
    assert database["timeline"].count_documents({}) == 0
    worker = Consumer("intake", picky, log, database)
    with working(worker):
        eventually(lambda: not any(log.lag("intake", TOPICS).values()))
    assert {one["_id"] for one in worker.parking.list()} == set(follows)
    grown = {row["_id"]: row for row in database["timeline"].find({})}
    database["timeline"].delete_many({})
    done = Rebuild("intake", "timeline", model, TOPICS, log, database).run()
    assert done.left_out == [poison.id]
    assert {row["_id"]: row for row in database["timeline"].find({})} == grown


@dataclass
class LastStep:
    """A read model that has taken in everything but the last event of a case. Its rows can be made to say too little."""

    service: str
    name: str
    kind: type[FamilyFiles | KnownCases]
    forgets: Mapping[str, Any]
    told: Sequence[Envelope]
    topics: Sequence[str]
    database: Database
    log: EmbeddedLog

    def __post_init__(self) -> None:
        self.last = next(e for e in reversed(self.told) if e.source == "/casework")
        before = [e for e in self.told if e != self.last]
        append(self.log, before)
        (collection,) = model_of(self.service, self.name).collections
        self.grown = self.kind(self.database[collection])
        self.grown.apply(before)

    def spoil(self) -> None:
        self.grown.collection.update_many({}, {"$set": self.forgets})

    def rebuild(self, log: Any) -> Outcome:
        model = model_of(self.service, self.name)
        return Rebuild(self.service, self.name, model, self.topics, log, self.database).run()

    def check(self) -> None:
        expected = self.kind(self.database["expected"])
        expected.apply(self.told)
        grown, anew = (
            {row["_id"]: {**row, "revision": 0} for row in model.collection.find()}
            for model in (self.grown, expected)
        )
        assert_same(grown, anew, self.name)


@pytest.fixture(
    params=[
        ("referrals", "known-cases", KnownCases, {"measures": []}),
        ("casework", "files", FamilyFiles, {"sources": {}}),
    ],
    ids=["known-cases", "files"],
)
def last_step(request, history, growing):
    service, name, kind, forgets = request.param
    topics = history.world.parts[service].subscription.topics
    told = [e for e in history.told if topic(e.source[1:]) in topics]
    _, database, log = growing
    return LastStep(service, name, kind, forgets, told, topics, database, log)


def test_who_was_about_to_add_to_a_wrong_row_adds_to_the_right_one(last_step, monkeypatch):
    """The worker has read a row; then the row is put right; then the worker writes."""
    last_step.spoil()
    save, rebuilt = last_step.kind._save, []

    def after_a_rebuild(self, *arguments):
        if self is last_step.grown and not rebuilt:
            rebuilt.append(True)
            assert last_step.rebuild(last_step.log).corrected
        return save(self, *arguments)

    monkeypatch.setattr(last_step.kind, "_save", after_a_rebuild)
    last_step.grown.apply([last_step.last])
    last_step.check()


def test_what_the_worker_adds_after_the_copy_was_made_is_not_taken_back(last_step):
    """The copy has everything that is on the log; then an event arrives, and the worker takes it in."""

    class ThenOneArrives:
        def __getattr__(self, name):
            return getattr(last_step.log, name)

        def lag(self, *arguments):
            found = last_step.log.lag(*arguments)
            if not any(found.values()) and self.waiting:
                self.waiting = False
                append(last_step.log, [last_step.last])
                last_step.grown.apply([last_step.last])
            return found

        waiting = True

    last_step.rebuild(ThenOneArrives())
    last_step.check()


def test_a_log_that_is_slow_to_know_the_group_or_shares_it_out_anew_is_waited_for(
    history, growing, monkeypatch
):
    _, database, log = growing
    append(log, history.told)
    commit, lag = EmbeddedReader.commit, EmbeddedLog.lag
    fenced, away = [], []

    def commit_after_a_rewind(self):
        if not fenced:
            fenced.append(True)
            log.rewind("intake-rebuild-timeline")
        return commit(self)

    def lag_after_a_while(self, *arguments):
        if not away:
            away.append(True)
            raise LogAway
        return lag(self, *arguments)

    monkeypatch.setattr(EmbeddedReader, "commit", commit_after_a_rewind)
    monkeypatch.setattr(EmbeddedLog, "lag", lag_after_a_while)
    done = Rebuild("intake", "timeline", INTAKE["timeline"], TOPICS, log, database).run()
    assert done.events > len(history.told), "what was fenced comes again"
    assert done.added == len({envelope.id for envelope in history.told})


def test_of_two_rebuilds_of_one_model_the_second_is_refused(history):
    database = history.world.parts["casework"].database
    model, topics = model_of("casework", "files"), history.world.parts["casework"].subscription.topics

    def meanwhile(at):
        with pytest.raises(CannotRebuild, match="by another process"):
            Rebuild("casework", "files", model, topics, history.log, database).run()
        return model.build(at)

    Rebuild("casework", "files", Model(model.collections, meanwhile), topics, history.log, database).run()


def test_an_empty_log_empties_nothing(history, growing):
    _, database, log = growing
    database["timeline"].insert_one({"_id": "a"})
    with pytest.raises(CannotRebuild, match="The log is empty"):
        Rebuild("intake", "timeline", INTAKE["timeline"], TOPICS, log, database).run()
    assert database["timeline"].count_documents({}) == 1


def test_services_that_hear_everything_again_change_nothing_and_send_no_sms(history):
    """With their workers at work: they hear all of it a second time (the first was the history), and a third after `rewind`."""
    before, sms = history.dump(), history.world.sms.read_text()
    assert sms.count("\n") > 3
    log = history.log
    with ExitStack() as stack:
        for service, part in history.world.parts.items():
            consumer = Consumer(service, part.subscription, log, part.database)
            stack.enter_context(working(consumer))
        eventually(lambda: not any(_lag(history, service) for service in SERVICES), within=30)
        heard = {service: handled.labels(service)._value.get() for service in SERVICES}
        done = command(history, "-c", REWIND_ALL)
        assert (
            done.returncode,
            done.stdout.count("begins anew"),
            done.stderr.count("a group was rewound"),
        ) == (0, 4, 4)
        for service in SERVICES:
            again = heard[service] + length(history, service)
            eventually(lambda s=service, n=again: handled.labels(s)._value.get() >= n, within=30)
        eventually(lambda: not any(_lag(history, service) for service in SERVICES), within=30)
    assert_same(history.dump(), before, "changed by a rewind")
    assert history.world.sms.read_text() == sms
    for part in history.world.parts.values():
        assert Consumer(part.name, part.subscription, None, part.database).parking.counts() == (0, 0)


def _lag(history, service: str) -> int:
    return sum(history.log.lag(service, history.world.parts[service].subscription.topics).values())
