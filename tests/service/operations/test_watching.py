"""What is watched is true, is not shown as nothing where it is not known, and is explained in docs/operations.md."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from shared import mongo
from shared.aggregate import Aggregates
from shared.consumer import Consumer
from shared.lease import Lease
from shared.relay import WAITING, Relay
from tests.conftest import free_port
from tests.service.operations.conftest import TOPIC
from tests.service.operations.test_command_line import SERVICES, main_of
from tests.service.spine.tools import ROOT, Script, append, document, envelope, eventually

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
WORKER = Path(__file__).parents[1] / "spine" / "worker_process.py"


def gauge(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels)


@dataclasses.dataclass(frozen=True)
class Case:
    """Only what waits in its outbox is looked at here."""


@pytest.fixture
def cases(database):
    collection = database["cases"]
    Aggregates(collection, Case, service="test", subject="case").ensure_indexes()
    return collection


def test_the_age_of_the_oldest_event_is_exact_in_a_process_that_is_not_the_relay(cases, event_log, database):
    """The oldest event is in a document whose turn is the last: `pending` says nothing about it."""
    now = datetime.now(UTC)
    for number in range(5):
        waits = document(f"case-{number}", 3, since=now - timedelta(hours=number))
        waits["outbox"][0]["time"] = now - timedelta(minutes=10 - number)
        cases.insert_one(waits)
    cases.insert_one({name: value for name, value in document("done", 0).items() if name != "pending"})
    relay = Relay("test", [cases], TOPIC, event_log, Lease(database["leases"], "relay"))
    assert relay.backlog() == 5
    assert gauge("birtereze_relay_backlog", service="test") == 5
    shown = gauge("birtereze_relay_oldest_seconds", service="test")
    oldest = min(entry["time"] for each in cases.find(WAITING) for entry in each["outbox"])
    age = (mongo.database_time(database.client) - oldest).total_seconds()
    assert age - 10 < shown <= age
    plan = str(cases.find(WAITING, {"outbox": {"$slice": 1}}).sort("outbox.time", 1).limit(1).explain())
    assert "oldest_event" in plan
    assert "'stage': 'SORT'" not in plan.partition("rejectedPlans")[0]
    cases.update_many({}, {"$set": {"outbox": []}, "$unset": {"pending": ""}})
    assert relay.backlog() == 0
    assert gauge("birtereze_relay_oldest_seconds", service="test") == 0


def test_what_waits_for_the_consumer_is_counted(hear, listening, event_log, database):
    listening.failing.add("a")
    hear([envelope(key, number) for number in (1, 2) for key in "ab"])
    database["parked"].update_one({"_id": "a-2"}, {"$set": {"at": datetime.now(UTC) - timedelta(hours=1)}})
    append(event_log, TOPIC, [envelope("b", number) for number in (3, 4, 5)])
    Consumer("test", listening.subscription, event_log, database).measure()
    assert gauge("birtereze_parked_messages", service="test") == 2
    assert gauge("birtereze_dead_letters", service="test") == 0
    assert 3595 < gauge("birtereze_parked_oldest_seconds", service="test") < 3700
    assert gauge("birtereze_consumer_lag_messages", service="test", topic=TOPIC) == 3


def test_what_is_not_known_is_not_shown_as_nothing(listening, event_log, monkeypatch):
    def away(group, topics):
        raise ConnectionError

    monkeypatch.setattr(event_log, "lag", away, raising=False)
    url = f"mongodb://127.0.0.1:{free_port()}/?directConnection=true"
    with mongo.connect(url, wait_ms=50) as client:
        database = client["nowhere"]
        Consumer("test", listening.subscription, event_log, database).measure()
        relay = Relay("test", [database["cases"]], TOPIC, event_log, Lease(database["leases"], "relay"))
        with pytest.raises(Exception) as away_too:
            relay.backlog()
        assert mongo.is_away(away_too.value)
    for name in (
        "birtereze_parked_messages",
        "birtereze_dead_letters",
        "birtereze_parked_oldest_seconds",
        "birtereze_relay_backlog",
        "birtereze_relay_oldest_seconds",
    ):
        assert math.isnan(gauge(name, service="test")), name
    assert math.isnan(gauge("birtereze_consumer_lag_messages", service="test", topic=TOPIC))


def test_changes_of_a_lease_are_counted_and_holding_it_is_not(database):
    def counted() -> list[float]:
        return [
            gauge("birtereze_lease_changes_total", lease="watched", change=change) or 0
            for change in ("taken", "lost")
        ]

    one, other = (Lease(database["leases"], "watched", seconds=0.3) for _ in range(2))
    before = counted()
    assert one.hold()
    assert [n - b for n, b in zip(counted(), before, strict=True)] == [1, 0]
    assert one.hold()
    assert not other.hold()
    eventually(other.hold)
    assert not one.hold()
    other.release()
    assert eventually(one.hold)
    assert [n - b for n, b in zip(counted(), before, strict=True)] == [3, 1]


def test_a_worker_shows_what_waits(settings, event_log, database):
    port = free_port()
    told = msgspec.json.encode(dataclasses.replace(settings, worker_metrics_port=port)).decode()
    database["cases"].insert_one(document("a", 3))
    process = Script(WORKER, told, TOPIC)
    try:
        assert process.line() == "working"
        eventually(lambda: database["seen"].count_documents({}) == 3)

        def metrics() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                return answer.read().decode()

        assert f'birtereze_consumer_lag_messages{{service="test",topic="{TOPIC}"}}' in eventually(metrics)
        assert 'birtereze_parked_messages{service="test"} 0.0' in metrics()
        assert 'birtereze_lease_changes_total{change="taken",lease="relay"} 1.0' in metrics()
    finally:
        process.end()


# ---------------------------------------------------------------------------------------------- the page


KINDS = re.compile(r"\b(counter|gauge|histogram)\(")


def metrics_of_the_code() -> set[str]:
    """Names given to `counter`, `gauge` and `histogram`, wherever they are called."""
    found = set()
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]:
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if KINDS.search(source) else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "counter",
                "gauge",
                "histogram",
            ):
                assert isinstance(node.args[0], ast.Constant), f"{path}: the name of a metric is written out"
                found.add(node.args[0].value)
    return found


def test_every_metric_is_explained_and_every_explained_one_is_there():
    rows = set(re.findall(r"^\| `(birtereze_[a-z_]+)`", PAGE, re.MULTILINE))
    assert rows == metrics_of_the_code()
    assert set(re.findall(r"birtereze_[a-z_]+", PAGE)) <= {
        *rows,
        *(f"{name}_{suffix}" for name in rows for suffix in ("bucket", "count", "sum")),
    }


def test_every_alert_is_of_a_metric_and_says_what_to_do():
    alerts = PAGE.partition("## Alerts")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in alerts.splitlines() if line.startswith("| `")]
    assert len(rows) >= 8
    for row in rows:
        assert len(row) == 4, row


def test_every_command_on_the_page_is_one(capsys):
    """As far as its arguments go: `--help` in the place of ids."""
    lines = re.findall(r"python -m services\.(<name>|\w+)((?: [a-z][a-z-]*)+)", PAGE)
    assert len(lines) > 10
    for service, words in lines:
        for name in SERVICES if service == "<name>" else [service]:
            models = {"files", "worklist", "timeline", "known-referrals", "known-cases"}
            line = [word for word in words.split() if word not in models]
            assert main_of(name).main([*line, "--help"]) == 0, f"{name} {words}"
    capsys.readouterr()
