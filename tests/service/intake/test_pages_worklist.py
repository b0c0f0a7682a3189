"""The worklist as a page: what stands on it for whom, its filters, and what was just done."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest

from services.intake.pages import worklist as page
from shared.events.cloudevents import Envelope
from tests.service.intake.world import FAR, SECOND, SUPERVISOR, VIOLENCE, WORKER, World, name, somebody
from tests.tokens import token

ALL = "/intake/worklist"


@pytest.fixture
def opens(world: World):
    """opens(path, who=…) → the page's text."""
    client = world.app.test_client(use_cookies=False)

    def open_page(path: str = ALL, who: str = WORKER, cookies: str = "", status: int = 200) -> str:
        headers = {"Cookie": f"bt_access={token(who)}; bt_language=en; {cookies}", "Accept": "text/html"}
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    return open_page


def hear(world: World, *kinds_and_ids: tuple[str, str]) -> list[Envelope]:
    """Let the read models hear what these aggregates have told."""
    envelopes = [each for kind, id in kinds_and_ids for each in world.told(kind, id)]
    for model in (world.intake.store.files, world.intake.store.worklist, world.intake.store.timeline):
        model.apply(envelopes)
    return envelopes


def registered(world: World, who: str = WORKER, **changes) -> tuple[dict, str]:
    """An appeal that the worklist has heard of, and the family name by which it is found on a page."""
    called = name()
    appeal = world.comes(somebody(family_name=called), who, **changes)
    hear(world, ("appeals", appeal["id"]), ("families", appeal["family_id"]))
    return appeal, called


def row(text: str, called: str) -> str:
    return next(each for each in re.findall(r"<tr role=\"row\".*?</tr>", text, re.S) if called in each)


def test_what_is_mine_stands_there_with_a_button_that_leads_to_doing_it(world, opens):
    appeal, called = registered(world)
    mine = row(opens(), called)
    assert f'href="/intake/appeals/{appeal["id"]}#screening"' in mine
    assert "Assess need" in mine
    assert f'href="/intake/families/{appeal["family_id"]}"' in mine
    assert called not in opens(who=SECOND)
    assert called in opens(f"{ALL}?view=center", who=SECOND)
    assert called not in opens(f"{ALL}?view=center", who=FAR)


def test_a_restricted_family_stands_only_on_the_lists_of_its_holder_and_supervisors(world, opens):
    _, called = registered(world, danger=VIOLENCE)
    assert "violence" in row(opens(), called)
    assert called not in opens(f"{ALL}?view=center", who=SECOND)
    assert called in opens(f"{ALL}?view=center&show=all", who=SUPERVISOR)


def test_counters_filter_and_lead_back(world, opens):
    _, safe = registered(world)
    _, endangered = registered(world, danger={**VIOLENCE, "domestic_violence": False, "child": True})
    everything = opens()
    link = next(each for each in re.findall(r'href="([^"]+)"', everything) if "show=danger" in each)
    filtered = opens(link)
    assert endangered in filtered
    assert safe not in filtered
    assert f'href="{ALL}"' in filtered


def test_a_filter_that_does_not_exist_is_a_page_that_says_so(opens):
    assert "<h1" in opens(f"{ALL}?show=everything", status=422)
    assert "<h1" in opens(f"{ALL}?colour=red", status=422)
    assert "<h1" in opens(f"{ALL}?view=center&view=mine", status=422)


def test_the_supervisor_sees_load_by_worker_and_first_what_is_pressing(world, opens):
    _, called = registered(world, SECOND)
    text = opens(f"{ALL}?view=center", who=SUPERVISOR)
    assert "Load by worker" in text
    assert f"holder={SECOND}" in text
    assert called not in text  # neither late nor without an owner
    assert called in opens(f"{ALL}?view=center&holder={SECOND}", who=SUPERVISOR)
    assert "Load by worker" not in opens(f"{ALL}?view=center", who=SECOND)


def test_what_this_browser_has_just_done_is_waited_for(world, opens):
    appeal, called = registered(world)
    told = world.told("appeals", appeal["id"])[-1]
    begun = time.monotonic()
    assert called in opens(cookies=f"bt_done={appeal['id']}.{told.sequence}")
    assert time.monotonic() - begun < page.WAIT_SECONDS


def test_what_has_not_arrived_in_time_is_not_offered_again(world, opens):
    appeal, called = registered(world)
    text = opens(cookies=f"bt_done={appeal['id']}.0001-999999999999")
    assert called not in text
    assert "still on its way" in text


@pytest.mark.parametrize("cookie", ["x", ".", "a.b.c", "a." + "9" * 500, "%00.%00"])
def test_a_broken_cookie_harms_nobody(opens, cookie):
    opens(cookies=f"bt_done={cookie}; bt_toast={cookie}")


def test_who_is_shown_is_in_the_access_log(world, opens):
    appeal, _ = registered(world)
    opens()
    lines = world.lines_of(appeal["family_id"])
    assert (lines[-1]["what"], lines[-1]["actor"]) == ("worklist", WORKER)


def test_names_are_text(world, opens):
    called = "Ab<i>" + name()
    appeal = world.comes(somebody(family_name=called))
    hear(world, ("appeals", appeal["id"]), ("families", appeal["family_id"]))
    client = world.app.test_client(use_cookies=False)
    text = client.get(ALL, headers={"Cookie": f"bt_access={token(WORKER)}", "Accept": "text/html"}).text
    assert "<i>" not in text.partition("<main")[2].partition("</main>")[0]
