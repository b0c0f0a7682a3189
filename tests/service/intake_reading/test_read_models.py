"""Worklist, timeline and known referrals on a real mongod: order, repeats, late copies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.read_models.known_referrals import KnownReferrals
from services.intake.read_models.timeline import Timeline
from services.intake.read_models.worklist import Worklist
from shared import mongo
from shared.access import Actor, FamilyFiles
from shared.events.cloudevents import Envelope

DUE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANNA = Actor(sub="anna", roles=frozenset({"worker"}), center_id="center-71-1")
BOTA = Actor(sub="bota", roles=frozenset({"worker"}), center_id="center-71-1")
HEAD = Actor(sub="head", roles=frozenset({"supervisor"}), center_id="center-71-1")
ELSEWHERE = Actor(sub="clara", roles=frozenset({"supervisor"}), center_id="center-75-1")


@pytest.fixture
def database(mongo_client, prefix):
    return mongo.database(mongo_client, f"{prefix}intake")


@pytest.fixture
def files(database):
    return FamilyFiles(database["files"])


@pytest.fixture
def worklist(database, files):
    worklist = Worklist(database["worklist_subjects"], database["worklist"], files)
    worklist.ensure_indexes()
    return worklist


def item(name, *, owner="anna", kind="staff", hours=0, raised=0):
    return {
        "item": name, "owner": {"kind": kind, "id": owner}, "next_action": name, "rule": name, "raised": raised,
        "due_at": (DUE + timedelta(hours=hours)).isoformat(),
    }  # fmt: skip


def said(
    subject, number, *open, family="f1", holder="anna", center="center-71-1", restricted=False, version=1, source="intake",
    type="appeal-registered", **more,
):  # fmt: skip
    data = {
        "family_id": family, "person_id": "p1", "center_id": center, "actor": "anna", "occurred_at": DUE.isoformat(),
        "holder": holder, "open": list(open), "restricted": restricted, "file_version": version, "danger": {}, **more,
    }  # fmt: skip
    return Envelope(
        id=f"{subject}-{number}", type=f"kz.birtereze.{source}.{type}.v1", source=f"/{source}", subject=subject,
        time=DUE, sequence=f"0001-{number:012d}", partitionkey=subject, data=data,
    )  # fmt: skip


def take(worklist, *events):
    worklist.files.apply(events)
    worklist.apply(events)


def shown(worklist, actor=ANNA, position=None, limit=50, **filters):
    rows = worklist.find(actor, {"now": DUE, **filters}, position, limit)
    return [row["_id"] for row in rows]


def test_items_of_all_subjects_by_due_time(worklist):
    take(
        worklist,
        said("a1", 1, item("screening", hours=5), item("ask-danger", hours=1)),
        said("c1", 1, item("plan", hours=3)),
    )
    assert shown(worklist) == ["a1:ask-danger", "c1:plan", "a1:screening"]
    assert shown(worklist, due_before=DUE + timedelta(hours=3)) == ["a1:ask-danger"]


def test_pages_go_on_where_the_last_one_ended(worklist):
    take(worklist, *(said(f"a{n}", 1, item("screening", hours=n % 3)) for n in range(7)))
    every = shown(worklist)
    first = worklist.find(ANNA, {}, None, 3)
    last = first[-1]
    assert shown(worklist, position=(last["due_at"], last["_id"])) == every[3:]


def test_what_is_done_goes_and_a_late_copy_does_not_bring_it_back(worklist):
    opened, done = said("a1", 1, item("screening")), said("a1", 2)
    take(worklist, opened)
    take(worklist, done)
    take(worklist, opened)
    assert shown(worklist) == []
    take(worklist, opened, done)
    assert shown(worklist) == []


def test_an_item_that_comes_again_is_there_again(worklist):
    take(worklist, said("a1", 1, item("screening")), said("a1", 2))
    take(worklist, said("a1", 3, item("screening", hours=9)))
    assert shown(worklist) == ["a1:screening"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_batching_and_any_repetition_ends_in_the_same_list(worklist, data):
    """Order per key as the log gives it; batches cut anywhere; each batch perhaps delivered again, also much later."""
    worklist.subjects.delete_many({})
    worklist.items.delete_many({})
    worklist.files.collection.delete_many({})
    names = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3)
    histories = {s: data.draw(st.lists(names, min_size=1, max_size=5), label=s) for s in ("a1", "a2")}
    stream = [
        said(subject, number, *(item(name, hours=number) for name in opens))
        for subject, history in histories.items()
        for number, opens in enumerate(history, 1)
    ]
    delivered, one_by_one = [], list(stream)
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        batch, stream = stream[:size], stream[size:]
        delivered.append(batch)
        take(worklist, *batch)
        if data.draw(st.booleans()):
            take(worklist, *data.draw(st.sampled_from(delivered)))
    expected = {f"{s}:{name}" for s, history in histories.items() for name in history[-1]}
    assert set(shown(worklist)) == expected
    rows = list(worklist.items.find().sort("_id", 1))
    worklist.subjects.delete_many({})
    worklist.items.delete_many({})
    for each in one_by_one:
        take(worklist, each)
    assert rows == list(worklist.items.find().sort("_id", 1))


def test_a_worker_that_stalled_before_it_wrote_brings_nothing_back(worklist, monkeypatch):
    """Another has taken over meanwhile, and took in what ended the item in the same batch as what opened it."""
    opened, done = said("a1", 1, item("screening")), said("a1", 2)
    stalled = Worklist(worklist.subjects, worklist.items, worklist.files)
    files_of = worklist.files.files

    def stall(families):
        monkeypatch.setattr(worklist.files, "files", files_of)
        take(worklist, opened, done)
        return files_of(families)

    monkeypatch.setattr(worklist.files, "files", stall)
    stalled.apply([opened])
    assert shown(worklist) == []


def test_a_restricted_file_is_seen_by_its_holder_and_the_supervisor_only(worklist):
    take(worklist, said("a1", 1, item("screening")))
    assert shown(worklist, BOTA) == ["a1:screening"]
    take(worklist, said("f1", 1, restricted=True, version=2, type="family-danger-changed"))
    assert shown(worklist, ANNA) == shown(worklist, HEAD) == ["a1:screening"]
    assert shown(worklist, BOTA) == shown(worklist, ELSEWHERE) == []
    take(worklist, said("a1", 2, item("screening"), item("notice-police")))
    assert shown(worklist, BOTA) == []
    take(worklist, said("f1", 2, version=3, type="family-danger-changed"))
    assert set(shown(worklist, BOTA)) == {"a1:screening", "a1:notice-police"}


def test_a_row_of_a_file_that_has_not_arrived_is_restricted(worklist):
    take(worklist, said("c1", 1, item("plan"), source="casework", type="case-opened"))
    assert shown(worklist, BOTA) == []
    assert shown(worklist, ANNA) == ["c1:plan"]


def test_me_for_a_worker_and_for_a_supervisor(worklist):
    take(
        worklist,
        said("a1", 1, item("screening")),
        said("c1", 1, item("approve", owner="center-71-1", kind="center", hours=1)),
        said("c2", 1, item("plan", owner="bota", hours=2, raised=1), holder="bota"),
        said("r1", 1, item("answer", owner="agency-health-astana", kind="agency", hours=3)),
    )
    assert shown(worklist, ANNA, owner="me") == ["a1:screening"]
    assert shown(worklist, ANNA, holder="me") == ["a1:screening", "c1:approve", "r1:answer"]
    assert shown(worklist, HEAD, owner="me") == ["c1:approve", "c2:plan"]
    assert shown(worklist, HEAD, owner="bota") == ["c2:plan"]
    assert shown(worklist, HEAD, overdue=True) == []
    assert len(shown(worklist, HEAD, overdue=False)) == 4
    assert shown(worklist, ANNA, center_id="center-75-1") == []


def test_queries_use_an_index(worklist):
    take(worklist, said("a1", 1, item("screening")))
    query = {"$and": [{"open": True}, {"center_id": "center-71-1"}, {"owner.id": "anna"}]}
    plan = (
        worklist.items.find(query).sort([("due_at", 1), ("_id", 1)]).explain()["queryPlanner"]["winningPlan"]
    )
    assert "COLLSCAN" not in str(plan)
    assert "'SORT'" not in str(plan)


def test_the_timeline_has_each_event_once_newest_first(database):
    timeline = Timeline(database["timeline"])
    timeline.ensure_indexes()
    events = [
        said("a1", n, occurred_at=(DUE + timedelta(hours=n)).isoformat(), outcome="open-case")
        for n in range(1, 6)
    ]
    timeline.apply(events[:3])
    timeline.apply(events)
    rows = timeline.find("f1", None, 3)
    assert [row["_id"] for row in rows] == ["a1-5", "a1-4", "a1-3"]
    assert rows[0]["said"] == {"outcome": "open-case"}
    last = rows[-1]
    rest = timeline.find("f1", (last["occurred_at"], last["sequence"], last["_id"]), 50)
    assert [row["_id"] for row in rest] == ["a1-2", "a1-1"]
    assert timeline.find("f2", None, 3) == []


def test_a_referral_is_known_as_its_newest_event_told_it(database):
    known = KnownReferrals(database["known_referrals"])
    fields = {"agency_id": "agency-health-astana", "service_kind": "health", "disclose": ["name"]}
    first = said("r1", 1, source="referrals", type="referral-requested", state="requested", **fields)
    second = said("r1", 2, source="referrals", type="referral-accepted", state="accepted", **fields)
    known.apply([first, second, said("a1", 1)])
    known.apply([first])
    assert known.find("r1").state == "accepted"
    assert known.find("r1").disclose == ("name",)
    assert known.find("a1") is None
