"""The pages of a center: what was sent, sending, following. What a command may do is told in test_staff.py."""

from __future__ import annotations

import pytest

from shared.events import CaseOpened
from tests.service.referrals.browser import Browser, form_on, forms_on, seen, went_to
from tests.service.referrals.world import HEALTH, POLICE, SECOND, SUPERVISOR, WORKER, Case, World, fresh
from tests.tokens import ASTANA, bearer

SENT = "/referrals/sent"
MARKUP = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture
def worker(world: World) -> Browser:
    return Browser(world, WORKER)


def new(case: Case, **more: str | int) -> str:
    return "&".join(
        [f"/referrals/new?case_id={case.id}", *(f"{name}={value}" for name, value in more.items())]
    )


def one(referral: dict, do: str | None = None) -> str:
    return f"/referrals/referrals/{referral['id']}" + (f"?do={do}" if do else "")


def filled(**changes: str | list[str]) -> dict:
    """A form for the health department of Astana."""
    fields = {
        "service_kind": "health", "region": "71", "service_id": "service-health-astana", "priority": "routine",
        "reason": "She needs a doctor.", "disclose": ["name", "phone"],
    }  # fmt: skip
    return {**fields, **changes}


def last_line(world: World, family_id: str) -> tuple[str, str, str | None]:
    line = world.service.store.access_log.find(family_id, {}, 1)[0]
    return line["what"], line["actor"], line["subject"]


# ---------------------------------------------------------------------------------------------- what was sent


def test_the_list_shows_what_waits_by_filters(world: World, worker: Browser):
    case = world.case()
    waiting, working = world.asked(case), world.asked(case, "accept")
    rejected, done = world.asked(case, "reject"), world.asked(case, "accept", "complete")
    of_case = f"{SENT}?case_id={case.id}"
    for query, shown in [
        ("", {"waiting", "working", "rejected", "done"}),
        ("&show=answer", {"waiting"}),
        ("&show=carry-out", {"working"}),
        ("&show=choose-another", {"rejected"}),
        ("&show=ended", {"done"}),
        ("&show=late", set()),
        ("&state=completed", {"done"}),
    ]:
        page = seen(worker.get(of_case + query))
        found = {"waiting": waiting, "working": working, "rejected": rejected, "done": done}
        assert {name for name, each in found.items() if each["id"] in page} == shown, query
    assert last_line(world, case.family_id)[:2] == ("referrals", WORKER)


def test_mine_is_what_i_answer_for_earliest_first_and_goes_on(world: World):
    holder = f"worker.{fresh()}"  # somebody of Astana who holds nothing else
    someone = Browser(world, WORKER)
    someone.headers |= {"Authorization": _token(holder)}
    case = world.case(holder=holder)
    for _ in range(25):
        _ask(world, case, priority="routine")
    urgent = _ask(world, case, priority="danger")
    page = seen(someone.get(SENT))
    rows = [line for line in page.split("<tr") if 'id="referral-' in line]
    assert len(rows) == 25
    assert urgent in rows[0]
    following = (
        page.split('class="bt-buttons bt-note"')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    )
    second = seen(someone.get(following))
    assert second.count('id="referral-') == 1
    assert urgent not in second
    assert '__n">26</span>' in page


def _token(login: str) -> str:
    return bearer(login, roles=["worker"], **ASTANA)["Authorization"]


def _ask(world: World, case: Case, **body: str) -> str:
    asked = {"case_id": case.id, "service_id": "service-health-astana", "reason": "…", "disclose": [], **body}
    answer = world.app.test_client().post(
        "/referrals/v1/referrals",
        json=asked,
        headers={"Authorization": _token(case.holder), "Idempotency-Key": fresh()},
    )
    assert answer.status_code == 201, answer.text
    return answer.get_json()["id"]


def test_a_filter_that_there_is_not_is_no_error_of_ours(worker: Browser):
    for query in ("show=everything", "state=lost", "case_id=1", "colour=red", "cursor=x"):
        seen(worker.get(f"{SENT}?{query}"), 422)


def test_the_panel_of_a_family(world: World, worker: Browser):
    case = world.case()
    world.asked(case, "accept")
    path = f"/referrals/families/{case.family_id}/panel"
    part = seen(worker.get(path, **{"HX-Request": "true"}))
    assert part.lstrip().startswith("<section")
    assert "Health Department" in part
    assert f"/referrals/new?case_id={case.id}" in part
    assert last_line(world, case.family_id)[:2] == ("referrals", WORKER)
    assert seen(worker.get(path)).lstrip().startswith("<!doctype html>")
    other = seen(Browser(world, "worker.almaty").get(path))
    assert "Health Department" not in other
    assert "/referrals/new" not in other
    assert "sent to nobody" in seen(worker.get(f"/referrals/families/{fresh()}/panel"))


# ---------------------------------------------------------------------------------------------- sending


def test_a_referral_is_sent_once_however_often_the_form_comes(world: World, worker: Browser):
    case = world.case(1)
    fields = {**form_on(worker.get(new(case, measure=1))), **filled()}
    first = went_to(worker.post(new(case, measure=1), fields))
    assert went_to(worker.post(new(case, measure=1), fields)) == first
    (made,) = world.get(WORKER, "referrals", case_id=case.id).get_json()["items"]
    assert first == one(made)
    assert (made["measure"], made["agency_id"], made["disclose"]) == (1, HEALTH, ["name", "phone"])
    changed = worker.post(new(case, measure=1), {**fields, "reason": "Another one."})
    assert "Another one." in seen(changed, 409)


def test_the_services_of_a_kind_and_place_are_shown_without_losing_what_was_typed(
    world: World, worker: Browser
):
    case = world.case()
    typed = filled(
        service_kind="social-adaptation", service_id="", reason=MARKUP, priority="urgent", _find="1"
    )
    page = seen(worker.post(new(case), {**form_on(worker.get(new(case))), **typed}))
    assert page.count('name="service_id"') == 2
    assert ESCAPED in page
    assert MARKUP not in page
    assert "error-summary" not in page
    given_back = form_on(worker.post(new(case), typed))
    assert given_back["service_id"] == "service-social-adaptation-astana"  # the second one is full
    assert (given_back["priority"], given_back["disclose"]) == ("urgent", ["name", "phone"])
    only_free = seen(worker.post(new(case), {**typed, "open_places": "true"}))
    assert only_free.count('name="service_id"') == 1
    assert world.get(WORKER, "referrals", case_id=case.id).get_json()["items"] == []


def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(world: World, worker: Browser):
    case = world.case()
    empty = worker.send(new(case))
    page = seen(empty, 422)
    for field in ("service_kind", "priority", "reason"):
        assert f'href="#{field}"' in page
    answer = worker.send(new(case), **filled(priority="whenever", disclose=["name", "diary"]))
    assert "She needs a doctor." in seen(answer, 422)
    assert form_on(answer)["disclose"] == "name"
    not_seen = worker.send(new(case), **filled(service_id=""))
    assert 'href="#service_id"' in seen(not_seen, 422)
    assert form_on(not_seen)["service_id"] == "service-health-astana"


def test_another_one_says_what_the_one_before_it_said(world: World, worker: Browser):
    case = world.case(1)
    declined = world.asked(case, "reject", measure=1, priority="urgent", reason="A doctor, please.")
    path = went_to(worker.get(f"/referrals/referrals/{declined['id']}/another"))
    assert f"replaces={declined['id']}" in path
    fields = form_on(worker.get(path))
    assert (fields["priority"], fields["reason"], fields["measure"]) == ("urgent", "A doctor, please.", "1")
    assert "has already declined" in seen(worker.get(path))
    went_to(worker.post(path, {**fields, "service_kind": "police", "service_id": "service-police-astana"}))
    after = world.get(WORKER, f"referrals/{declined['id']}").get_json()
    assert (after["open"], after["acknowledged"]["replaced_by"] is None) == ([], False)
    assert one({"id": after["acknowledged"]["replaced_by"]}) in seen(worker.get(one(declined)))
    assert "may have been faster" in seen(worker.post(path, {**fields, "_key": fresh()}), 409)


def test_a_case_that_arrives_late_is_waited_for(
    world: World, worker: Browser, monkeypatch: pytest.MonkeyPatch
):
    late = Case()
    looks = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        world.hears(late.appeal_says(False), late.says(CaseOpened, appeal_id=fresh()))

    monkeypatch.setattr("services.referrals.queries.sleep", look)
    assert "New referral" in seen(worker.get(new(late)))
    assert len(looks) == 1
    assert last_line(world, late.family_id) == ("case", WORKER, late.id)


def test_who_may_not_refer(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.referrals.queries.ARRIVES_SECONDS", 0)
    case, secret = world.case(), world.case(restricted=True)
    seen(Browser(world, SECOND).get(new(case)), 403)
    seen(Browser(world, SECOND).post(new(case), filled(case_id=case.id)), 403)
    seen(Browser(world, SECOND).get(new(secret)), 404)
    seen(Browser(world, "worker.almaty").get(new(case)), 404)
    seen(Browser(world, WORKER).get(new(Case())), 404)
    seen(Browser(world, HEALTH).get(new(case)), 403)
    seen(Browser(world, SUPERVISOR).get(new(case)))


# ---------------------------------------------------------------------------------------------- following


def test_one_referral_and_what_is_offered(world: World, worker: Browser):
    case = world.case()
    waiting = world.asked(case, reason=MARKUP)
    page = seen(worker.get(one(waiting)))
    assert ESCAPED in page
    assert MARKUP not in page
    assert f"{one(waiting)}?do=cancel" in page
    assert last_line(world, case.family_id) == ("referral", WORKER, waiting["id"])
    assert "?do=" not in seen(Browser(world, SECOND).get(one(waiting)))
    rejected = world.asked(case, "reject")
    page = seen(worker.get(one(rejected)))
    assert f"{one(rejected)}/another" in page
    assert "no free places" in page
    for login, status in (("worker.almaty", 404), (HEALTH, 403), (POLICE, 403)):
        seen(Browser(world, login).get(one(waiting)), status)


def test_taking_it_back_needs_words_where_the_reason_says_too_little(world: World, worker: Browser):
    referral = world.asked(world.case())
    page = one(referral, "cancel")
    answer = worker.send(page, page, reason_code="other")
    assert "This reason needs a note." in seen(answer, 422)
    assert forms_on(answer)[page]["reason_code"] == "other"
    fields = {**forms_on(worker.get(page))[page], "reason_code": "other", "note": "She has found work."}
    assert went_to(worker.post(page, fields)) == one(referral)
    assert went_to(worker.post(page, fields)) == one(referral)
    assert world.saved(referral).state.state == "cancelled"
    assert "She has found work." in seen(worker.get(one(referral)))


def test_taking_note(world: World, worker: Browser):
    referral = world.asked(world.case(), "reject")
    page = one(referral, "acknowledge")
    assert 'href="#note"' in seen(worker.send(page, page), 422)
    went_to(worker.send(page, page, note="No longer needed."))
    assert world.saved(referral).state.open == ()
    assert "No longer needed." in seen(worker.get(one(referral)))


def test_the_agency_was_faster(world: World, worker: Browser):
    """What it did is shown, what was typed is kept; what is still possible can be sent again."""
    referral = world.asked(world.case())
    page = one(referral, "cancel")
    fields = {**forms_on(worker.get(page))[page], "reason_code": "other", "note": "She has found work."}
    accepted = world.do(referral, "accept").get_json()
    answer = worker.post(page, fields)
    assert "The agency accepted it" in seen(answer, 409)
    again = forms_on(answer)[page]
    assert again["note"] == "She has found work."
    assert again["_version"] == str(accepted["version"])
    world.do({**referral, "version": accepted["version"]}, "complete")
    answer = worker.post(page, again)
    assert "She has found work." in seen(answer, 409)


def test_what_may_not_be_done_is_refused(world: World, worker: Browser):
    referral = world.asked(world.case())
    fields = {"_key": fresh(), "_version": str(referral["version"]), "reason_code": "duplicate"}
    seen(Browser(world, SECOND).post(one(referral, "cancel"), fields), 403)
    seen(Browser(world, "worker.almaty").post(one(referral, "cancel"), fields), 404)
    seen(worker.post(one(referral, "accept"), fields), 422)
    seen(worker.post(one(referral), fields), 422)
    assert world.saved(referral).state.state == "requested"
