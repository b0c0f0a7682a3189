"""What programs see of messages, and who may see it."""

from __future__ import annotations

import pytest

from services.notifications.store import message_id
from tests.service.notifications.tools import (
    PHONE,
    an_id,
    case_assigned,
    danger_changed,
    delivered,
    envelope,
    registered,
    subject_of,
    take_in,
)
from tests.tokens import bearer

MESSAGES = "/notifications/v1/messages"
WORKER, OTHER, SUPERVISOR = bearer("worker.astana"), bearer("worker2.astana"), bearer("supervisor.astana")
ELSEWHERE = bearer("worker.almaty")


def a_message(service, intake, family: str = "f1", phone: str = PHONE, **changed) -> str:
    """A family's appeal is registered, and told (or not: a phone that is none fails)."""
    intake.allow(f"{family}-person")
    intake.answers[an_id(f"{family}-person")]["phone"] = phone
    event = registered(family, **changed)
    take_in(service, envelope(event))
    return message_id("appeal-registered", subject_of(event), "registered")


def failed(service, intake, family: str = "f1", **changed) -> str:
    return a_message(service, intake, family, "112", **changed)


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def lines(service) -> list[tuple[str, str, list[str], str | None]]:
    found = service.store.access_log.collection.find().sort("at", 1)
    return [(line["actor"], line["what"], line["family_ids"], line["subject"]) for line in found]


# ---------------------------------------------------------------------- reading


def test_a_sent_message(service, intake, web):
    id = a_message(service, intake)
    answer = web.get(f"{MESSAGES}/{id}", headers=WORKER)
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{answer.json["version"]}"'
    message = dict(answer.json)
    assert message.pop("sent_at")
    assert message == {
        "id": id,
        "template": "appeal-registered",
        "class": "answer",
        "language": "kk",
        "person_id": an_id("f1-person"),
        "family_id": an_id("f1"),
        "about": subject_of(registered()),
        "state": "sent",
        "created_at": "2026-11-24T05:00:00.000Z",
        "expires_at": "2026-11-27T05:00:00.000Z",
        "holder": "worker.astana",
        "owner": None,
        "next_action": None,
        "due_at": None,
        "open": [],
        "version": 3,
    }
    assert PHONE not in answer.text
    assert lines(service) == [("worker.astana", "message", [an_id("f1")], id)]


def test_a_failed_message_says_what_is_to_be_done(service, intake, web):
    id = failed(service, intake)
    message = web.get(f"{MESSAGES}/{id}", headers=WORKER).json
    assert (message["state"], message["reason"]) == ("failed", "bad-number")
    (item,) = message["open"]
    assert item == {
        "item": "tell-another-way",
        "owner": {"kind": "staff", "id": "worker.astana"},
        "next_action": "tell",
        "due_at": "2026-11-25T13:00:00.000Z",
        "rule": "tell-another-way",
        "raised": 0,
    }
    assert (message["owner"], message["next_action"], message["due_at"]) == (
        item["owner"],
        "tell",
        item["due_at"],
    )


def test_a_held_message_says_until_when(service, intake, web):
    intake.allow("f1-person", hours={"from": "20:00", "to": "22:00"})
    take_in(service, envelope(registered()))
    (message,) = web.get(MESSAGES, headers=WORKER).json["items"]
    assert (message["state"], message["reason"], message["language"]) == ("held", "hours", None)
    assert message["held_until"] == "2026-11-24T15:00:00.000Z"


def test_lists_go_by_filter_and_page(service, intake, web):
    first, second = a_message(service, intake, "f1"), failed(service, intake, "f2")
    take_in(service, envelope(delivered("f1")))
    third = message_id("help-given", subject_of(delivered("f1")), "measure-1")
    assert set(ids(web.get(MESSAGES, headers=OTHER))) == {first, second, third}
    assert ids(web.get(f"{MESSAGES}?state=failed", headers=OTHER)) == [second]
    assert set(ids(web.get(f"{MESSAGES}?family_id={an_id('f1')}", headers=OTHER))) == {first, third}
    assert ids(web.get(f"{MESSAGES}?person_id={an_id('f2-person')}", headers=OTHER)) == [second]
    assert ids(web.get(f"{MESSAGES}?person_id={an_id('f2-person')}&state=sent", headers=OTHER)) == []
    seen, address = [], f"{MESSAGES}?limit=1&family_id={an_id('f1')}"
    while address:
        answer = web.get(address, headers=OTHER)
        seen += ids(answer)
        assert ("Link" in answer.headers) == (answer.json["next"] is not None)
        address = (
            answer.json["next"] and f"{MESSAGES}?limit=1&family_id={an_id('f1')}&cursor={answer.json['next']}"
        )
    assert sorted(seen) == sorted([first, third])
    assert lines(service)[0] == ("worker2.astana", "messages", sorted([an_id("f1"), an_id("f2")]), None)


@pytest.mark.parametrize(
    ("query", "slug", "field"),
    [
        ("state=lost", "validation", "state"),
        ("person_id=1", "validation", "person_id"),
        ("limit=0", "validation", "limit"),
        ("colour=red", "validation", "colour"),
        ("cursor=xyz", "bad-cursor", None),
    ],
)
def test_a_wrong_query_is_refused_by_name(web, query, slug, field):
    answer = web.get(f"{MESSAGES}?{query}", headers=WORKER)
    assert answer.status_code == 422
    assert answer.json["type"] == f"/problems/{slug}"
    assert field is None or list(answer.json["errors"]) == [field]


def test_another_center_sees_nothing(service, intake, web):
    id = failed(service, intake)
    assert web.get(f"{MESSAGES}/{id}", headers=ELSEWHERE).status_code == 404
    assert ids(web.get(MESSAGES, headers=ELSEWHERE)) == []
    for query in (f"family_id={an_id('f1')}", f"person_id={an_id('f1-person')}"):
        assert ids(web.get(f"{MESSAGES}?{query}", headers=ELSEWHERE)) == []
    answer = acknowledge(web, id, ELSEWHERE, 2)
    assert answer.status_code == 404
    assert lines(service) == []


def test_a_center_that_has_the_family_sees_all_its_messages(service, intake, web):
    id = a_message(service, intake, "f1")
    case = delivered("f1", center_id="center-75-1", holder="worker.almaty")
    take_in(service, envelope(case))
    other = message_id("help-given", subject_of(case), "measure-1")
    assert set(ids(web.get(f"{MESSAGES}?family_id={an_id('f1')}", headers=ELSEWHERE))) == {id, other}
    assert web.get(f"{MESSAGES}/{id}", headers=ELSEWHERE).status_code == 200


def test_a_restricted_family_is_for_its_holder_and_supervisors(service, intake, web):
    id = a_message(service, intake)
    take_in(service, envelope(danger_changed("f1", restricted=True, version=2)))
    for headers, status in ((WORKER, 200), (SUPERVISOR, 200), (OTHER, 404)):
        assert web.get(f"{MESSAGES}/{id}", headers=headers).status_code == status
        expected = [id] if status == 200 else []
        assert ids(web.get(MESSAGES, headers=headers)) == expected
        assert ids(web.get(f"{MESSAGES}?family_id={an_id('f1')}", headers=headers)) == expected


def test_what_has_not_arrived_is_treated_as_restricted(service, intake, web):
    take_in(service, envelope(delivered("f1")))
    assert ids(web.get(MESSAGES, headers=OTHER)) == []
    assert len(ids(web.get(MESSAGES, headers=SUPERVISOR))) == 1


@pytest.mark.parametrize(
    "login",
    [
        "partner.health.astana",
        "regional.astana",
        "national",
        "auditor",
        "registry-family-map",
        "service-referrals",
    ],
)
def test_other_roles_have_no_business_here(web, login):
    assert web.get(MESSAGES, headers=bearer(login)).status_code == 403
    assert web.get("/notifications/v1/templates", headers=bearer(login)).status_code == 403


def test_without_a_token(web):
    assert web.get(MESSAGES).status_code == 401


@pytest.mark.parametrize("id", ["0f8fad5b-d9cb-469f-a165-70867728950e", "x"])
def test_what_does_not_exist(web, id):
    assert web.get(f"{MESSAGES}/{id}", headers=WORKER).status_code == 404


# ---------------------------------------------------------------------- acknowledge


def acknowledge(web, id: str, headers, version: int | None, key: str | None = None, note: str = "Позвонили."):
    conditions = {"If-Match": f'"{version}"'} if version is not None else {}
    conditions |= {"Idempotency-Key": key} if key else {}
    return web.post(f"{MESSAGES}/{id}/acknowledge", json={"note": note}, headers={**headers, **conditions})


@pytest.mark.parametrize("headers", [WORKER, SUPERVISOR])
def test_holder_and_supervisor_may_acknowledge(service, intake, web, headers):
    id = failed(service, intake)
    version = web.get(f"{MESSAGES}/{id}", headers=headers).json["version"]
    answer = acknowledge(web, id, headers, version)
    assert answer.status_code == 200
    message = answer.json
    assert (message["state"], message["open"], message["owner"]) == ("failed", [], None)
    assert message["version"] == version + 1
    assert message["acknowledged_at"]
    assert "Позвонили" not in answer.text
    again = acknowledge(web, id, headers, version + 1)
    assert (again.status_code, again.json["allowed"]) == (409, [])
    stored = service.store.messages.collection.find_one({"_id": id})
    assert stored["note"] == "Позвонили."
    assert "Позвонили" not in str(stored["outbox"])


def test_another_worker_may_read_but_not_acknowledge(service, intake, web):
    id = failed(service, intake)
    version = web.get(f"{MESSAGES}/{id}", headers=OTHER).json["version"]
    assert acknowledge(web, id, OTHER, version).status_code == 403
    take_in(service, envelope(case_assigned("f1", "worker2.astana")))
    assert acknowledge(web, id, WORKER, version + 1).status_code == 403
    assert acknowledge(web, id, OTHER, version + 1).status_code == 200


def test_what_is_sent_has_nothing_to_acknowledge(service, intake, web):
    id = a_message(service, intake)
    answer = acknowledge(web, id, WORKER, 3)
    assert (answer.status_code, answer.json["allowed"]) == (409, [])


def test_preconditions_and_keys(service, intake, web):
    id = failed(service, intake)
    version = web.get(f"{MESSAGES}/{id}", headers=WORKER).json["version"]
    assert acknowledge(web, id, WORKER, None).status_code == 428
    assert acknowledge(web, id, WORKER, version + 5).status_code == 412
    done = acknowledge(web, id, WORKER, version, "key-1")
    assert acknowledge(web, id, WORKER, None, "key-1").json == done.json
    assert acknowledge(web, id, WORKER, version, "key-1", "Другое").json["type"] == "/problems/key-reused"


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": "x" * 2001}, {"note": "ok", "more": 1}])
def test_a_note_is_needed(service, intake, web, body):
    id = failed(service, intake)
    answer = web.post(f"{MESSAGES}/{id}/acknowledge", json=body, headers={**WORKER, "If-Match": '"1"'})
    assert answer.status_code == 422


# ---------------------------------------------------------------------- the rest


def test_templates_are_shown_word_for_word(service, web):
    answer = web.get("/notifications/v1/templates", headers=WORKER)
    assert [item["id"] for item in answer.json["items"]] == [
        "appeal-registered",
        "help-given",
        "referral-accepted",
    ]
    assert answer.json["next"] is None
    template = answer.json["items"][0]
    assert template["texts"] == dict(service.policy.templates["appeal-registered"].texts)
    assert (template["class"], template["parts"], template["expires_after_hours"]) == ("answer", 1, 72)
    page = web.get("/notifications/v1/templates?limit=2", headers=WORKER).json
    rest = web.get(f"/notifications/v1/templates?limit=2&cursor={page['next']}", headers=WORKER).json
    assert [item["id"] for item in page["items"] + rest["items"]] == [
        item["id"] for item in answer.json["items"]
    ]


def test_it_is_ready_and_counts_what_has_fallen_through(service, intake, web):
    failed(service, intake)
    service.store.messages.collection.update_many({}, {"$set": {"open.0.owner.id": ""}})
    assert web.get("/notifications/readyz").json["store"] == "ok"
    metrics = web.get("/notifications/metrics").text
    assert 'birtereze_open_items_in_breach{service="notifications"} 1.0' in metrics
