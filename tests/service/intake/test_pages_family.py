"""The family's file as a page, the pages on which it is corrected, and the names that other services' pages ask for."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.events import CaseOpened
from shared.i18n import languages
from shared.ui import words
from tests.service.intake.world import (
    FAR,
    NO_DANGER,
    NOT_ASKED,
    SCREENED,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    another_iin,
    case_event,
    fresh,
    items,
    line,
    now,
    somebody,
    without_iin,
)
from tests.tokens import bearer

HTMX = {"HX-Request": "true"}
TYPED = "<b>Соседка & её сын</b>"


def opened(world: World, path: str, who: str = WORKER, **headers: str) -> TestResponse:
    asked = {**bearer(who), "Accept": "text/html", "Accept-Language": "en", **headers}
    return world.app.test_client().get(f"/intake/{path}", headers=asked)


def text(world: World, path: str, who: str = WORKER, **headers: str) -> str:
    answer = opened(world, path, who, **headers)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def sent(
    world: World, path: str, fields: dict[str, Any], version: int, who: str = WORKER, key: str = ""
) -> TestResponse:
    """A form as a browser sends it."""
    headers = {**bearer(who), "Accept": "text/html", "Accept-Language": "en"}
    fields = {"_key": key or fresh(), "_version": str(version), "_loaded": "0", **fields}
    return world.app.test_client().post(f"/intake/{path}", headers=headers, data=fields)


def version_of(world: World, kind: str, id: str) -> int:
    return getattr(world.intake.store, kind).get(id).version


def mistakes(answer: TestResponse) -> set[str]:
    """The fields that the summary of mistakes links to."""
    summary = answer.text.partition('class="govuk-error-summary"')[2].partition("<nav")[0]
    return set(re.findall(r'href="#([^"]+)"', summary))


# Reading ------------------------------------------------------------------------------------------


def test_every_page_opens_in_every_language_and_shows_no_code(world: World):
    appeal = world.comes(danger={**NO_DANGER, "child": True}, household=[line(without_iin(), "child")])
    family, person = f"families/{appeal['family_id']}", f"persons/{appeal['person_id']}"
    pages = (
        family,
        f"{family}/danger",
        f"{family}/members",
        f"{family}/members?do=change&n=2",
        f"{family}/members?do=remove&n=2",
        f"{family}/readers",
        person,
        f"{person}/consents",
    )
    for path in pages:
        for language in languages:
            shown = text(world, path, **{"Accept-Language": language})
            assert f'lang="{language}"' in shown
            assert "domestic_violence<" not in shown
            assert ">share:" not in shown


def test_the_file_shows_who_it_is_and_how_she_may_be_called(world: World):
    contact = {"sms": "no", "hours": {"from": "14:00", "to": "17:00"}, "code_word": "алма"}
    abuser = line(somebody(iin=None, birth_date=None), "spouse", alleged_abuser=True)
    she = somebody(phone="+77011234567")
    appeal = world.comes(she, danger=VIOLENCE, safe_contact=contact, household=[abuser])
    shown = text(world, f"families/{appeal['family_id']}").replace(words.NBSP, " ")
    assert f"{she['iin'][:6]} {she['iin'][6:]}" in shown
    assert "Call only: +7 701 123 45 67, 14:00–17:00." in shown
    assert "do not say why you call" in shown
    assert "алма" not in shown
    assert "danger from this person" in shown
    assert appeal["number"] in shown
    assert "алма" in text(world, f"persons/{appeal['person_id']}")


def test_what_a_person_said_is_shown_and_never_run(world: World):
    appeal = world.comes(somebody(family_name="Дана<script>"), household=[line(without_iin(), "child")])
    raw = opened(world, f"families/{appeal['family_id']}").text
    assert "Дана&lt;script&gt;" in raw
    assert "Дана<script>" not in raw


def test_a_file_that_may_not_be_read_does_not_exist(world: World):
    appeal = world.comes(danger=VIOLENCE)
    family, person = appeal["family_id"], appeal["person_id"]
    paths = [f"families/{family}{part}" for part in ("", "/danger", "/members", "/readers", "/identity")]
    for path in (*paths, f"persons/{person}", f"persons/{person}/consents"):
        assert opened(world, path, SECOND, **HTMX).status_code == 404, path
        assert opened(world, path, FAR).status_code == (303 if path.endswith("identity") else 404), path
    assert "hx-swap-oob" not in text(world, f"families/names?ids={family}", SECOND)


def test_each_reading_writes_its_line_first(world: World):
    appeal = world.comes()
    family, person = appeal["family_id"], appeal["person_id"]
    before = len(world.lines_of(family))
    for path in ("", "/danger", "/members", "/readers"):
        opened(world, f"families/{family}{path}")
    opened(world, f"families/{family}/identity", **HTMX)
    opened(world, f"families/names?ids={family}")
    opened(world, f"persons/{person}")
    lines = world.lines_of(family)[before:]
    told = ["family", "family", "family", "access-log", "identity", "names", "person"]
    assert [each["what"] for each in lines] == told
    assert {each["actor"] for each in lines} == {WORKER}


def test_every_kind_of_reading_has_a_word(world: World):
    appeal = world.comes()
    family = appeal["family_id"]
    world.get("worklist"), world.get("appeals"), world.get(f"families/{family}/timeline")
    kinds = set(world.intake.store.access_log.collection.distinct("what"))
    assert kinds
    assert all(words.has("reading", kind.partition(":")[0]) for kind in kinds)


def test_readers_are_for_the_holder_the_head_and_the_auditor(world: World):
    appeal = world.comes()
    path = f"families/{appeal['family_id']}/readers"
    opened(world, f"families/{appeal['family_id']}", SECOND)
    for who in (WORKER, SUPERVISOR, "auditor"):
        assert words.staff(SECOND) in text(world, path, who)
    assert opened(world, path, SECOND).status_code == 403
    assert "Who has read it" not in text(world, f"families/{appeal['family_id']}", SECOND)


# Names for other services' pages ------------------------------------------------------------------


def test_names_come_for_the_families_that_may_be_read(world: World):
    mine, hidden = world.comes(), world.comes(danger=VIOLENCE)
    asked = f"{mine['family_id']},{hidden['family_id']},{uuid.uuid4()},{mine['family_id']},no-id"
    shown = text(world, f"families/names?ids={asked}", SECOND)
    assert shown.count("hx-swap-oob") == 1
    assert f"innerHTML:.bt-name-{mine['family_id']}" in shown
    assert world.lines_of(hidden["family_id"])[-1]["actor"] == WORKER
    assert opened(world, "families/names").status_code == 422


def test_the_identity_bar_is_a_fragment_and_as_a_page_the_file(world: World):
    she = somebody()
    path = f"families/{world.comes(she)['family_id']}"
    bar = opened(world, f"{path}/identity", **HTMX)
    assert she["family_name"] in bar.text
    assert "<html" not in bar.text
    assert opened(world, f"{path}/identity").location == f"/intake/{path}"


# The timeline -------------------------------------------------------------------------------------


def test_the_timeline_tells_all_services_and_can_be_filtered_and_paged(world: World):
    appeal = world.comes()
    family, case_id = appeal["family_id"], fresh()
    own = world.told("appeals", appeal["id"])
    many = [case_event(CaseOpened, appeal, case_id, number) for number in range(1, 41)]
    world.intake.store.timeline.apply([*own, *many])
    shown = text(world, f"families/{family}")
    assert shown.count('data-service="casework"') == 30
    assert f"/casework/cases/{case_id}" in shown
    earlier = unescape(re.search(r'href="/intake/families/[^"]+(\?[^"#]*before=[^"#]+)', shown)[1])
    later_page = text(world, f"families/{family}{earlier}")
    assert later_page.count('data-service="casework"') == 10
    assert 'data-service="intake"' in later_page
    only = text(world, f"families/{family}?intake=yes")
    assert 'data-service="casework"' not in only
    assert f"/intake/appeals/{appeal['id']}" in only
    for wrong in ("before=nonsense", "intake=perhaps", "n=1"):
        assert opened(world, f"families/{family}?{wrong}").status_code == 422


# Danger -------------------------------------------------------------------------------------------


def test_danger_is_raised_by_whoever_may_read_and_lowered_by_the_head(world: World):
    appeal = world.comes(danger=NOT_ASKED)
    id = appeal["family_id"]
    assert "not everything was asked" in text(world, f"families/{id}")
    said = {"life": "", "child": "true", "domestic_violence": "", "reason": "Сказала школа."}
    done = sent(world, f"families/{id}/danger", said, version_of(world, "families", id), SECOND)
    assert (done.status_code, done.location) == (303, f"/intake/families/{id}")
    assert world.sees(f"families/{id}")["danger"]["child"] is True
    page = text(world, f"families/{id}/danger")
    assert page.count('name="child"') == 2  # no "no" where a yes is known
    assert page.count('name="life"') == 3
    lower = {**said, "child": "false"}
    assert sent(world, f"families/{id}/danger", lower, version_of(world, "families", id)).status_code == 403
    assert text(world, f"families/{id}/danger", SUPERVISOR).count('name="child"') == 3
    done = sent(world, f"families/{id}/danger", lower, version_of(world, "families", id), SUPERVISOR)
    assert done.status_code == 303
    assert world.sees(f"families/{id}")["danger"]["child"] is False


def test_a_danger_without_a_reason_comes_back_as_it_was_typed(world: World):
    appeal = world.comes()
    id = appeal["family_id"]
    said = {"life": "true", "child": "", "domestic_violence": "", "reason": " "}
    answer = sent(world, f"families/{id}/danger", said, 1)
    assert (answer.status_code, mistakes(answer)) == (422, {"reason"})
    assert re.search(r'name="life" type="radio" value="true" checked', answer.text)


def test_who_is_late_sees_what_changed_and_keeps_his_text(world: World):
    appeal = world.comes()
    id = appeal["family_id"]
    seen = version_of(world, "families", id)
    world.does(f"families/{id}/danger", {**NOT_ASKED, "child": True, "reason": "Сказала школа."}, SECOND)
    world.intake.store.timeline.apply(world.told("families", id))
    fields = {"life": "true", "child": "", "domestic_violence": "", "reason": TYPED}
    late = sent(world, f"families/{id}/danger", fields, seen)
    shown = unescape(late.text)
    assert late.status_code == 409
    assert words.staff(SECOND) in shown
    assert "danger has changed" in shown
    assert TYPED in shown
    assert "<b>Соседка" not in late.text
    current = re.search(r'name="_version" value="([0-9]+)"', late.text)[1]
    key = re.search(r'name="_key" value="([^"]+)"', late.text)[1]
    again = sent(world, f"families/{id}/danger", fields, int(current), key=key)
    assert again.status_code == 303
    assert world.sees(f"families/{id}")["danger"] == {**NO_DANGER, "life": True, "child": True}


# Members ------------------------------------------------------------------------------------------


def test_members_are_added_once_corrected_and_removed(world: World):
    appeal = world.comes()
    id = appeal["family_id"]
    child = {
        "add.family_name": "Сынақ",
        "add.given_name": "Бала",
        "add.relation": "child",
        "add.birth_year": "2017",
        "add.iin": "",
        "reason": "Пришёл с ней.",
    }
    key, seen = fresh(), version_of(world, "families", id)
    for _ in range(2):  # a double click
        assert sent(world, f"families/{id}/members", child, seen, key=key).status_code == 303
    assert len(world.sees(f"families/{id}")["members"]) == 2
    changed = {
        "change.n": "2",
        "change.relation": "ward",
        "change.alleged_abuser": "false",
        "reason": "Ошиблись.",
    }
    path = f"families/{id}/members"
    assert sent(world, f"{path}?do=change&n=2", changed, version_of(world, "families", id)).status_code == 303
    assert world.sees(f"families/{id}")["members"][1]["relation"] == "ward"
    gone = {"remove.n": "2", "reason": "Живёт отдельно."}
    assert sent(world, f"{path}?do=remove&n=2", gone, version_of(world, "families", id)).status_code == 303
    assert len(world.sees(f"families/{id}")["members"]) == 1
    assert opened(world, f"{path}?do=change&n=9").status_code == 404


def test_a_form_of_one_command_at_the_address_of_another_does_what_it_says(world: World):
    id = world.comes()["family_id"]
    child = {"add.family_name": "Сынақ", "add.given_name": "Бала", "add.relation": "child", "add.birth_year": "2017"}
    path, version = f"families/{id}/members?do=remove&n=1", version_of(world, "families", id)
    assert sent(world, path, {**child, "add.iin": "", "reason": "Пришёл с ней."}, version).status_code == 303
    assert len(world.sees(f"families/{id}")["members"]) == 2
    assert sent(world, f"families/{id}/members?do=x", {}, version).status_code == 422


def test_what_is_refused_of_a_member_stands_at_its_field(world: World):
    she = somebody()
    id = world.comes(she)["family_id"]
    wrong = {
        "add.family_name": "Сынақ",
        "add.given_name": "",
        "add.iin": "123",
        "add.relation": "",
        "reason": "Да",
    }
    answer = sent(world, f"families/{id}/members", wrong, 1)
    assert answer.status_code == 422
    assert mistakes(answer) == {"add.given_name", "add.iin", "add.relation"}
    assert 'value="123"' in answer.text
    gone = {"remove.n": "1", "reason": "Ошибка."}
    answer = sent(world, f"families/{id}/members?do=remove&n=1", gone, 1)
    assert (answer.status_code, mistakes(answer)) == (422, {"remove.n"})


# Persons ------------------------------------------------------------------------------------------


def fields_of(world: World, person_id: str) -> dict[str, str]:
    """What stands in the form of a person, without what travels with every form."""
    shown = opened(world, f"persons/{person_id}").text
    form = shown.partition(f'action="/intake/persons/{person_id}"')[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if 'type="radio"' not in tag or " checked" in tag:
            found[name[1]] = unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: value for name, value in found.items() if not name.startswith("_")}


def test_a_person_is_corrected_and_what_was_not_touched_stays(world: World):
    contact = {"sms": "yes", "hours": {"from": "14:00", "to": "17:00"}, "code_word": "алма"}
    she = somebody(phone="+77011234567", address={"kato": "711110000", "line": "Кенесары, 7"})
    id = world.comes(she, safe_contact=contact)["person_id"]
    before = world.sees(f"persons/{id}")
    fields = fields_of(world, id)
    unchanged = sent(world, f"persons/{id}", fields, before["version"])
    assert unchanged.status_code == 303
    after = world.sees(f"persons/{id}")
    assert {**after, "version": 0} == {**before, "version": 0}
    emptied = {
        "safe_contact.hours.from": "",
        "safe_contact.hours.to": "",
        "address.kato": "",
        "address.line": "",
    }
    changes = {**fields, **emptied, "phone": "8 (701) 555-01-47"}
    assert sent(world, f"persons/{id}", changes, after["version"]).status_code == 303
    after = world.sees(f"persons/{id}")
    assert (after["phone"], after["address"]) == ("+77015550147", None)
    assert after["safe_contact"] == {"sms": "yes", "hours": None, "code_word": "алма"}


def test_mistakes_in_a_person_stand_at_their_fields(world: World):
    id = world.comes()["person_id"]
    fields = {**fields_of(world, id), "family_name": "", "phone": "12", "birth_date": "40.13.1990"}
    answer = sent(world, f"persons/{id}", fields, 1)
    assert answer.status_code == 422
    assert {"phone", "birth_date"} <= mistakes(answer)
    assert "family_name" in mistakes(answer)
    assert 'value="40.13.1990"' in answer.text


def test_an_iin_that_somebody_has_is_refused_and_names_only_whom_one_may_read(world: World):
    known, other = somebody(), without_iin()
    theirs = world.comes(known)
    mine = world.comes(other)
    fields = {**fields_of(world, mine["person_id"]), "iin": known["iin"]}
    answer = sent(world, f"persons/{mine['person_id']}", fields, 1)
    assert (answer.status_code, mistakes(answer)) == (422, {"iin"})
    assert f"/intake/families/{theirs['family_id']}" in answer.text
    far = world.comes(without_iin(), FAR)
    unreadable = world.app.test_client().post(
        f"/intake/persons/{far['person_id']}",
        headers={**bearer(FAR), "Accept": "text/html"},
        data={"_key": fresh(), "_version": "1", "iin": known["iin"], "family_name": "А", "given_name": "Б"},
    )
    assert unreadable.status_code == 422
    assert theirs["family_id"] not in unreadable.text
    good = {**fields_of(world, mine["person_id"]), "iin": another_iin(known)}
    assert sent(world, f"persons/{mine['person_id']}", good, 1).status_code == 303
    assert world.sees(f"persons/{mine['person_id']}")["no_iin_reason"] is None


# Consents -----------------------------------------------------------------------------------------


def test_consents_are_given_refused_and_taken_back(world: World):
    appeal = world.comes(consent={"given": None})
    id = appeal["person_id"]
    path, version = f"persons/{id}/consents", lambda: version_of(world, "persons", id)
    none = sent(world, path, {"_form": "consents", "signed_at": ""}, version())
    assert (none.status_code, mistakes(none)) == (422, {"scopes"})
    assert sent(world, path, {"_form": "consents", "refused": "true"}, version()).status_code == 303
    assert world.sees(f"persons/{id}")["refused_at"]
    some = {"_form": "consents", "scopes": ["processing", "share:health"], "signed_at": "01.11.2026 10:20"}
    assert sent(world, path, some, version()).status_code == 303
    given = world.sees(f"persons/{id}")["consents"]
    assert {each["scope"] for each in given} == {"processing", "share:health"}
    assert given[0]["given_at"].startswith("2026-11-01T05:20")
    back = {"_form": "withdraw", "scopes": "share:health"}
    assert sent(world, path, back, version()).status_code == 303
    assert [each["withdrawn_at"] is None for each in world.sees(f"persons/{id}")["consents"]] == [True, False]
    assert sent(world, path, {"_form": "more"}, version()).status_code == 422
    future = {**some, "scopes": "sms", "signed_at": f"{now() + timedelta(days=9):%d.%m.%Y} 10:20"}
    answer = sent(world, path, future, version())
    assert (answer.status_code, mistakes(answer)) == (422, {"signed_at"})


# What waits on the file itself --------------------------------------------------------------------


@pytest.fixture
def told_of(world: World) -> str:
    """A family in which violence was told of while no appeal was open: the file holds the notices."""
    appeal = world.comes()
    world.does(f"appeals/{appeal['id']}/screening", SCREENED)
    world.does(f"families/{appeal['family_id']}/danger", {**VIOLENCE, "reason": "Позвонила соседка."})
    return appeal["family_id"]


def test_a_notice_is_recorded_on_the_file(world: World, told_of: str):
    path = f"families/{told_of}"
    assert 'id="notices"' in text(world, path)
    given = {
        "_form": "notices",
        "body": "police",
        "told_at": "01.11.2026 10:20",
        "how": "",
        "reference": TYPED,
    }
    answer = sent(world, path, given, version_of(world, "families", told_of))
    assert (answer.status_code, mistakes(answer)) == (422, {"how"})
    assert TYPED in unescape(answer.text)
    done = sent(world, path, {**given, "how": "phone"}, version_of(world, "families", told_of))
    assert (done.status_code, done.location) == (303, f"/intake/{path}")
    assert items(world.sees(path)) == {"notice-health"}
    again = sent(world, path, {**given, "how": "phone"}, version_of(world, "families", told_of))
    assert (again.status_code, mistakes(again)) == (422, {"body"})


def test_who_may_read_but_not_act_sees_no_form(world: World):
    appeal = world.comes()
    world.does(f"appeals/{appeal['id']}/screening", SCREENED)
    id = appeal["family_id"]
    world.does(f"families/{id}/danger", {**NOT_ASKED, "child": True, "reason": "Сказала школа."})
    shown = text(world, f"families/{id}", SECOND)
    assert 'id="notices"' in shown
    assert 'name="told_at"' not in shown
    told = {"_form": "notices", "body": "guardianship", "told_at": "01.11.2026 10:20", "how": "phone"}
    assert sent(world, f"families/{id}", told, version_of(world, "families", id), SECOND).status_code == 403


def test_that_the_same_person_came_elsewhere_is_looked_at(world: World):
    she = somebody()
    id = world.comes(she, danger=VIOLENCE)["family_id"]
    world.comes(she, FAR)
    shown = text(world, f"families/{id}")
    assert 'id="same-person"' in shown
    assert words.word("center", "center-75-1", "en") in shown
    empty = sent(
        world, f"families/{id}", {"_form": "same-person", "note": ""}, version_of(world, "families", id)
    )
    assert (empty.status_code, mistakes(empty)) == (422, {"note"})
    note = {"_form": "same-person", "note": "Переехала к матери."}
    done = sent(world, f"families/{id}", note, version_of(world, "families", id))
    assert done.status_code == 303
    assert items(world.sees(f"families/{id}")) == set()


def test_a_change_has_arrived_only_when_its_items_have(world: World):
    appeal = world.comes()
    worklist, id = world.intake.store.worklist, appeal["id"]
    worklist.apply(world.told("appeals", id))
    world.does(f"appeals/{id}/screening", SCREENED)
    newest = world.told("appeals", id)[-1]
    assert not worklist.has(id, newest.sequence)
    # half of it: the subject is written, its items are not yet
    worklist.subjects.update_one({"_id": id}, {"$set": {"sequence": newest.sequence}})
    assert not worklist.has(id, newest.sequence)
    worklist.apply(world.told("appeals", id))
    assert worklist.has(id, newest.sequence)
    assert worklist.of_family(appeal["family_id"]) == []
