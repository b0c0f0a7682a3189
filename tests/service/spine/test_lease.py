"""A lease has one owner at a time, by the database's clock, and a token that rises with each change of owner."""

from __future__ import annotations

import threading

from shared.lease import Lease
from tests.service.spine.tools import eventually


def test_one_at_a_time_and_the_next_when_it_has_run_out(database):
    first = Lease(database["leases"], "work", seconds=0.5)
    second = Lease(database["leases"], "work", seconds=0.5)
    assert first.hold()
    assert first.valid()
    assert not second.hold()
    assert second.token is None
    eventually(second.hold, within=5)
    assert second.token == 2
    assert not first.valid()
    assert not first.hold()
    assert first.token is None


def test_who_holds_it_renews_it_and_keeps_the_token(database):
    lease = Lease(database["leases"], "work", seconds=0.2)
    rows = database["leases"]
    assert lease.hold()
    until = rows.find_one()["until"]
    eventually(lambda: lease.hold() and rows.find_one()["until"] > until, within=5)
    assert lease.token == 1


def test_what_is_given_back_is_free_at_once(database):
    first, second = (
        Lease(database["leases"], "work", seconds=60),
        Lease(database["leases"], "work", seconds=60),
    )
    assert first.hold()
    second.release()  # it is not his to give back
    assert not second.hold()
    first.release()
    assert second.hold()
    assert second.token == 2


def test_of_many_that_come_at_once_one_gets_it(database):
    leases = [Lease(database["leases"], "work", owner=f"$owner-{n}", seconds=60) for n in range(8)]
    got = []
    barrier = threading.Barrier(8)

    def take(lease: Lease) -> None:
        barrier.wait()
        if lease.hold():
            got.append(lease)

    threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert database["leases"].find_one()["owner"] == got[0].owner
