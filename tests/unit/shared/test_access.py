"""`may_read`, `may_act`, and the filter that says the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.access import Actor, File, Known, heard, may_act, may_read, reading_filter
from shared.events.cloudevents import Envelope

CENTERS = ["center-71-1", "center-71-2"]
PEOPLE = ["anna", "bota"]
ROLES = ["worker", "supervisor", "regional", "national", "partner", "registry", "auditor", "service"]

actors = st.builds(
    Actor,
    sub=st.sampled_from(PEOPLE),
    roles=st.frozensets(st.sampled_from(ROLES)),
    center_id=st.none() | st.sampled_from(CENTERS),
)
files = st.builds(
    File,
    center_ids=st.frozensets(st.sampled_from(CENTERS)),
    restricted=st.booleans(),
    holders=st.frozensets(st.sampled_from(PEOPLE)),
)


@given(actors, files)
def test_may_read_says_what_the_contract_says(actor, file):
    center_is_mine = actor.center_id in file.center_ids and bool(actor.roles & {"worker", "supervisor"})
    open_to_me = not file.restricted or "supervisor" in actor.roles or actor.sub in file.holders
    assert may_read(actor, file) == (center_is_mine and open_to_me)


@given(actors)
def test_what_has_not_arrived_is_nobodys(actor):
    assert not may_read(actor, None)


def matches(document: dict, query: dict) -> bool:
    """A MongoDB filter of the kind that reading_filter makes, over one document."""
    for key, wanted in query.items():
        if key == "$or":
            if not any(matches(document, q) for q in wanted):
                return False
        elif key == "open.0":
            if bool(document["open"]) != wanted["$exists"]:
                return False
        elif isinstance(wanted, dict):
            if document[key] not in wanted["$in"]:
                return False
        elif document[key] != wanted:
            return False
    return True


@given(
    actor=actors,
    center=st.sampled_from(CENTERS),
    restricted=st.booleans(),
    holder=st.sampled_from(PEOPLE),
    is_open=st.booleans(),
    others=st.frozensets(st.sampled_from(PEOPLE)),
)
def test_the_filter_of_a_list_is_the_same_rule(actor, center, restricted, holder, is_open, others):
    """`others` hold the file elsewhere. Whoever held this document, in which nothing is open any more, holds nothing by it."""
    document = {
        "_id": "d", "family_id": "f", "center_id": center, "restricted": restricted, "holder": holder,
        "open": ["something"] if is_open else [],
    }  # fmt: skip
    file = File(frozenset({center}), restricted, others | ({holder} if is_open else frozenset()))
    held = ["f"] if actor.sub in others and restricted else []
    assert matches(document, reading_filter(actor, held)) == may_read(actor, file)


@given(actors, st.sampled_from(PEOPLE), st.none() | st.sampled_from(CENTERS))
def test_only_the_holder_and_supervisors_of_the_center_act(actor, holder, center):
    supervises = "supervisor" in actor.roles and center is not None and actor.center_id == center
    holds = "worker" in actor.roles and actor.sub == holder
    assert may_act(actor, holder, center) == (supervises or holds)


def said(subject, number, type, *, center="center-71-1", holder="anna", open=True, source="/intake", **more):
    item = {
        "item": "x",
        "owner": {"kind": "staff", "id": holder},
        "next_action": "x",
        "due_at": "2026-03-02T00:00:00Z",
        "rule": "x",
    }
    data = {
        "family_id": "f", "person_id": None, "center_id": center, "actor": "a", "occurred_at": "2026-03-02T00:00:00Z",
        "holder": holder, "open": [item] if open else [], **more,
    }  # fmt: skip
    return Envelope(
        id=f"{subject}{number}", type=type, source=source, subject=subject, time="2026-03-02T00:00:00Z",
        sequence=f"0001-{number:012d}", partitionkey=subject, data=data,
    )  # fmt: skip


APPEAL = "kz.birtereze.intake.appeal-registered.v1"
CASE = "kz.birtereze.casework.case-opened.v1"
STREAM = [
    said("appeal-1", 1, APPEAL, restricted=False, file_version=1, danger={}),
    said("appeal-1", 2, APPEAL, restricted=False, file_version=1, danger={}, open=False),
    said(
        "appeal-2", 1, APPEAL, center="center-71-2", holder="bota", restricted=True, file_version=2, danger={}
    ),
    said("case-1", 1, CASE, source="/casework", holder="anna", restricted=False),
    said("case-1", 2, CASE, source="/casework", holder="clara", restricted=False),
    said("case-2", 1, "kz.birtereze.casework.of-tomorrow.v1", source="/casework", holder="dina", open=False),
]


@given(st.permutations(STREAM), st.lists(st.sampled_from(STREAM)))
def test_whatever_the_order_and_however_often_the_same_is_known(events, repeats):
    known = Known()
    for event in [*events, *repeats]:
        known = heard(known, event)
    assert known.restricted
    assert known.file_version == 2
    assert known.center_ids == ("center-71-1", "center-71-2")
    assert known.holders == ("bota", "clara")


def test_a_closed_appeal_is_held_by_who_had_it_until_a_case_has_the_file():
    known = heard(heard(Known(), STREAM[0]), STREAM[1])
    assert known.holders == ("anna",)
    assert heard(known, STREAM[4]).holders == ("clara",)


def test_a_file_of_which_only_others_have_spoken_is_restricted():
    assert heard(Known(), STREAM[3]).restricted
