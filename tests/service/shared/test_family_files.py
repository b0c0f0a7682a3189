"""The read model behind may_read, on a real mongod."""

from __future__ import annotations

import threading

import pytest

from shared import mongo
from shared.access import FamilyFiles
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
