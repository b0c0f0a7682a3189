"""The register page, as a browser meets it: with script off every button is a form that is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from services.intake.domain.iin import synthetic_iin
from services.intake.drafts import draft_id
from shared.ui import forms
from tests.service.intake.world import (
    ALMATY,
    FAR,
    NOT_ASKED,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    born,
    fresh,
    items,
    line,
    name,
    somebody,
    without_iin,
)
from tests.tokens import token


class Browser:
    """What somebody with a browser does on these pages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._client = world.app.test_client(use_cookies=False)

    def open(self, path: str, who: str = WORKER, language: str = "en", **headers: str) -> TestResponse:
        return self._client.get(f"/intake/{path}", headers=self._headers(who, language) | headers)

    def send(
        self, path: str, fields: Any, who: str = WORKER, language: str = "en", **headers: str
    ) -> TestResponse:
        return self._client.post(
            f"/intake/{path}", data=MultiDict(fields), headers=self._headers(who, language) | headers
        )

    def typed(
        self, applicant: dict[str, Any] | None = None, key: str | None = None, **changes: Any
    ) -> MultiDict:
        """The fields of a form that is filled in, as a browser sends them."""
        body = self.world.body(applicant, **changes)
        fields = forms.blank({name: value for name, value in body.items() if name != "center_id"}).raw
        fields["_key"] = key or fresh()
        return fields

    def drafts(self, who: str = WORKER) -> list[Any]:
        return self.world.intake.store.drafts.own(who, datetime.now(UTC))

    def _headers(self, who: str, language: str) -> dict[str, str]:
        cookies = f"bt_access={token(who)}; bt_language={language}"
        return {"Cookie": cookies, "Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def appeal_of(world: World, answer: TestResponse, who: str = WORKER) -> dict[str, Any]:
    """The appeal to which the browser is sent after registering."""
    assert answer.status_code == 303, answer.text
    return world.sees(
        re.fullmatch(r"/intake/(appeals/[0-9a-f-]{36})/registered", answer.location).group(1), who
    )


def value(answer: TestResponse, name: str) -> str:
    """What stands in an input of the page."""
    return (
        re.search(rf'<input[^>]* name="{re.escape(name)}"[^>]*>', answer.text)
        .group(0)
        .split('value="')[1]
        .split('"')[0]
    )


def hidden_match(answer: TestResponse) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(match\.\w+|_not)" value="([^"]+)"', answer.text))


def test_a_filled_in_form_makes_an_appeal_of_the_own_center_and_sending_it_twice_makes_one(world, browser):
    child = line(somebody(), relation="child")
    fields = browser.typed(household=[child], danger=VIOLENCE)
    fields["center_id"] = ALMATY
    appeal = appeal_of(world, browser.send("register", fields))
    assert appeal["center_id"] == "center-71-1"
    assert appeal["restricted"] is True
    assert {"screening", "notice-police", "notice-health"} == items(appeal)
    assert len(world.sees(f"families/{appeal['family_id']}")["members"]) == 2
    assert appeal_of(world, browser.send("register", fields))["id"] == appeal["id"]


def test_what_nobody_was_asked_is_null_and_asked_later(world, browser):
    fields = browser.typed(danger=NOT_ASKED, consent={"given": None})
    appeal = appeal_of(world, browser.send("register", fields))
    assert set(appeal["danger"].values()) == {None}
    assert {"screening", "ask-danger", "ask-consent"} == items(appeal)


def test_wrong_input_comes_back_filled_in_with_the_error_at_its_field(browser):
    fields = browser.typed(somebody(phone="12345", given_name=""), need='Ночью <script>alert("x")</script>')
    answer = browser.send("register", fields, language="ru")
    assert answer.status_code == 422
    assert value(answer, "applicant.phone") == "12345"
    assert 'id="applicant.phone-error"' in answer.text
    assert 'href="#applicant.given_name"' in answer.text
    assert "<script>alert" not in answer.text
    assert value(answer, "_key") == fields["_key"]


def test_an_iin_says_the_date_of_birth_that_nobody_typed(world, browser):
    day = born()
    fields = browser.typed(somebody(iin=synthetic_iin(day, 3), birth_date=None))
    looked = browser.send("register/look", fields, **{"HX-Request": "true"})
    assert f"{day:%d.%m.%Y}" in looked.text
    assert "the number is right" in looked.text
    appeal = appeal_of(world, browser.send("register", fields))
    assert world.sees(f"persons/{appeal['person_id']}")["birth_date"] == day.isoformat()


def test_hours_are_written_as_people_write_them(world, browser):
    fields = browser.typed(safe_contact={"sms": "no", "hours": {"from": "9", "to": "18.30"}})
    person = world.sees(f"persons/{appeal_of(world, browser.send('register', fields))['person_id']}")
    assert person["safe_contact"]["hours"] == {"from": "09:00", "to": "18:30"}
    fields = browser.typed(safe_contact={"sms": "no", "hours": {"from": "утром", "to": "18"}})
    answer = browser.send("register", fields)
    assert answer.status_code == 422
    assert value(answer, "safe_contact.hours.from") == "утром"


def test_the_region_that_stands_in_the_form_from_the_start_is_no_address(world, browser):
    alone = browser.typed(somebody(address={"kato": "710000000"}))
    person = world.sees(f"persons/{appeal_of(world, browser.send('register', alone))['person_id']}")
    assert person["address"] is None
    whole = browser.typed(somebody(address={"kato": "710000000", "line": "Кенесары, 40"}))
    person = world.sees(f"persons/{appeal_of(world, browser.send('register', whole))['person_id']}")
    assert person["address"]["line"] == "Кенесары, 40"


def test_what_is_wrong_with_an_iin_is_said_while_it_is_typed(browser):
    number = synthetic_iin(born(), 4)
    wrong = number[:11] + str((int(number[11]) + 1) % 10)
    assert "a digit was mistyped" in browser.send("register/look", {"applicant.iin": wrong}).text
    assert "5 of 12 digits" in browser.send("register/look", {"applicant.iin": number[:5]}).text


def test_what_the_file_says_of_somebody_known_need_not_be_typed(world, browser):
    known = somebody(phone="+77015550147")
    world.comes(known)
    asked = browser.typed(known)
    for each in ("family_name", "given_name", "birth_date", "sex", "language", "phone"):
        asked.poplist(f"applicant.{each}")
    beside = browser.send("register/look", asked, SECOND).text
    person_id = re.search(r'value="fill:([0-9a-f-]{36})"', beside)[1]
    page = browser.send("register", {**asked.to_dict(flat=False), "_do": f"fill:{person_id}"}, SECOND).text
    assert f'value="{known["family_name"]}"' in page
    assert f'value="{known["given_name"]}"' in page
    assert "0147" not in page  # whether the telephone is still hers is asked
    assert "Fill in from the file" not in page


def test_nothing_is_filled_in_of_somebody_who_is_not_shown(world, browser):
    other = somebody()
    person_id = world.comes(other)["person_id"]
    asked = browser.typed(somebody())
    for each in ("family_name", "given_name"):
        asked.poplist(f"applicant.{each}")
    page = browser.send("register", {**asked.to_dict(flat=False), "_do": f"fill:{person_id}"}, SECOND).text
    assert other["family_name"] not in page


def test_who_is_known_by_the_iin_stands_beside_the_form_and_in_the_access_log(world, browser):
    known = somebody(phone="+77015550147")
    family_id = world.comes(known)["family_id"]
    before = len(world.lines_of(family_id))
    answer = browser.send("register/look", browser.typed({**known, "phone": "+77015550148"}), SECOND)
    assert known["family_name"] in answer.text
    assert "in the file telephone: …\u20600147" in answer.text
    written = world.lines_of(family_id)[before:]
    assert [(each["what"], each["actor"]) for each in written] == [("candidates", SECOND)]


def test_a_restricted_file_is_shown_to_nobody_who_may_not_read_it(world, browser):
    known = without_iin()
    world.comes(known, danger=VIOLENCE)
    assert known["family_name"] in browser.send("register/look", browser.typed(known), SUPERVISOR).text
    hidden = browser.send(
        "register/look", {"applicant.given_name": known["given_name"], **_names(known)}, SECOND
    )
    assert "is:" not in hidden.text
    assert "Nobody whose file you may read" in hidden.text


def _names(person: dict[str, Any]) -> dict[str, str]:
    return {f"applicant.{field}": person[field] for field in ("family_name", "birth_date")}


def test_somebody_alike_is_asked_for_without_script_and_the_answer_registers(world, browser):
    known = without_iin()
    first = world.comes(known)
    fields = browser.typed(known)
    asked = browser.send("register", fields)
    assert asked.status_code == 409
    assert f'value="is:{first["person_id"]}"' in asked.text
    assert value(asked, "applicant.family_name") == known["family_name"]
    chosen = browser.send("register", [*fields.items(multi=True), ("_do", f"is:{first['person_id']}")])
    assert hidden_match(chosen) == {"match.person_id": first["person_id"]}
    fields.update(hidden_match(chosen))
    assert appeal_of(world, browser.send("register", fields))["family_id"] == first["family_id"]


def test_somebody_alike_who_is_another_person_gets_a_file_of_his_own(world, browser):
    known = without_iin()
    first = world.comes(known)
    fields = browser.typed(known)
    looked = browser.send("register/look", [*fields.items(multi=True), ("_do", f"not:{first['person_id']}")])
    assert hidden_match(looked) == {"_not": first["person_id"], "match.new": "true"}
    fields.update(hidden_match(looked))
    assert appeal_of(world, browser.send("register", fields))["family_id"] != first["family_id"]


def test_an_answer_about_somebody_else_does_not_stay(world, browser):
    known = without_iin()
    person_id = world.comes(known)["person_id"]
    fields = browser.typed(without_iin(), match={"person_id": person_id})
    assert hidden_match(browser.send("register/look", fields)) == {}


def test_danger_says_at_once_by_when_whom_to_tell(browser):
    calm = browser.send("register/next", {f"danger.{kind}": "false" for kind in VIOLENCE})
    assert "less time" not in calm.text
    danger = browser.send("register/next", {"danger.domestic_violence": "true"})
    assert "There is less time now." in danger.text
    assert "Police Department and Health Department" in danger.text
    assert "no SMS" in danger.text
    assert "Danger not asked yet" in danger.text


def test_rows_of_the_household_are_added_and_taken_away_without_losing_the_others(browser):
    fields = {"household.0.given_name": "Ерасыл", "household.1.given_name": "Айару", "_key": fresh()}
    more = browser.send("register", {**fields, "_do": "row"})
    assert 'name="household.2.given_name"' in more.text
    less = browser.send("register/household", {**fields, "_do": "drop:0"}, **{"HX-Request": "true"})
    assert "Айару" in less.text
    assert "Ерасыл" not in less.text


def test_a_draft_is_kept_while_typing_offered_to_its_owner_only_and_gone_when_it_is_registered(
    world, browser
):
    fields = browser.typed(somebody(family_name=name()))
    family_name = fields["applicant.family_name"]
    assert "Draft saved" in browser.send("register/draft", fields, **{"HX-Request": "true"}).text
    address = f"register?draft={draft_id(WORKER, fields['_key'])}"
    assert family_name in browser.open("register").text
    assert family_name not in browser.open("register", SECOND).text
    assert browser.open(address, SECOND).status_code == 404
    again = browser.open(address)
    assert value(again, "applicant.family_name") == family_name
    assert value(again, "_key") == fields["_key"]
    appeal_of(world, browser.send("register", fields))
    assert browser.open(address).status_code == 404
    browser.send("register/draft", fields)
    assert fields["_key"] not in [draft.key for draft in browser.drafts()]


def test_a_form_in_which_nothing_was_typed_is_no_draft(browser):
    fields = forms.blank({"safe_contact": {"sms": "unknown"}}).raw
    fields["_key"] = fresh()
    browser.send("register/draft", fields)
    assert fields["_key"] not in [draft.key for draft in browser.drafts()]


def test_continue_later_and_throwing_away(browser):
    fields = browser.typed()
    later = browser.send("register", [*fields.items(multi=True), ("_do", "later")])
    assert later.location == "/intake/register"
    draft = next(draft for draft in browser.drafts() if draft.key == fields["_key"])
    assert browser.send(f"register/drafts/{draft.id}/drop", {}, SECOND).status_code == 303
    assert draft.id in [each.id for each in browser.drafts()]
    browser.send(f"register/drafts/{draft.id}/drop", {})
    assert draft.id not in [each.id for each in browser.drafts()]


def test_what_could_not_be_registered_is_kept_as_a_draft(browser):
    fields = browser.typed(somebody(given_name=""))
    assert browser.send("register", fields).status_code == 422
    assert fields["_key"] in [draft.key for draft in browser.drafts()]


def test_a_draft_goes_by_the_days_of_the_policy(world, browser):
    fields = browser.typed()
    browser.send("register/draft", fields)
    drafts, id = world.intake.store.drafts, draft_id(WORKER, fields["_key"])
    days = timedelta(days=world.intake.policy.deadlines.amount("draft_days"))
    document = drafts.collection.find_one({"_id": id})
    assert document["expires_at"] - document["saved_at"] == days
    assert drafts.collection.index_information()["expires_at"]["expireAfterSeconds"] == 0
    assert drafts.find(WORKER, id, document["expires_at"] - timedelta(minutes=1)).id == id
    assert drafts.find(WORKER, id, document["expires_at"]) is None


def test_a_form_given_back_after_the_session_had_ended_is_not_carried_out(browser):
    fields = browser.typed()
    answer = browser.send("register", [*fields.items(multi=True), ("_restore", "1")])
    assert answer.status_code == 200
    assert value(answer, "applicant.family_name") == fields["applicant.family_name"]
    assert value(answer, "_key") == fields["_key"]


def test_another_text_under_the_key_of_a_registered_form_is_refused(world, browser):
    fields = browser.typed()
    appeal_of(world, browser.send("register", fields))
    fields["need"] = "Совсем другое"
    answer = browser.send("register", fields)
    assert answer.status_code == 409
    assert "Совсем другое" in answer.text


def test_after_saving_the_page_says_number_owner_and_what_is_next(world, browser):
    appeal = world.comes()
    before = len(world.lines_of(appeal["family_id"]))
    answer = browser.open(f"appeals/{appeal['id']}/registered")
    assert appeal["number"] in answer.text
    assert "First assessment of need" in answer.text
    assert f"/intake/appeals/{appeal['id']}/slip" in answer.text
    assert world.lines_of(appeal["family_id"])[before:][0]["what"] == "appeal"
    assert browser.open(f"appeals/{appeal['id']}/registered", FAR).status_code == 404


def test_the_slip_speaks_the_language_of_the_family(world, browser):
    appeal = world.comes(somebody(language="kk"))
    slip = browser.open(f"appeals/{appeal['id']}/slip").text
    assert '<html lang="kk"' in slip
    assert "Отбасын қолдау орталығы № 1" in slip
    assert appeal["number"] in slip
    assert '<html lang="ru"' in browser.open(f"appeals/{appeal['id']}/slip?language=ru").text


def test_the_slip_of_a_restricted_file_names_neither_center_nor_reason(world, browser):
    person = somebody(language="ru")
    appeal = world.comes(person, danger=VIOLENCE, grounds=["domestic-violence"], need="Муж бьёт")
    sheet = browser.open(f"appeals/{appeal['id']}/slip").text.split("<main", 1)[1]
    assert appeal["number"] in sheet
    for said in ("Центр", "семь", "насили", "помощ", "Муж бьёт", person["family_name"]):
        assert said not in sheet


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_page_opens_in_every_language(browser, language):
    answer = browser.open("register", language=language)
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    assert not re.search(r'name="danger\.\w+"[^>]*checked', answer.text)


def test_who_has_no_business_here_is_refused(browser):
    assert browser.open("register", "partner.health.astana").status_code == 403
    assert browser.open("register?draft=nonsense").status_code == 422
