"""The read model behind may_read, on a real mongod."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from pymongo import MongoClient, UpdateOne, monitoring
from pymongo.errors import BulkWriteError

from shared import mongo
from shared.access import FamilyFiles
from shared.events.cloudevents import Envelope
from tests.unit.shared.test_access import STREAM


@pytest.fixture
def files(mongo_client, prefix):
    files = FamilyFiles(mongo.database(mongo_client, f"{prefix}x")["files"])
    files.ensure_indexes()
    return files


def test_a_batch_and_its_repetition(files):
    assert files.file("f") is None
    files.apply(STREAM)
    before = files.known("f")
    files.apply(STREAM)
    assert files.known("f") == before
    assert files.file("f").holders == {"bota", "clara"}
    assert files.files(["f", "g"]) == {"f": files.file("f")}
    assert files.held_by("bota") == ["f"]
    assert files.held_by("anna") == []


def test_two_processes_at_once_forget_nothing(files):
    threads = [threading.Thread(target=files.apply, args=([event],)) for event in STREAM]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files.file("f").holders == {"bota", "clara"}
    assert files.file("f").restricted


class Commands(monitoring.CommandListener):
    """The names of the commands that have gone to the database."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event):
        self.names.append(event.command_name)

    def succeeded(self, event): ...

    def failed(self, event): ...


def of_other(event: Envelope, family_id: str) -> Envelope:
    """The same word about another family."""
    subject = f"{family_id}-{event.subject}"
    return replace(event, subject=subject, partitionkey=subject, data={**event.data, "family_id": family_id})


def test_families_of_a_batch_are_written_in_one_go(mongo_url, prefix):
    commands = Commands()
    with MongoClient(mongo_url, event_listeners=[commands]) as client:
        files = FamilyFiles(mongo.database(client, f"{prefix}x")["files"])
        for event in STREAM:
            commands.names.clear()
            files.apply([of_other(event, f"f{n}") for n in range(100)])
            assert commands.names.count("update") == 1
        assert {files.file(f"f{n}") for n in range(100)} == {files.file("f0")}
        assert files.file("f99").holders == {"bota", "clara"}


@pytest.mark.parametrize("family", ["f1", "f2"], ids=["changed", "made"])
def test_a_family_that_somebody_else_writes_meanwhile_holds_up_no_other(files, monkeypatch, family):
    first, *others = STREAM
    files.apply([of_other(first, "f0"), of_other(first, "f1")])
    save, somebody_else = files._save, FamilyFiles(files.collection)

    def after_somebody_else(writes):
        monkeypatch.setattr(files, "_save", save)
        somebody_else.apply([of_other(others[0], family)])
        return save(writes)

    monkeypatch.setattr(files, "_save", after_somebody_else)
    files.apply([of_other(event, f"f{n}") for event in STREAM for n in range(4)])
    assert {files.file(f"f{n}") for n in range(4)} == {files.file("f0")}
    assert files.file("f0").holders == {"bota", "clara"}


def test_what_is_wrong_with_a_write_is_said(files):
    with pytest.raises(BulkWriteError):
        mongo.write_all(files.collection, [UpdateOne({"_id": "f"}, {"$set": {"_id": "g"}}, upsert=True)])
