"""The pages of a case: what they show to whom, and how their forms behave. What a command may do is told in test_commands.py."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.service.casework.world import (
    ALMATY_WORKER,
    SECOND,
    SUPERVISOR,
    WORKER,
    Family,
    domains,
    fresh,
    measure,
    plan,
    today,
)
from tests.tokens import bearer

HTML = {"Accept": "text/html", "Accept-Language": "en"}


class Browser:
    """Somebody with a browser."""

    def __init__(self, world, login):
        self.client, self.headers = world.app.test_client(), {**HTML, **bearer(login)}

    def get(self, path, **headers):
        return self.client.get(f"/casework/{path}", headers={**self.headers, **headers})

    def post(self, path, fields, **headers):
        return self.client.post(f"/casework/{path}", data=fields, headers={**self.headers, **headers})

    def form(self, path, **fields):
        """The hidden fields of the page's form, and these."""
        return {**hidden(self.get(path)), **fields}


def text(response, status=200):
    assert response.status_code == status, response.get_data(as_text=True)[:2000]
    return response.get_data(as_text=True)


def hidden(response):
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text(response))
    assert {"_key", "_version", "_loaded"} <= {name for name, _ in found}
    return dict(found)


@pytest.fixture
def worker(world):
    return Browser(world, WORKER)


@pytest.fixture
def head(world):
    return Browser(world, SUPERVISOR)


def rated(each="1", **others):
    return {f"domains.{domain}": str(others.get(domain, each)) for domain in domains()}


def on(day):
    return f"{day:%d.%m.%Y}"


def row(n=0, **changes):
    fields = {
        "kind": "medical",
        "responsible.type": "center",
        "due_on": on(today() + timedelta(days=30)),
        **changes,
    }
    return {f"measures.{n}.{name}": value for name, value in fields.items()}


PAGES = [
    ("assessment", "assessment", ()),
    ("plan", "plan", ("assessment",)),
    ("sign", "plan/sign", ("assessment", "plan")),
    (
        "review",
        "review",
        ("assessment", "plan", "plan/sign by worker", "plan/sign by family", "plan/approve"),
    ),
    ("help", "help", ()),
    ("visits", "visits", ()),
    ("closure", "closure", ()),
]


@pytest.mark.parametrize(("place", "command", "before"), PAGES)
def test_every_form_is_shown_in_its_state_and_is_a_reading(world, worker, place, command, before):
    case = world.after(world.case(), *before)
    page = text(worker.get(f"cases/{case['id']}/{place}"))
    assert 'name="_key"' in page
    assert case["number"] in page
    line = world.service.store.access_log.collection.find_one(
        {"family_ids": case["family_id"], "what": "case", "why": command, "actor": WORKER}
    )
    assert line["subject"] == case["id"]


# ------------------------------------------------------------------ reading


def test_the_list_holds_mine_at_first_and_the_centers_when_asked(world, worker, head):
    mine, others = world.case(), world.case(holder=SECOND)
    assert_listed(worker.get("cases"), mine, but_not=others)
    assert_listed(worker.get("cases?holder=all"), mine, others)
    assert_listed(worker.get(f"cases?holder={SECOND}&state=assessment"), others, but_not=mine)
    assert_listed(head.get("cases"), mine, others)
    assert_listed(worker.get("cases?holder=all&due=late"), but_not=mine)
    assert_listed(worker.get("cases?holder=all&due=week"), mine, others)
    families = {mine["family_id"], others["family_id"]}
    line = world.service.store.access_log.collection.find_one(
        {"family_ids": {"$all": list(families)}, "what": "cases"}
    )
    assert line["actor"] in (WORKER, SUPERVISOR)


def assert_listed(response, *cases, but_not=None):
    page = text(response)
    assert all(f'id="case-{case["id"]}"' in page for case in cases)
    assert but_not is None or f'id="case-{but_not["id"]}"' not in page


def test_the_list_goes_on_where_its_page_ends(world, worker, monkeypatch):
    monkeypatch.setattr("services.casework.pages.lists.ON_A_PAGE", 1)
    older, newer = world.case(), world.case()
    page = text(worker.get("cases?state=open"))
    assert newer["number"] in page
    assert older["number"] not in page
    following = re.search(r'href="/casework/(cases\?[^"]*cursor=[^"]*)"', page).group(1).replace("&amp;", "&")
    page = text(worker.get(following))
    assert older["number"] in page
    assert newer["number"] not in page


def test_a_filter_that_there_is_not_is_refused_as_a_page(worker):
    assert "<h1" in text(worker.get("cases?state=nowhere"), 422)


def test_a_closed_case_is_in_the_list_only_when_asked_for(world, worker):
    case = world.after(world.case(), "closure", "closure/approve")
    assert_listed(worker.get("cases"), but_not=case)
    assert_listed(worker.get("cases?state=closed"), case)


@pytest.mark.parametrize(
    ("login", "status"),
    [(WORKER, 200), (SECOND, 200), (SUPERVISOR, 200), (ALMATY_WORKER, 404), ("national", 403)],
)
def test_who_reads_a_case_and_the_line_that_says_so(world, login, status):
    case = world.case()
    page = text(Browser(world, login).get(f"cases/{case['id']}"), status)
    lines = list(
        world.service.store.access_log.collection.find(
            {"subject": case["id"], "actor": login, "what": "case"}
        )
    )
    assert len(lines) == (1 if status == 200 else 0) + (
        1 if login == SUPERVISOR else 0
    )  # the world itself looks as the head
    assert (case["number"] in page) == (status == 200)


def test_who_reads_without_acting_sees_no_buttons_and_gets_no_form(world):
    case = world.case()
    second = Browser(world, SECOND)
    page = text(second.get(f"cases/{case['id']}"))
    assert f"/casework/cases/{case['id']}/" not in page
    assert second.get(f"cases/{case['id']}/assessment").status_code == 403
    assert second.post(f"cases/{case['id']}/help", {}).status_code == 403
    assert second.get(f"cases/{case['id']}/decision").status_code == 403


def test_what_people_wrote_is_shown_as_text(world, worker):
    case = world.case()
    world.do(case, "assessment", {"domains": domains(), "note": "<script>alert(1)</script>"})
    page = text(worker.get(f"cases/{case['id']}"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_whole_case_is_shown_after_a_long_way(world, worker):
    case = world.running(measure("agency"), measure(text="Coal for the winter"))
    case = world.after(case, "visits", "help", "review", "closure", "closure/return", "closure")
    page = text(worker.get(f"cases/{case['id']}"))
    for words in (
        "The stove smokes.",
        "Coal for the winter",
        "Not yet.",
        "To Almaty.",
        "the family has moved",
    ):
        assert words in page
    assert f"/referrals/new?case_id={case['id']}" not in page  # nothing is begun while closing is decided


def test_an_open_measure_of_a_partner_leads_to_choosing_a_service(world, worker):
    case = world.running(measure("agency"), measure())
    page = text(worker.get(f"cases/{case['id']}"))
    assert f"/referrals/new?case_id={case['id']}&amp;measure=1" in page
    assert f"/casework/cases/{case['id']}/measures/2/deliver" in page
    assert "measure=2" not in page


# ------------------------------------------------------------------ in the family's file


def test_the_panel_of_a_family_is_a_fragment_for_htmx_and_a_page_for_others(world, worker):
    family = Family()
    case = world.case(family)
    fragment = text(worker.get(f"families/{family.id}/panel", **{"HX-Request": "true"}))
    assert "<html" not in fragment
    assert case["number"] in fragment
    assert case["number"] in text(worker.get(f"families/{family.id}/panel"))
    lines = world.service.store.access_log.collection.count_documents(
        {"subject": case["id"], "what": "cases"}
    )
    assert lines == 2


def test_a_family_without_a_case_has_an_empty_panel(worker):
    assert "No case yet" in text(worker.get(f"families/{fresh()}/panel", **{"HX-Request": "true"}))
    assert worker.get(f"cases/by-family/{fresh()}").status_code == 404


def test_a_restricted_family_has_no_panel_for_others(world):
    family = Family()
    case = world.case(family)
    world.hears(family.changes(domestic_violence=True))
    assert case["number"] not in text(Browser(world, SECOND).get(f"families/{family.id}/panel"))
    assert Browser(world, SECOND).get(f"cases/{case['id']}").status_code == 404


def test_from_a_family_one_comes_to_its_open_case(world, worker):
    family = Family()
    closed = world.after(world.case(family), "closure", "closure/approve")
    assert worker.get(f"cases/by-family/{family.id}").location == f"/casework/cases/{closed['id']}"
    opened = world.case(family)
    assert worker.get(f"cases/by-family/{family.id}").location == f"/casework/cases/{opened['id']}"


# ------------------------------------------------------------------ forms


def test_an_assessment_counts_while_it_is_made_and_is_saved_once(world, worker):
    case = world.case()
    path = f"cases/{case['id']}/assessment"
    fields = worker.form(path, **rated("2"), note="Cold.")
    running = text(worker.post(f"{path}/level", {"domains.housing": "4"}, **{"HX-Request": "true"}))
    assert "1 domain of 10" in running.replace("\u00a0", " ")
    for _ in range(2):  # a double click
        answer = worker.post(path, fields)
        assert (answer.status_code, answer.location) == (303, f"/casework/cases/{case['id']}")
    saved = world.saved(case).state
    assert (saved.score, saved.level, saved.assessment.note) == (500, "C", "Cold.")
    assert world.types(case["id"]).count("assessment-recorded") == 1


def test_danger_raises_the_running_level(world, worker):
    case = world.case(
        Family(danger=Family().danger.__class__(life=True, child=False, domestic_violence=False))
    )
    running = worker.post(
        f"cases/{case['id']}/assessment/level", {"domains.housing": "0"}, **{"HX-Request": "true"}
    )
    assert "bt-level--e" in text(running)


def test_a_wrong_form_comes_back_as_it_was_typed(world, worker):
    case = world.after(world.case(), "assessment")
    path = f"cases/{case['id']}/plan"
    fields = worker.form(path, **row(0, due_on="12.13.2026"), **row(2, kind="other"), goals="A warm <home>")
    page = text(worker.post(path, fields), 422)
    assert 'href="#measures.0.due_on"' in page
    assert 'value="12.13.2026"' in page
    assert "A warm &lt;home&gt;" in page
    assert fields["_key"] in page
    assert world.saved(case).state.plan is None


def test_rows_are_added_and_taken_out_without_losing_anything(world, worker):
    case = world.after(world.case(), "assessment")
    path = f"cases/{case['id']}/plan"
    fields = worker.form(path, **row(0, text="First"), **row(1, text="Second"), goals="One")
    page = text(worker.post(path, {**fields, "_add": "measures"}))
    assert "First" in page
    assert "Second" in page
    assert 'name="measures.2.kind"' in page
    page = text(worker.post(path, {**fields, "_remove": "measures.0"}))
    assert "First" not in page
    assert "Second" in page
    assert 'name="measures.1.kind"' not in page
    page = text(worker.post(path, {**fields, "goals": ["One", "Two"], "_remove": "goals.0"}))
    assert ">One<" not in page
    assert ">Two<" in page
    assert world.saved(case).state.plan is None


def test_a_new_version_begins_with_what_the_old_one_had(world, worker):
    case = world.after(world.case(), "assessment")
    case = world.after(
        {**case, **world.do(case, "plan", plan(measure(text="Coal"))).get_json()}, "plan/sign by worker"
    )
    path = f"cases/{case['id']}/plan"
    page = text(worker.get(path))
    assert "Coal" in page
    assert "The children go to school." in page
    assert "makes the signatures void" in page
    sent = worker.post(path, worker.form(path, **row(text="Wood"), goals=["Warm"], reason="No coal."))
    assert sent.status_code == 303
    saved = world.saved(case).state
    assert (saved.plan.version, saved.plan.goals, saved.plan.signatures) == (2, ("Warm",), ())
    assert [each.text for each in saved.open_measures] == ["Wood"]


def test_two_people_edit_one_case_and_the_second_keeps_his_text(world, worker, head):
    case = world.after(world.case(), "assessment")
    path = f"cases/{case['id']}/plan"
    mine = worker.form(path, **row(text="Mine"), goals="My goal")
    assert head.post(path, head.form(path, **row(text="Theirs"), goals="Their goal")).status_code == 303
    page = text(worker.post(path, mine), 409)
    assert "wrote a new version of the plan" in page
    assert "My goal" in page
    assert "Mine" in page
    again = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert again["_key"] != mine["_key"]
    assert worker.post(path, {**mine, **again}).status_code == 303
    assert world.saved(case).state.plan.goals == ("My goal",)


def test_a_form_that_the_state_does_not_have_leads_to_the_case(world, worker):
    case = world.case()
    for place in ("review", "sign", "plan"):
        assert worker.get(f"cases/{case['id']}/{place}").location == f"/casework/cases/{case['id']}"
    assert worker.get(f"cases/{case['id']}/measures/7/deliver").status_code == 404


def test_the_head_decides_but_not_on_what_he_has_signed_himself(world, worker, head):
    case = world.after(world.case(), "assessment", "plan", "plan/sign by worker", "plan/sign by family")
    path = f"cases/{case['id']}/decision"
    page = text(head.post(path, head.form(path, _decision="plan/return", reason=" ")), 422)
    assert 'href="#reason"' in page
    assert head.post(path, head.form(path, _decision="plan/return", reason="Too little.")).status_code == 303
    assert world.saved(case).state.state == "planning"
    case = world.shown(case["id"])
    case = world.after(case, "plan/sign by family")
    world.do(case, "plan/sign", {"by": "worker", "method": "paper"}, login=SUPERVISOR)
    assert "You have signed this plan" in text(head.get(path))
    assert head.post(path, head.form(path, _decision="plan/approve")).status_code == 403
    assert head.post(path, head.form(path, _decision="assign")).status_code == 404


def test_closing_is_proposed_decided_and_undone(world, worker, head):
    case = world.case()
    path = f"cases/{case['id']}"
    assert (
        worker.post(
            f"{path}/closure", worker.form(f"{path}/closure", reason="moved", note="To Almaty.")
        ).status_code
        == 303
    )
    assert "To Almaty." in text(head.get(f"{path}/decision"))
    assert (
        head.post(f"{path}/decision", head.form(f"{path}/decision", _decision="closure/approve")).status_code
        == 303
    )
    assert (
        head.post(f"{path}/reopen", head.form(f"{path}/reopen", reason="They are back.")).status_code == 303
    )
    assert world.saved(case).state.state == "assessment"


def test_a_measure_is_begun_given_and_cancelled(world, worker):
    case = world.running(measure(), measure(), measure())
    path = f"cases/{case['id']}"
    begun = worker.post(f"{path}/measures/1/start", hidden(worker.get(path)))
    assert begun.location == f"/casework/{path}#plan"
    deliver = f"{path}/measures/2/deliver"
    assert (
        worker.post(deliver, worker.form(deliver, given_on=on(today()), condition="home")).status_code == 303
    )
    cancel = f"{path}/measures/3/cancel"
    assert worker.post(cancel, worker.form(cancel, reason="Not wanted.")).status_code == 303
    assert [each.state for each in world.saved(case).state.measures] == ["started", "delivered", "cancelled"]


def test_a_measure_that_somebody_else_has_begun_is_not_begun_again(world, worker):
    case = world.running()
    fields = hidden(worker.get(f"cases/{case['id']}"))
    world.post(SUPERVISOR, f"cases/{case['id']}/measures/1/start", version=case["version"], key=fresh())
    page = text(worker.post(f"cases/{case['id']}/measures/1/start", fields), 409)
    assert "began measure 1" in page


def test_the_head_gives_a_case_to_a_colleague(world, head):
    case = world.case()
    path = f"cases/{case['id']}/assign"
    assert SECOND in text(head.get(path))
    assert head.post(path, head.form(path, holder=SECOND, reason="On leave.")).status_code == 303
    assert world.saved(case).state.holder == SECOND


def test_a_visit_is_written_with_the_times_of_almaty(world, worker):
    case = world.case()
    path = f"cases/{case['id']}/visits"
    day = on(today() - timedelta(days=1))
    times = {"left_at": f"{day} 10:00", "arrived_at": f"{day} 10:40", "departed_at": f"{day} 12:00"}
    fields = worker.form(path, **times, members=["health", "education"], findings="Cold.", decision="Coal.")
    assert worker.post(path, fields).status_code == 303
    visit = world.saved(case).state.visits[0]
    assert (visit.members, visit.arrived_at.hour, visit.arrived_at.minute) == (("health", "education"), 5, 40)
