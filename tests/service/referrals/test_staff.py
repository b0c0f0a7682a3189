"""What staff do: ask an agency, look, take back, take note, ask another one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.events import CATALOGUE
from tests.service.referrals.world import HEALTH, SECOND, SUPERVISOR, WORKER, World, done, fresh, refused

REFERRAL = {
    "id", "number", "case_id", "person_id", "family_id", "center_id", "measure", "service_id", "service_kind", "agency_id",
    "priority", "reason", "disclose", "state", "reason_code", "result", "replaces", "history", "holder", "owner",
    "next_action", "due_at", "open", "version",
}  # fmt: skip
"""The contract's list of fields."""


def types(world: World, referral: dict) -> list[str]:
    return [each.type.split(".")[3] for each in world.told(referral)]


# ---------------------------------------------------------------------------------------------- asking


def test_a_referral_shows_what_the_contract_says(world: World):
    case = world.case(1)
    response = world.ask(case, measure=1, disclose=["phone", "name", "phone"], priority="urgent")
    referral = done(response, 201)
    assert set(referral) >= REFERRAL
    assert response.headers["ETag"] == '"1"'
    assert referral["number"].startswith("71-1-20")
    assert (referral["case_id"], referral["family_id"], referral["person_id"]) == (
        case.id, case.family_id, case.person_id,
    )  # fmt: skip
    assert (referral["service_kind"], referral["agency_id"]) == ("health", HEALTH)
    assert (referral["state"], referral["holder"], referral["measure"]) == ("requested", WORKER, 1)
    assert referral["disclose"] == ["phone", "name"]
    assert [(line["state"], line["actor"]) for line in referral["history"]] == [("requested", WORKER)]
    (answer,) = referral["open"]
    assert answer["item"] == "answer"
    assert answer["owner"] == referral["owner"] == {"kind": "agency", "id": HEALTH}
    assert (answer["due_at"], answer["raised"]) == (referral["due_at"], 0)
    assert done(world.get(WORKER, f"referrals/{referral['id']}")) == referral
    assert types(world, referral) == ["referral-requested"]


def test_the_same_request_makes_one_referral(world: World):
    case, key = world.case(), fresh()
    first = done(world.ask(case, key=key), 201)
    accepted = done(world.do(first, "accept"))
    again = done(world.ask(case, key=key), 201)
    assert (again["id"], again["state"]) == (first["id"], "accepted")
    assert again["version"] == accepted["version"]
    refused(world.ask(case, key=key, reason="Another one."), 422, "key-reused")
    refused(world.post(WORKER, "referrals", {"case_id": case.id}), 422, "validation")
    response = world.post(
        WORKER,
        "referrals",
        {
            "case_id": case.id,
            "service_id": "service-health-astana",
            "priority": "routine",
            "reason": "…",
            "disclose": [],
        },
    )
    refused(response, 400, "missing-idempotency-key")


def test_the_same_request_at_the_same_time_makes_one_referral(world: World):
    case, key = world.case(), fresh()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: done(world.ask(case, key=key), 201), range(6)))
    assert len({each["id"] for each in answers}) == 1
    assert len(done(world.get(WORKER, "referrals", case_id=case.id))["items"]) == 1


def test_the_same_request_after_the_case_was_closed_is_still_answered(world: World):
    case, key = world.case(), fresh()
    first = done(world.ask(case, key=key), 201)
    world.hears(case.closes())
    assert done(world.ask(case, key=key), 201)["id"] == first["id"]


def test_a_kind_alone_is_an_agency_of_the_region(world: World):
    referral = done(world.ask(world.case(), service_kind="police"), 201)
    assert referral["agency_id"] == "agency-police-astana"
    beds = done(world.ask(world.case(), service_kind="social-adaptation"), 201)
    assert beds["agency_id"] == "agency-social-adaptation-astana"  # the second one is full


def test_who_has_declined_is_not_asked_again(world: World):
    case = world.case()
    first = done(world.ask(case, service_kind="social-adaptation"), 201)
    done(world.do(first, "reject", first["agency_id"], reason_code="no-capacity"))
    second = done(world.ask(case, service_kind="social-adaptation", replaces=first["id"]), 201)
    assert second["agency_id"] == "agency-social-adaptation-astana-2"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service_id": "service-health-nowhere"}, "service_id"),
        ({"service_id": None}, "service_id"),
        ({"service_kind": "magic"}, "service_kind"),
        ({"service_kind": "police", "service_id": "service-health-astana"}, "service_kind"),
        ({"measure": 7}, "measure"),
        ({"priority": "whenever"}, "priority"),
        ({"disclose": ["diary"]}, "disclose.0"),
        ({"reason": "  "}, "reason"),
        ({"replaces": "0f8fad5b-d9cb-469f-a165-70867728950e"}, "replaces"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(world: World, body: dict, field: str):
    case = world.case(1)
    assert field in refused(world.ask(case, **body), 422, "validation")["errors"]
    assert done(world.get(WORKER, "referrals", case_id=case.id))["items"] == []


def test_neither_a_service_nor_a_kind(world: World):
    case = world.case()
    body = {"case_id": case.id, "priority": "routine", "reason": "…", "disclose": []}
    problem = refused(world.post(WORKER, "referrals", body, key=fresh()), 422, "validation")
    assert "service_id" in problem["errors"]


def test_what_has_ended_cannot_be_referred_from(world: World):
    case = world.case(1, 2)
    world.hears(case.cancels(1))
    refused(world.ask(case, measure=1), 409, "wrong-state")
    done(world.ask(case, measure=2), 201)
    world.hears(case.closes())
    refused(world.ask(case, measure=2), 409, "wrong-state")
    refused(world.ask(case), 409, "wrong-state")


# ---------------------------------------------------------------------------------------------- who may


def test_a_case_that_has_not_arrived_does_not_exist(world: World):
    body = {"service_id": "service-health-astana", "priority": "routine", "reason": "…", "disclose": []}
    refused(world.post(WORKER, "referrals", {"case_id": fresh(), **body}, key=fresh()), 404, "not-found")


def test_who_may_ask_and_act(world: World):
    case = world.case()
    refused(world.ask(case, SECOND), 403, "forbidden")
    refused(world.ask(case, "worker.almaty"), 404, "not-found")
    referral = done(world.ask(case, SUPERVISOR), 201)
    assert referral["holder"] == WORKER
    refused(world.do(referral, "cancel", SECOND, reason_code="duplicate"), 403, "forbidden")
    refused(world.do(referral, "cancel", "worker.almaty", reason_code="duplicate"), 404, "not-found")
    assert done(world.do(referral, "cancel", SUPERVISOR, reason_code="duplicate"))["state"] == "cancelled"


def test_who_may_read(world: World):
    open_case, restricted = world.case(), world.case(restricted=True)
    for case in (open_case, restricted):
        done(world.ask(case), 201)
    for login, sees_open, sees_restricted in [
        (WORKER, True, True),
        (SECOND, True, False),
        (SUPERVISOR, True, True),
        ("worker.almaty", False, False),
        ("supervisor.almaty", False, False),
    ]:
        for case, sees in ((open_case, sees_open), (restricted, sees_restricted)):
            found = done(world.get(login, "referrals", case_id=case.id))["items"]
            assert len(found) == sees, (login, case)
            assert done(world.get(login, "referrals", family_id=case.family_id))["items"] == found
            everything = done(world.get(login, "referrals", limit=200))["items"]
            assert any(each["case_id"] == case.id for each in everything) == sees
            (one,) = done(world.get(WORKER, "referrals", case_id=case.id))["items"]
            assert world.get(login, f"referrals/{one['id']}").status_code == (200 if sees else 404)


@pytest.mark.parametrize(
    "login", ["regional.astana", "national", "auditor", "registry-family-map", "service-referrals"]
)
def test_other_roles_see_nothing(world: World, login: str):
    referral = done(world.ask(world.case()), 201)
    for path in ("referrals", f"referrals/{referral['id']}", "inbox", "services"):
        refused(world.get(login, path), 403, "forbidden")


def test_every_reading_is_logged(world: World):
    case = world.case()
    referral = done(world.ask(case), 201)
    done(world.get(SUPERVISOR, f"referrals/{referral['id']}"))
    done(world.get(SUPERVISOR, "referrals", case_id=case.id))
    done(world.get(HEALTH, f"referrals/{referral['id']}"))
    refused(world.get(SECOND, f"referrals/{fresh()}"), 404, "not-found")
    lines = world.service.store.access_log.find(case.family_id, {}, 10)
    assert sorted((line["actor"], line["role"], line["what"]) for line in lines) == [
        (HEALTH, "partner", "referral"),
        (SUPERVISOR, "supervisor", "referral"),
        (SUPERVISOR, "supervisor", "referrals"),
        (WORKER, "worker", "referral"),
    ]


# ---------------------------------------------------------------------------------------------- commands


def test_taking_it_back(world: World):
    case = world.case()
    referral = world.asked(case)
    assert refused(world.do(referral, "cancel", reason_code="other"), 422, "validation")["errors"].keys() == {
        "note"
    }
    refused(world.do(referral, "cancel", reason_code="measure-cancelled"), 422, "validation")
    cancelled = done(
        world.do(referral, "cancel", reason_code="other", note="She has found a doctor herself.")
    )
    assert (cancelled["state"], cancelled["reason_code"], cancelled["open"]) == ("cancelled", "other", [])
    assert cancelled["owner"] is cancelled["next_action"] is cancelled["due_at"] is None
    assert cancelled["holder"] == WORKER
    assert cancelled["history"][-1]["note"] == "She has found a doctor herself."
    assert refused(world.do(cancelled, "cancel"), 409, "wrong-state")["allowed"] == []
    assert types(world, referral) == ["referral-requested", "referral-cancelled"]


def test_commands_need_the_version_in_hand(world: World):
    referral = world.asked(world.case())
    path = f"referrals/{referral['id']}/cancel"
    why = {"reason_code": "duplicate"}
    refused(world.post(WORKER, path, why), 428, "precondition-required")
    refused(world.post(WORKER, path, why, version=2), 412, "stale")
    cancelled = done(world.post(WORKER, path, why, version=1, key="k"))
    assert done(world.post(WORKER, path, why, version=1, key="k")) == cancelled
    refused(world.post(WORKER, path, {"reason_code": "unreachable"}, version=2, key="k"), 422, "key-reused")


def test_taking_note(world: World):
    referral = world.asked(world.case(), "reject")
    assert [(item["item"], item["owner"]["id"]) for item in referral["open"]] == [("choose-another", WORKER)]
    refused(world.do(referral, "acknowledge", note=""), 422, "validation")
    noted = done(world.do(referral, "acknowledge"))
    assert (noted["state"], noted["open"]) == ("rejected", [])
    assert noted["acknowledged"]["note"] == "No longer needed."
    assert refused(world.do(noted, "acknowledge"), 409, "wrong-state")["allowed"] == []
    assert world.told(referral)[-1].event().open == ()


def test_another_one_in_its_place(world: World):
    case = world.case()
    old = world.asked(case, "accept", "fail")
    new = done(world.ask(case, service_kind="ngo", replaces=old["id"]), 201)
    assert new["replaces"] == old["id"]
    old = done(world.get(WORKER, f"referrals/{old['id']}"))
    assert (old["state"], old["open"], old["acknowledged"]["replaced_by"]) == ("failed", [], new["id"])
    acknowledged = world.told(old)[-1].event()
    assert (acknowledged.replaced_by, acknowledged.open) == (new["id"], ())
    assert world.told(new)[0].event().replaces == old["id"]
    refused(world.ask(case, replaces=old["id"]), 409, "wrong-state")


def test_replacing_what_cannot_be_replaced_makes_nothing(world: World):
    case, other = world.case(), world.case()
    waiting, elsewhere = world.asked(case), world.asked(other, "reject")
    problem = refused(world.ask(case, replaces=waiting["id"]), 409, "wrong-state")
    assert set(problem["allowed"]) == {"accept", "reject", "cancel"}
    refused(world.ask(case, replaces=elsewhere["id"]), 422, "validation")
    assert len(done(world.get(WORKER, "referrals", case_id=case.id))["items"]) == 1
    assert world.saved(elsewhere).state.open != ()


def test_two_replacements_at_once_leave_one(world: World):
    case = world.case()
    old = world.asked(case, "reject")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: world.ask(case, replaces=old["id"]), range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert len(done(world.get(WORKER, "referrals", case_id=case.id))["items"]) == 2


# ---------------------------------------------------------------------------------------------- lists


def test_lists_come_in_pages_newest_first(world: World):
    case = world.case()
    asked = [world.asked(case)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = done(
            world.get(WORKER, "referrals", case_id=case.id, limit=2, **({"cursor": cursor} if cursor else {}))
        )
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == asked[::-1]
    refused(world.get(WORKER, "referrals", cursor="nonsense"), 422, "bad-cursor")
    refused(world.get(WORKER, "referrals", limit=201), 422, "validation")
    refused(world.get(WORKER, "referrals", colour="red"), 422, "validation")


def test_lists_are_filtered(world: World):
    case = world.case()
    waiting, rejected = world.asked(case), world.asked(case, "reject")
    by_state = done(world.get(WORKER, "referrals", case_id=case.id, state="rejected"))["items"]
    assert [each["id"] for each in by_state] == [rejected["id"]]
    assert done(world.get(WORKER, "referrals", center_id="center-75-1"))["items"] == []
    assert done(world.get(WORKER, "referrals", case_id=case.id, family_id=fresh()))["items"] == []
    here = done(world.get(WORKER, "referrals", center_id="center-71-1", state="requested"))["items"]
    assert waiting["id"] in [each["id"] for each in here]


# ---------------------------------------------------------------------------------------------- always


def test_events_hold_no_free_text(world: World):
    secret = "Айгүл lives with her sister"
    referral = world.asked(world.case(), "accept", reason=secret)
    held = done(world.do(referral, "hold", note=secret))
    complete = {"result": {"summary": secret, "given_on": "2026-03-16"}}
    done(world.do(held, "complete", **complete))
    rejected = world.asked(world.case(), reason=secret)
    rejected = done(world.do(rejected, "reject", reason_code="other", note=secret))
    done(world.do(rejected, "acknowledge", note=secret))
    told = world.told(referral) + world.told(rejected)
    assert len(told) == 7
    assert secret not in repr(told)
    for each in told:
        assert each.type in CATALOGUE
        assert each.event().holder == WORKER


def test_nothing_is_in_breach(world: World):
    assert world.service.store.breaches() == 0
    referral = world.asked(world.case())
    collection = world.service.store.referrals.collection
    try:
        collection.update_one({"_id": referral["id"]}, {"$set": {"open": []}})
        assert world.service.store.breaches() == 1
    finally:
        collection.delete_one({"_id": referral["id"]})


def test_texts_come_in_the_callers_language(world: World):
    case = world.case()
    titles = set()
    for language in ("kk", "ru", "en"):
        response = world.ask(case, measure=7)
        response = world.post(
            WORKER,
            "referrals",
            {
                "case_id": case.id,
                "service_kind": "health",
                "priority": "routine",
                "reason": "…",
                "disclose": [],
                "measure": 7,
            },
            key=fresh(),
            **{"Accept-Language": language},
        )
        titles.add(refused(response, 422, "validation")["errors"]["measure"][0])
    assert len(titles) == 3
