"""Who may see which case, in lists and alone, and what the access log says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from jsonschema import Draft202012Validator
from pymongo.errors import AutoReconnect

from shared import reference
from tests.service.casework.world import (
    ALMATY_SUPERVISOR,
    ALMATY_WORKER,
    BODIES,
    SECOND,
    SUPERVISOR,
    WORKER,
    Appeal,
    Family,
    done,
    fresh,
    refused,
)


def ids(response):
    return [row["id"] for row in done(response)["items"]]


@pytest.mark.parametrize(
    ("login", "status"),
    [
        (WORKER, 200),
        (SECOND, 200),
        (SUPERVISOR, 200),
        (ALMATY_WORKER, 404),
        (ALMATY_SUPERVISOR, 404),
        ("regional.astana", 403),
        ("national", 403),
        ("auditor", 403),
        ("partner.health.astana", 403),
        ("registry-family-map", 403),
        ("service-referrals", 403),
    ],
)
def test_who_reads_a_case(world, login, status):
    case = world.case()
    assert world.get(login, f"cases/{case['id']}").status_code == status
    shown = world.get(login, "cases", family_id=case["family_id"])
    if status == 403:
        refused(shown, 403, "forbidden")
    else:
        assert ids(shown) == ([case["id"]] if status == 200 else [])


def test_a_restricted_case_is_seen_by_its_holder_and_his_supervisors(world):
    family = Family()
    case = world.case(family)
    world.hears(family.changes(domestic_violence=True))
    for login, sees in ((WORKER, True), (SUPERVISOR, True), (SECOND, False), (ALMATY_SUPERVISOR, False)):
        assert world.get(login, f"cases/{case['id']}").status_code == (200 if sees else 404)
        assert ids(world.get(login, "cases", family_id=family.id)) == ([case["id"]] if sees else [])
        in_list = case["id"] in ids(world.get(login, "cases", holder=WORKER, limit=200))
        assert in_list == sees
        command = world.do(world.shown(case["id"]), "help", login=login)
        assert command.status_code == (200 if sees else 404)


def test_who_holds_something_open_in_a_restricted_file_sees_it_but_does_not_act(world):
    family = Family(restricted=True)
    case = world.case(family)
    world.hears(Appeal(family, holder=SECOND).registered())
    assert world.get(SECOND, f"cases/{case['id']}").status_code == 200
    assert ids(world.get(SECOND, "cases", family_id=family.id)) == [case["id"]]
    refused(world.do(case, "help", login=SECOND), 403, "forbidden")


def test_another_center_with_an_appeal_of_the_family_sees_its_case(world):
    family = Family()
    case = world.case(family)
    world.hears(Appeal(family, holder=ALMATY_WORKER, center_id="center-75-1").screened())
    assert world.get(ALMATY_WORKER, f"cases/{case['id']}").status_code == 200
    assert ids(world.get(ALMATY_WORKER, "cases", family_id=family.id)) == [case["id"]]
    assert case["id"] not in ids(world.get(ALMATY_WORKER, "cases", limit=200))
    refused(world.do(world.shown(case["id"]), "help", login=ALMATY_WORKER), 403, "forbidden")
    refused(world.do(world.shown(case["id"]), "assign", login=ALMATY_SUPERVISOR), 403, "forbidden")


@pytest.mark.parametrize(
    "command", ["plan/approve", "plan/return", "closure/approve", "closure/return", "reopen", "assign"]
)
def test_what_is_the_head_s_is_nobody_else_s(world, command):
    case = world.case()
    refused(world.do(case, command, login=WORKER), 403, "forbidden")
    refused(world.do(case, command, login=ALMATY_SUPERVISOR), 404, "not-found")


def test_filters(world):
    family = Family()
    appeal = Appeal(family, center_id="center-75-1", holder=ALMATY_WORKER)
    world.hears(appeal.screened())
    case = world.saved_with(appeal.id)
    assert case.state.holder == ALMATY_WORKER

    def found(**query):
        return ids(world.get(ALMATY_WORKER, "cases", limit=200, **query))

    due = case.state.open[0].due_at
    assert case.id in found(holder="me")
    assert case.id not in found(holder=WORKER)
    assert case.id in found(state="assessment")
    assert case.id not in found(state="closed")
    assert case.id in found(center_id="center-75-1")
    assert found(center_id="center-71-1") == []
    assert found(appeal_id=appeal.id) == [case.id]
    assert found(appeal_id=fresh()) == []
    assert found(family_id=family.id, state="assessment", holder="me") == [case.id]
    assert found(family_id=family.id, due_before=(due + timedelta(seconds=1)).isoformat()) == [case.id]
    assert found(family_id=family.id, due_before=due.isoformat()) == []
    for query in (
        {"state": "open"},
        {"family_id": "x"},
        {"due_before": "today"},
        {"colour": "red"},
        {"limit": 0},
    ):
        refused(world.get(ALMATY_WORKER, "cases", **query), 422, "validation")
    refused(world.get(ALMATY_WORKER, "cases", cursor="x"), 422, "bad-cursor")


def test_pages(world):
    family = Family()
    for _ in range(3):
        case = world.case(family)
        world.after(case, "closure", "closure/approve")
    whole = ids(world.get(SUPERVISOR, "cases", family_id=family.id))
    assert len(whole) == 3
    paged, cursor = [], None
    while True:
        query = {"family_id": family.id, "limit": 1, **({"cursor": cursor} if cursor else {})}
        response = world.get(SUPERVISOR, "cases", **query)
        paged += ids(response)
        cursor = response.get_json()["next"]
        if cursor is None:
            break
        assert 'rel="next"' in response.headers["Link"]
    assert paged == whole


def test_staff_of_the_own_center(world):
    world.case()
    rows = done(world.get(WORKER, "staff", center_id="center-71-1"))["items"]
    assert [(row["id"], row["role"], row["active"]) for row in rows] == [
        (SUPERVISOR, "supervisor", True),
        (WORKER, "worker", True),
        (SECOND, "worker", True),
    ]
    held = {row["id"]: row["open_cases"] for row in rows}
    not_closed = {"holder": WORKER, "state": {"$ne": "closed"}}
    assert held[WORKER] == world.service.store.cases.collection.count_documents(not_closed) > 0
    assert done(world.get(WORKER, "staff"))["items"] == rows
    assert done(world.get(ALMATY_WORKER, "staff", center_id="center-71-1"))["items"] == []
    page = done(world.get(WORKER, "staff", limit=1))
    assert [row["id"] for row in done(world.get(WORKER, "staff", cursor=page["next"]))["items"]] == [
        WORKER,
        SECOND,
    ]
    refused(world.get("auditor", "staff"), 403, "forbidden")


def test_seeding_again_changes_nothing_of_those_who_are_known(world):
    staff = world.service.store.staff
    staff.collection.update_one({"_id": "worker.almaty"}, {"$set": {"active": False}})
    staff.seed(reference.staff())
    assert not staff.is_active("worker.almaty", "center-75-1")
    staff.collection.update_one({"_id": "worker.almaty"}, {"$set": {"active": True}})


def test_every_reading_stands_in_the_access_log(world):
    family = Family()
    case = world.case(family)
    world.get(SECOND, f"cases/{case['id']}")
    world.get(SECOND, "cases", family_id=family.id)
    world.get(ALMATY_WORKER, f"cases/{case['id']}")
    done(world.do(case, "help"))
    rows = done(world.get(SUPERVISOR, f"cases/{case['id']}/access-log"))["items"]
    assert [(row["actor"], row["role"], row["what"], row["why"]) for row in rows] == [
        (WORKER, "worker", "case", "help"),
        (SECOND, "worker", "cases", None),
        (SECOND, "worker", "case", None),
        (SUPERVISOR, "supervisor", "case", None),
    ]
    assert (
        done(world.get("auditor", f"cases/{case['id']}/access-log", limit=1))["items"][0]["what"]
        == "access-log"
    )
    assert done(world.get(WORKER, f"cases/{case['id']}/access-log"))["items"][0]["actor"] == "auditor"
    refused(world.get(SECOND, f"cases/{case['id']}/access-log"), 403, "forbidden")
    refused(world.get(ALMATY_SUPERVISOR, f"cases/{case['id']}/access-log"), 404, "not-found")
    refused(world.get("auditor", f"cases/{fresh()}/access-log"), 404, "not-found")


def test_a_case_that_cannot_be_logged_is_not_shown(world, monkeypatch):
    case = world.case()

    def away(*_, **__):
        raise AutoReconnect("away")

    monkeypatch.setattr(type(world.service.store.access_log), "write", away)
    refused(world.get(WORKER, f"cases/{case['id']}"), 503, "unavailable")


def test_what_is_not_there(world):
    for method in (
        world.get(WORKER, f"cases/{fresh()}"),
        world.post(WORKER, f"cases/{fresh()}/help", BODIES["help"], version=1),
        world.get(WORKER, "cases/1"),
    ):
        refused(method, 404, "not-found")


def test_health_and_documentation(world):
    client = world.app.test_client()
    assert client.get("/casework/healthz").status_code == 200
    assert client.get("/casework/readyz").get_json()["store"] == "ok"
    assert b'birtereze_open_items_in_breach{service="casework"} 0.0' in client.get("/casework/metrics").data
    document = client.get("/casework/openapi.json").get_json()
    commands = document["paths"]["/casework/v1/cases/{case_id}/measures/{n}/deliver"]["post"]
    assert {"If-Match", "Idempotency-Key"} <= {each["name"] for each in commands["parameters"]}


def test_answers_are_as_documented(world):
    components = world.app.test_client().get("/casework/openapi.json").get_json()["components"]
    documented = Draft202012Validator({"$ref": "#/components/schemas/CaseOut", "components": components})
    case = world.case()
    for commands in (
        (),
        ("assessment", "plan", "plan/sign by worker", "plan/sign by family", "plan/approve"),
        ("measures/1/deliver", "help", "visits", "review", "closure", "closure/return"),
        ("assign", "closure", "closure/approve"),
    ):
        case = world.after(case, *commands)
        documented.validate(case)
        assert set(case) == set(components["schemas"]["CaseOut"]["properties"])


def test_breaches_are_counted(world):
    store = world.service.store
    case = world.case()
    assert store.breaches() == 0
    for broken in ({"open": []}, {"open.0.next_action": ""}, {"open.0.owner.id": None}, {"holder": ""}):
        before = store.cases.collection.find_one({"_id": case["id"]})
        store.cases.collection.update_one({"_id": case["id"]}, {"$set": broken})
        assert store.breaches() == 1
        store.cases.collection.replace_one({"_id": case["id"]}, before)
    assert store.breaches() == 0


def test_the_indexes_are_used(world):
    cases = world.service.store.cases.collection
    for query in (
        {
            "family_id": "f",
            "state": {"$in": ["assessment", "planning", "approval", "implementation", "closing"]},
        },
        {"appeal_ids": "a"},
        {"holder": WORKER, "state": "planning"},
    ):
        plan = str(cases.find(query).explain()["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in plan
        assert "COLLSCAN" not in plan
