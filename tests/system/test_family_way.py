"""One family's way through all four services, on the real stack, with real tokens; then what must be true of the whole.

On both event logs: nothing but their setting differs.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.callers import until
from tests.system.family import measure, opened, planned, referred, registered, today

pytestmark = pytest.mark.parametrize("live", ["embedded", "kafka"], indirect=True)


def messages(people, family_id, **filters):
    return people("supervisor.astana").items("/notifications/v1/messages", family_id=family_id, **filters)


def test_a_family_comes_once_to_one_window(people, world):
    appeal = registered(people)
    assert appeal["state"] == "registered"
    assert appeal["holder"] == "worker.astana"
    assert appeal["next_action"]

    case = opened(people, appeal)
    worker = people(case["holder"])
    until(
        lambda: people("worker.astana").get(f"/intake/v1/appeals/{appeal['id']}")["case_id"] == case["id"],
        "the appeal has its case",
    )
    closed = people("worker.astana").get(f"/intake/v1/appeals/{appeal['id']}")
    assert (closed["state"], closed["open"], closed["next_action"]) == ("closed", [], None)

    case = planned(people, case)
    assert case["state"] == "implementation"

    referral = referred(people, case)
    assert referral["agency_id"] == "agency-health-astana"
    until(
        lambda: measure(people, case, 1)["referral_id"] == referral["id"], "the measure waits for the partner"
    )

    agency = people("agency-health-astana")
    path = f"/referrals/v1/referrals/{referral['id']}"
    assert referral["id"] in {each["id"] for each in agency.items("/referrals/v1/inbox", state="requested")}
    shown = agency.get(path)
    assert not {"person_id", "family_id", "holder"} & set(shown)
    assert agency.get(f"{path}/client", status=409)["type"] == "/problems/accept-first"
    agency.command(path, "accept", {})

    def fields():
        answer = agency.http.get(f"{path}/client")
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200 and answer.json()

    told = until(fields, "the client's fields are shown")
    person = worker.get(f"/intake/v1/persons/{case['person_id']}")
    assert told["iin"] == person["iin"]
    assert told["need"] == appeal["need"]
    until(lambda: measure(people, case, 1)["state"] == "started", "the measure is started")

    agency.command(path, "start", {})
    given_on = today().isoformat()
    agency.command(
        path, "complete", {"result": {"summary": "Seen.", "given_on": given_on, "condition": "home"}}
    )
    until(lambda: measure(people, case, 1)["state"] == "delivered", "the measure is delivered")
    assert measure(people, case, 1)["given_on"] == given_on
    assert agency.get(f"{path}/client", status=409)["type"] == "/problems/wrong-state"

    case_path = f"/casework/v1/cases/{case['id']}"
    worker.command(case_path, "measures/2/start", {})
    worker.command(case_path, "measures/2/deliver", {"given_on": given_on, "condition": "temporary-stay"})

    until(lambda: len(messages(people, case["family_id"], state="sent")) == 4, "four SMS have left")
    world.at_rest()
    templates = sorted(message["template"] for message in messages(people, case["family_id"]))
    assert templates == ["appeal-registered", "help-given", "help-given", "referral-accepted"]
    mine = {message["id"] for message in messages(people, case["family_id"])}
    left = [line for line in world.sms() if line["reference"] in mine]
    assert len(left) == 4
    assert {line["phone"] for line in left} == {person["phone"]}
    assert all(person["family_name"] not in line["text"] for line in left)

    timeline = people("supervisor.astana").items(
        f"/intake/v1/families/{case['family_id']}/timeline", limit=200
    )
    services = {row["service"] for row in timeline}
    assert services == {"intake", "casework", "referrals", "notifications"}
    times = [datetime.fromisoformat(row["occurred_at"]) for row in timeline]
    assert times == sorted(times, reverse=True)
    readers = people("supervisor.astana").items(f"/intake/v1/families/{case['family_id']}/access-log")
    assert ("agency-health-astana", "client") in {(line["actor"], line["what"]) for line in readers}
    world.check()


def test_the_worklist_follows_the_family(people, world):
    appeal = registered(people)

    def rows(login, **filters):
        found = people(login).items("/intake/v1/worklist", limit=200, **filters)
        return [row for row in found if row["family_id"] == appeal["family_id"]]

    (row,) = until(lambda: rows("worker.astana", owner="me"), "the appeal stands on the worklist")
    assert (row["item"], row["next_action"], row["subject"]) == ("screening", "screen", appeal["id"])
    assert row["person"]["name"].startswith("Сынақ")
    assert people("worker.astana").get(row["href"])["id"] == appeal["id"]
    case = opened(people, appeal)
    (row,) = until(
        lambda: [row for row in rows(case["holder"], owner="me") if row["item"] == "assess"],
        "the case stands there instead",
    )
    assert row["href"] == f"/casework/v1/cases/{case['id']}"
    world.at_rest()
    assert [row["item"] for row in rows("supervisor.astana")] == ["assess"]


def test_an_appeal_is_registered_once_however_often_it_is_sent(people, world):
    from tests.callers import appeal as body

    sent = body()
    worker = people("worker.astana")
    first = worker.create("/intake/v1/appeals", sent, key="same")
    again = worker.create("/intake/v1/appeals", sent, key="same")
    assert first["id"] == again["id"]
    refused = worker.create("/intake/v1/appeals", {**sent, "need": "Another."}, key="same", status=422)
    assert refused["type"] == "/problems/key-reused"
    other = people("worker2.astana").create("/intake/v1/appeals", sent, key="same")
    assert other["id"] != first["id"]
    assert other["person_id"] == first["person_id"]


def test_everything_together_holds(world):
    world.at_rest()
    counted = world.check()
    assert counted["events"] > 30
    assert counted["sms"] >= 4


def test_web_processes_write_no_line_with_an_address(people, live):
    """The gateway has the access log, without query strings: a service that wrote one of its own would say who was looked for."""
    people("worker.astana").get("/intake/v1/worklist", limit=7)
    for service in ("intake", "casework", "referrals", "notifications"):
        assert "HTTP/1.1" not in live.log_file(service).read_text()
