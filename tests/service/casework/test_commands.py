"""A case from its opening to its closing, through the routes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.casework.domain.states import OPEN_STATES, TRANSITIONS
from tests.service.casework.world import (
    BODIES,
    DELIVERED,
    HEALTH,
    SECOND,
    SUPERVISOR,
    VISIT,
    WORKER,
    Family,
    domains,
    done,
    fresh,
    hours_ago,
    measure,
    plan,
    refused,
    today,
)

FIELDS = {
    *(
        "id",
        "number",
        "center_id",
        "person_id",
        "family_id",
        "appeal_ids",
        "state",
        "level",
        "score",
        "restricted",
    ),
    *(
        "assessment",
        "plan",
        "measures",
        "help",
        "visits",
        "reviews",
        "holder",
        "owner",
        "next_action",
        "due_at",
    ),
    *("open", "version"),
}


def items(case):
    return {item["item"]: item["next_action"] for item in case["open"]}


def test_a_whole_case(world):
    case = world.case()
    assert set(case) >= FIELDS
    assert (case["state"], case["level"], case["plan"], case["next_action"]) == (
        "assessment",
        None,
        None,
        "assess",
    )
    assert case["owner"] == {"kind": "staff", "id": WORKER}
    assert case["number"].startswith("71-1-")

    case = world.after(case, "assessment")
    assert (case["state"], case["level"], case["score"]) == ("planning", "B", 1250)
    assert case["assessment"]["domains"] == domains()

    case = done(world.do(case, "plan", plan(measure(), measure("agency"))))
    assert (case["plan"]["version"], case["plan"]["signatures"], items(case)) == (1, [], {"sign": "sign"})
    case = done(
        world.do(case, "plan/sign", {"by": "family", "person_id": case["person_id"], "method": "code"})
    )
    assert case["state"] == "planning"
    case = world.after(case, "plan/sign by worker")
    assert (case["state"], case["owner"]) == ("approval", {"kind": "center", "id": "center-71-1"})
    assert [(s["by"], s["method"], s["actor"]) for s in case["plan"]["signatures"]] == [
        ("family", "code", WORKER),
        ("worker", "paper", WORKER),
    ]

    case = world.after(case, "plan/approve")
    assert (case["state"], bool(case["plan"]["approved_at"])) == ("implementation", True)
    assert items(case) == {
        "review": "review",
        "carry-out": "carry-out",
        "measure-1": "deliver",
        "measure-2": "refer",
    }
    case = world.after(case, "measures/1/start")
    case = done(world.do(case, "measures/1/deliver", {**DELIVERED, "quantity": 3, "note": "Done."}))
    case = done(world.do(case, "measures/2/cancel", {"reason": "Has moved."}))
    assert [
        (m["n"], m["state"], m["given_on"], m["condition"], m["quantity"], m["note"])
        for m in case["measures"]
    ] == [
        (1, "delivered", today().isoformat(), "home", 3, "Done."),
        (2, "cancelled", None, None, None, "Has moved."),
    ]
    case = world.after(case, "help", "visits", "review")
    assert (case["help"][0]["kind"], case["visits"][0]["findings"], case["reviews"][0]["level"]) == (
        "legal",
        VISIT["findings"],
        "B",
    )

    case = done(world.do(case, "closure", {"reason": "goals-met", "note": "All is well."}))
    assert (case["state"], case["owner"]["kind"], case["next_action"]) == (
        "closing",
        "center",
        "approve-closing",
    )
    case = world.after(case, "closure/return")
    assert (case["state"], items(case)) == ("implementation", {"review": "review"})
    case = world.after(case, "closure", "closure/approve")
    assert (case["state"], case["open"], case["owner"], case["next_action"], case["due_at"]) == (
        *("closed", [], None, None, None),
    )
    assert case["holder"] == WORKER

    case = world.after(case, "reopen")
    assert (case["state"], case["holder"], len(case["measures"])) == ("assessment", WORKER, 2)
    case = world.after(case, "assessment", "plan")
    assert (case["plan"]["version"], case["measures"][-1]["n"]) == (2, 3)
    assert world.types(case["id"]) == [
        *(
            "case-opened",
            "assessment-recorded",
            "plan-drafted",
            "plan-signed",
            "plan-signed",
            "plan-approved",
        ),
        *("measure-started", "measure-delivered", "measure-cancelled"),
        *("help-given", "visit-recorded", "review-recorded"),
        *("closure-proposed", "closure-returned", "closure-proposed", "case-closed"),
        *("case-reopened", "assessment-recorded", "plan-drafted"),
    ]


WAY = {
    "assessment": (),
    "planning": ("assessment",),
    "approval": ("assessment", "plan", "plan/sign by worker", "plan/sign by family"),
    "implementation": (
        *("assessment", "plan", "plan/sign by worker", "plan/sign by family", "plan/approve"),
    ),
    "closing": ("closure",),
    "closed": ("closure", "closure/approve"),
}
COMMANDS = {
    *("assessment", "plan", "plan/sign", "plan/approve", "plan/return", "review", "help", "visits"),
    *("measures/1/start", "measures/1/deliver", "measures/1/cancel"),
    *("closure", "closure/approve", "closure/return", "reopen", "assign"),
}


@pytest.mark.parametrize("state", TRANSITIONS)
def test_what_the_table_does_not_have_is_refused_with_what_it_has(world, state):
    case = world.after(world.case(), *WAY[state])
    assert case["state"] == state
    assert set(case["allowed"]) <= COMMANDS, "COMMANDS (above) and BODIES (world.py) lack a command"
    for command in sorted(COMMANDS - set(case["allowed"])):
        body = {"by": "worker", "method": "paper"} if command == "plan/sign" else BODIES.get(command, {})
        response = world.do(case, command, body)
        if command.startswith("measures/") and not case["measures"]:
            refused(response, 404, "not-found")
        else:
            assert refused(response, 409, "wrong-state")["allowed"] == case["allowed"]
    assert world.shown(case["id"]) == case
    if state in OPEN_STATES:
        assert {"visits", "help", "assign"} <= set(case["allowed"])


BAD_BODIES = [
    ("assessment", {"domains": domains(health=5)}, "domains.health"),
    ("assessment", {"domains": domains(health=-1)}, "domains.health"),
    ("assessment", {"domains": domains(health="1")}, "domains.health"),
    ("assessment", {"domains": {k: v for k, v in domains().items() if k != "safety"}}, "domains.safety"),
    ("assessment", {"domains": domains(sports=1)}, "domains.sports"),
    ("plan", plan(goals=[]), "goals"),
    ("plan", plan(goals=["  "]), "goals.0"),
    ("plan", plan(measures=[]), "measures"),
    ("plan", plan(measure(kind="shopping")), "measures.0.kind"),
    ("plan", plan(measure(kind="other")), "measures.0.text"),
    ("plan", plan(measure(), measure(due_on="2026-02-30")), "measures.1.due_on"),
    ("plan", plan(measure(due_on=(today() - timedelta(days=1)).isoformat())), "measures.0.due_on"),
    (
        "plan",
        plan(measure(responsible={"type": "agency", "agency_id": "nobody"})),
        "measures.0.responsible.agency_id",
    ),
    (
        "plan",
        plan(measure(responsible={"type": "center", "agency_id": HEALTH})),
        "measures.0.responsible.agency_id",
    ),
    ("plan", plan(*[measure()] * 31), "measures"),
    ("plan/sign", {"by": "neighbour", "method": "paper"}, "by"),
    ("plan/sign", {"by": "family", "method": "paper", "person_id": "x"}, "person_id"),
    ("help", {"kind": "other", **DELIVERED}, "note"),
    ("help", {"kind": "legal", **DELIVERED, "condition": "street"}, "condition"),
    (
        "help",
        {"kind": "legal", **DELIVERED, "given_on": (today() + timedelta(days=1)).isoformat()},
        "given_on",
    ),
    (
        "help",
        {"kind": "legal", **DELIVERED, "given_on": (today() - timedelta(days=1)).isoformat()},
        "given_on",
    ),
    ("visits", {**VISIT, "members": []}, "members"),
    ("visits", {**VISIT, "members": ["police"]}, "members.0"),
    ("visits", {**VISIT, "arrived_at": hours_ago(4)}, "arrived_at"),
    ("visits", {**VISIT, "departed_at": hours_ago(-1)}, "departed_at"),
    ("visits", {**VISIT, "left_at": "2026-11-20T09:00:00"}, "left_at"),
    ("visits", {k: v for k, v in VISIT.items() if k != "arrived_at"}, "arrived_at"),
    ("closure", {"reason": "tired", "note": "n"}, "reason"),
    ("closure", {"reason": "moved"}, "note"),
    ("assign", {"holder": "worker.almaty", "reason": "r"}, "holder"),
    ("assign", {"holder": "nobody", "reason": "r"}, "holder"),
    ("assign", {"holder": SECOND}, "reason"),
    ("help", {"kind": "legal", **DELIVERED, "colour": "red"}, "colour"),
]


@pytest.fixture(scope="module")
def drafted(world):
    return world.after(world.case(), "assessment", "plan")


@pytest.mark.parametrize(("command", "body", "field"), BAD_BODIES)
def test_what_is_wrong_is_named_by_its_field(world, drafted, command, body, field):
    problem = refused(world.do(drafted, command, body), 422, "validation")
    assert set(problem["errors"]) == {field}
    assert world.shown(drafted["id"])["version"] == drafted["version"]


def test_who_signed_as_the_worker_does_not_approve(world):
    case = world.after(world.case(), "assessment", "plan", "plan/sign by family")
    case = done(world.do(case, "plan/sign", {"by": "worker", "method": "paper"}, login=SUPERVISOR))
    assert refused(world.do(case, "plan/approve"), 403, "forbidden")["detail"]
    case = world.after(case, "plan/return", "plan/sign by worker", "plan/sign by family", "plan/approve")
    assert case["state"] == "implementation"


def test_goals_are_not_met_while_a_measure_is_open_or_the_family_in_crisis(world):
    goals_met = {"reason": "goals-met", "note": "n"}
    case = world.running()
    assert "closure" in refused(world.do(case, "closure", goals_met), 409, "wrong-state")["allowed"]
    case = world.after(case, "measures/1/deliver")
    case = done(world.do(case, "review", {"outcome": "keep", "level": "D", "note": "n"}))
    assert case["state"] == "planning"
    refused(world.do(case, "closure", goals_met), 409, "wrong-state")
    case = world.after(world.after(case, "closure"), "closure/approve")
    assert case["state"] == "closed"


def test_a_case_is_assigned_to_active_staff_of_its_center(world):
    case = world.after(world.case(), "assign")
    assert (case["holder"], case["owner"]["id"]) == (SECOND, SECOND)
    refused(world.do(case, "visits", login=WORKER), 403, "forbidden")
    problem = refused(world.do(case, "assign"), 422, "validation")
    assert set(problem["errors"]) == {"holder"}
    event = world.told(case["id"])[-1]
    assert (event.data["holder"], event.data["previous_holder"]) == (SECOND, WORKER)
    assert done(world.do(case, "assign", {"holder": SUPERVISOR, "reason": "r"}))["holder"] == SUPERVISOR


def test_a_case_is_reopened_by_whoever_may_hold_it(world):
    staff = world.service.store.staff.collection
    case = world.after(world.case(), "closure", "closure/approve")
    staff.update_one({"_id": WORKER}, {"$set": {"active": False}})
    try:
        assert world.after(case, "reopen")["holder"] == SECOND
    finally:
        staff.update_one({"_id": WORKER}, {"$set": {"active": True}})


def test_a_case_is_not_reopened_beside_another_one(world):
    family = Family()
    case = world.after(world.case(family), "closure", "closure/approve")
    other = world.case(family)
    assert other["id"] != case["id"]
    assert refused(world.do(case, "reopen"), 409, "wrong-state")["allowed"] == []
    world.after(other, "closure", "closure/approve")
    assert world.after(case, "reopen")["state"] == "assessment"


def test_two_that_are_reopened_at_the_same_moment(world, monkeypatch):
    family = Family()
    case = world.after(world.case(family), "closure", "closure/approve")
    world.case(family)
    monkeypatch.setattr(type(world.service.store), "open_case_of", lambda store, family_id: None)
    refused(world.do(case, "reopen"), 409, "wrong-state")


def test_versions_and_keys(world):
    case = world.case()
    path, body = f"cases/{case['id']}/help", BODIES["help"]
    refused(world.post(WORKER, path, body), 428, "precondition-required")
    refused(world.post(WORKER, path, body, version=case["version"] + 1), 412, "stale")
    key = fresh()
    first = world.post(WORKER, path, body, version=case["version"], key=key)
    assert first.headers["ETag"] == f'"{done(first)["version"]}"'
    again = world.post(WORKER, path, body, key=key)
    assert done(again) == done(first)
    assert len(done(again)["help"]) == 1
    refused(world.post(WORKER, path, {**body, "kind": "medical"}, key=key), 422, "key-reused")
    refused(world.post(WORKER, f"cases/{case['id']}/visits", VISIT, version=2, key=key), 422, "key-reused")


def test_a_measure_that_does_not_exist(world):
    case = world.running()
    refused(world.do(case, "measures/2/start"), 404, "not-found")
    refused(world.do(case, "measures/0/start"), 404, "not-found")
    refused(world.do(case, "measures/1/finish"), 404, "not-found")


def test_no_text_of_a_case_leaves_it_in_an_event(world):
    secret = "Айгерим +77011234567"
    case = world.case()
    case = done(world.do(case, "assessment", {"domains": domains(), "note": secret}))
    case = done(
        world.do(case, "plan", plan(measure(kind="other", text=secret), goals=[secret], reason=secret))
    )
    case = world.after(case, "plan/sign by worker", "plan/sign by family")
    case = done(world.do(case, "plan/return", {"reason": secret}))
    case = world.after(case, "plan/sign by worker", "plan/sign by family", "plan/approve")
    case = done(world.do(case, "measures/1/deliver", {**DELIVERED, "note": secret}))
    case = done(world.do(case, "help", {**BODIES["help"], "note": secret}))
    case = done(world.do(case, "visits", {**VISIT, "findings": secret, "decision": secret}))
    case = done(world.do(case, "review", {"outcome": "keep", "level": "B", "note": secret}))
    case = done(world.do(case, "assign", {"holder": SECOND, "reason": secret}))
    case = done(world.do(case, "closure", {"reason": "moved", "note": secret}))
    done(world.do(case, "closure/return", {"reason": secret}))
    assert secret not in str([each.data for each in world.told(case["id"])])


@pytest.mark.parametrize(("language", "start"), [("en", "May not"), ("ru", "Не может"), ("kk", "Болашақта")])
def test_refusals_are_told_in_the_caller_s_language(world, drafted, language, start):
    body = {**VISIT, "departed_at": hours_ago(-1)}
    response = world.post(
        WORKER,
        f"cases/{drafted['id']}/visits",
        body,
        version=drafted["version"],
        **{"Accept-Language": language},
    )
    (text,) = refused(response, 422, "validation")["errors"]["departed_at"]
    assert text.startswith(start)
    assert (language == "en") == text.isascii()
