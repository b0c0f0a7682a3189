"""The aggregate store on a real mongod."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import mongo
from shared.aggregate import Aggregates, Ask, Once, body_hash, next_number
from shared.events import CaseOpened, CaseReopened, OpenItem, Owner
from shared.events.cloudevents import Envelope, UnreadableData
from shared.ids import creation_id, derived_id
from shared.refusals import Conflict, KeyReused, NotFound, PreconditionRequired, Stale

NOW = datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Thing:
    state: str = "open"
    steps: int = 0
    day: date | None = None
    open: tuple[OpenItem, ...] = ()
    added_later: str = "default"


def happened(kind=CaseOpened, **more):
    item = OpenItem(
        item="assess", owner=Owner(kind="staff", id="w"), next_action="assess", due_at=NOW, rule="assess"
    )
    data = {
        "family_id": "f", "person_id": "p", "center_id": "c", "actor": "w", "occurred_at": NOW, "holder": "w", "open": (item,),
        "number": "1", "state": "assessment", "restricted": False,
    }  # fmt: skip
    if kind is CaseOpened:
        data["appeal_id"] = "a"
    return kind(**data, **more)


def step(thing: Thing):
    return replace(thing, steps=thing.steps + 1), [happened(CaseReopened)]


@pytest.fixture
def things(mongo_client, prefix):
    database = mongo.database(mongo_client, f"{prefix}casework")
    things = Aggregates(
        database["things"], Thing, service="casework", subject="case",
        wake_at=lambda t: NOW if t.state == "open" else None,
    )  # fmt: skip
    things.ensure_indexes()
    return things


def ask(command="step", key=None, if_match=None, body=None, now=NOW):
    return Ask(command, key, body_hash(body), if_match, now)


def born(things, id="a1", hash="h"):
    return things.create(id, lambda: (Thing(day=date(2026, 3, 2)), [happened()]), Once("k", hash))


def raw(things, id="a1"):
    return things.collection.find_one({"_id": id})


def test_state_comes_back_as_it_was_and_the_event_stands_beside_it(things):
    saved = born(things)
    assert (saved.version, saved.sequence, saved.changed) == (1, "0001-000000000001", True)
    assert things.get("a1").state == Thing(day=date(2026, 3, 2))
    document = raw(things)
    assert [e["type"] for e in document["outbox"]] == ["kz.birtereze.casework.case-opened.v1"]
    assert document["pending"] == NOW
    assert document["wake_at"] == NOW


def test_a_field_added_later_has_its_default_in_an_old_document(things):
    born(things)
    things.collection.update_one({"_id": "a1"}, {"$unset": {"added_later": 1}})
    assert things.get("a1").state.added_later == "default"
    things.change("a1", step, ask(if_match=1))
    assert raw(things)["added_later"] == "default"


def test_the_same_request_twice_makes_one_thing(things):
    first = born(things)
    again = born(things)
    assert (again.id, again.version, again.changed) == (first.id, 1, False)
    assert len(raw(things)["outbox"]) == 1
    with pytest.raises(KeyReused):
        born(things, hash="other")


def test_ids_of_creations_depend_on_who_and_which_key():
    assert creation_id("appeal", "a", "k") == creation_id("appeal", "a", "k")
    assert (
        len(
            {
                creation_id(*p)
                for p in (("appeal", "a", "k"), ("appeal", "b", "k"), ("appeal", "a", "l"), ("x", "a", "k"))
            }
        )
        == 4
    )


def test_a_command_needs_the_version_it_saw(things):
    born(things)
    with pytest.raises(PreconditionRequired):
        things.change("a1", step, ask())
    with pytest.raises(Stale):
        things.change("a1", step, ask(if_match=2))
    assert things.change("a1", step, ask(if_match=1)).version == 2
    with pytest.raises(NotFound):
        things.change("a2", step, ask(if_match=1))


def test_a_remembered_command_changes_nothing_whatever_if_match_says(things):
    born(things)
    things.change("a1", step, ask(key="k1", if_match=1))
    things.change("a1", step, ask(key="k2", if_match=2))
    again = things.change("a1", step, ask(key="k1", if_match=1))
    assert (again.version, again.state.steps, again.changed) == (3, 2, False)
    assert things.change("a1", step, ask(key="k1")).version == 3
    with pytest.raises(KeyReused):
        things.change("a1", step, ask(key="k1", body={"other": 1}))
    with pytest.raises(KeyReused):
        things.change("a1", step, ask(command="other", key="k1"))


def test_keys_are_forgotten_after_a_day_and_not_before(things):
    born(things)
    things.change("a1", step, ask(key="k1", if_match=1))
    things.change("a1", step, ask(key="k2", if_match=2, now=NOW + timedelta(hours=23)))
    assert things.change("a1", step, ask(key="k1", if_match=9)).version == 3
    things.change("a1", step, ask(key="k3", if_match=3, now=NOW + timedelta(hours=25)))
    assert [c["key"] for c in raw(things)["commands"]] == ["k2", "k3"]


def test_only_what_changed_is_written(things):
    born(things)
    watched = things.collection.watch([{"$match": {"operationType": "update"}}])
    things.change("a1", step, ask(if_match=1))
    updated = watched.next()["updateDescription"]["updatedFields"]
    watched.close()
    changed = {name for name in updated if not name.startswith("outbox")}
    assert changed == {"version", "sequence", "steps"}


def test_a_refusal_leaves_nothing(things):
    born(things)
    before = raw(things)
    with pytest.raises(ZeroDivisionError):
        things.change("a1", lambda thing: 1 / 0, ask(if_match=1))
    assert raw(things) == before


def test_an_update_does_not_bring_back_events_that_the_relay_removed(things):
    born(things)

    def decide(thing):
        things.collection.update_one({"_id": "a1"}, {"$set": {"outbox": []}, "$unset": {"pending": 1}})
        return step(thing)

    things.change("a1", decide, ask(if_match=1))
    assert [e["sequence"] for e in raw(things)["outbox"]] == ["0001-000000000002"]


def test_pending_is_the_time_of_the_oldest_waiting_event(things):
    born(things)
    later = NOW + timedelta(hours=1)
    things.tick("a1", lambda t: (t, [replace(happened(CaseReopened), occurred_at=later)]))
    assert raw(things)["pending"] == NOW


def test_writers_at_once_lose_nothing_and_numbers_are_contiguous(things):
    born(things)

    def one_more():
        while True:
            try:
                return things.tick("a1", step)
            except Conflict:  # on a busy machine somebody loses every race that he may run: he begins anew
                continue

    def work():
        for _ in range(10):
            one_more()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    document = raw(things)
    assert document["steps"] == 80
    assert [int(e["sequence"][5:]) for e in document["outbox"]] == list(range(1, 82))
    assert document["version"] == 81


def test_only_one_of_two_commands_on_the_same_version_wins(things):
    born(things)
    gate = threading.Barrier(2)
    outcomes = []

    def decide(thing):
        if thing.steps == 0:
            gate.wait(5)
        return step(thing)

    def command():
        try:
            outcomes.append(things.change("a1", decide, ask(if_match=1)).version)
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=command) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["2", "stale"]


def cause(sequence, subject="source-1", id=None):
    return Envelope(
        id=id or f"{subject}-{sequence}", type="kz.birtereze.intake.appeal-screened.v1", source="/intake", subject=subject,
        time=NOW, sequence=sequence, partitionkey=subject,
    )  # fmt: skip


def test_a_reaction_takes_effect_once_and_never_backwards(things):
    def decide(thing):
        return step(thing or Thing())

    first = cause("0001-000000000001")
    assert things.react("n1", decide, first).changed
    assert not things.react("n1", decide, first).changed
    assert things.react("n1", decide, cause("0001-000000000003")).changed
    assert not things.react("n1", decide, cause("0001-000000000002")).changed
    assert things.react("n1", decide, cause("0001-000000000001", subject="source-2")).changed
    assert things.react(
        "n1", decide, cause("0002-000000000001")
    ).changed  # after a restore: a higher epoch is newer
    assert things.get("n1").state.steps == 4


def test_events_of_a_reaction_have_the_ids_of_their_cause(things):
    def decide(thing):
        return step(thing or Thing())

    things.react("n1", decide, cause("0001-000000000001"))
    once = raw(things, "n1")["outbox"][0]["id"]
    things.collection.delete_one({"_id": "n1"})  # as if restored to a time before
    things.react("n1", decide, cause("0001-000000000001"))
    assert raw(things, "n1")["outbox"][0]["id"] == once
    things.react("n2", decide, cause("0001-000000000001"))
    assert raw(things, "n2")["outbox"][0]["id"] != once


def test_a_reaction_that_decides_nothing_writes_nothing(things):
    assert things.react("n1", lambda thing: None, cause("0001-000000000001")) is None
    assert raw(things, "n1") is None


def test_an_event_of_another_kind_or_too_large_is_a_bug_caught_when_saving(things):
    born(things)
    with pytest.raises(ValueError, match="over 65536 bytes"):
        things.tick("a1", lambda t: (t, [replace(happened(), number="x" * 70_000)]))
    with pytest.raises(UnreadableData):
        things.tick("a1", lambda t: (t, [replace(happened(), actor={"sub": "w"})]))
    things.subject = "referral"
    with pytest.raises(TypeError):
        things.tick("a1", step)


def test_what_was_read_in_a_transaction_is_changed_as_it_was_read(things, mongo_client):
    born(things)

    def stepped(session):
        return things.save(things.get("a1", session), step(things.get("a1", session).state), session)

    with mongo_client.start_session() as session:
        saved = session.with_transaction(stepped)
    assert (saved.version, saved.sequence, saved.state.steps, saved.changed) == (2, "0001-000000000002", 1, True)
    assert things.get("a1").state == saved.state
    assert len(raw(things)["outbox"]) == 2
    assert raw(things)["wake_at"] == NOW


def test_what_somebody_else_has_changed_since_is_not_written_over(things, mongo_client):
    old = born(things)
    things.change("a1", step, ask(if_match=1))
    with mongo_client.start_session() as session, pytest.raises(Conflict):
        session.with_transaction(lambda session: things.save(old, step(old.state), session))
    assert things.get("a1").state.steps == 1


def test_several_documents_in_one_transaction(things, mongo_client):
    def both(session):
        things.create("t1", lambda: (Thing(), [happened()]), Once("k", "h"), session)
        things.create("t2", lambda: (Thing(), [happened()]), Once("k", "h"), session)
        if len(tries) == 0:
            tries.append(1)
            raise RuntimeError

    tries = []
    with mongo_client.start_session() as session, pytest.raises(RuntimeError):
        session.with_transaction(both)
    assert raw(things, "t1") is None
    with mongo_client.start_session() as session:
        session.with_transaction(both)
    assert raw(things, "t1")["version"] == raw(things, "t2")["version"] == 1


def test_after_a_restore_the_epoch_is_higher_and_the_number_goes_on(things):
    born(things)
    things.collection.database["meta"].insert_one({"_id": "epoch", "n": 2})
    restarted = Aggregates(things.collection, Thing, service="casework", subject="case")
    assert restarted.tick("a1", step).sequence == "0002-000000000002"


def test_numbers_of_a_series(things):
    database = things.collection.database
    assert [next_number(database, "71-1/2026") for _ in range(3)] == [1, 2, 3]
    assert next_number(database, "71-2/2026") == 1
    assert derived_id("a", "b") != derived_id("a/b", "")
