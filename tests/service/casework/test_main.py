"""The commands of the service."""

from __future__ import annotations

from services.casework.__main__ import main
from shared import mongo


def test_migrate_and_seed_may_be_run_again(mongo_url, mongo_client, prefix, monkeypatch):
    monkeypatch.setenv("MONGO_URL", mongo_url)
    monkeypatch.setenv("DATABASE_PREFIX", prefix)
    for command in ("migrate", "seed", "migrate", "seed"):
        assert main([command]) == 0
    database = mongo.database(mongo_client, f"{prefix}casework")
    assert database["cases"].index_information()["one-open-case"]["unique"]
    assert database["staff"].count_documents({"center_id": "center-71-1"}) == 3


def test_an_unknown_command_is_refused(capsys):
    assert main([]) == main(["plant"]) == 2
    assert "worker | migrate | seed" in capsys.readouterr().err
