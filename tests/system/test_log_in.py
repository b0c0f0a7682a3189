"""Log-in, the two cookies, log-out: what a browser does, seen on the wire of the running stack."""

from __future__ import annotations

import re
import threading
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.embedded.stack import Stack

WORKER = "worker.astana"
OURS = {"Sec-Fetch-Site": "same-origin"}
PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(live: Stack):
    """A browser that nobody has logged in to yet; it follows redirects."""
    with httpx.Client(base_url=live.origin, headers=PAGE, follow_redirects=True, trust_env=False) as http:
        yield http


def log_in(live: Stack, browser: httpx.Client, next: str = "/intake/worklist", login: str = WORKER) -> httpx.Response:
    form = browser.get("/session/log-in", params={"next": next})
    assert form.url.path == "/oidc/authorize"
    return browser.post(form.url, data={"login": login, "password": live.secrets.users[login]})


@pytest.fixture
def at_work(live: Stack, browser: httpx.Client) -> httpx.Client:
    assert log_in(live, browser).status_code == 200
    return browser


def test_a_page_leads_to_the_log_in_and_back(live: Stack, browser: httpx.Client):
    asked = browser.get("/intake/worklist?view=center")
    assert asked.url.path == "/oidc/authorize"
    query = parse_qs(asked.url.query.decode())
    assert query["code_challenge_method"] == ["S256"]
    assert query["nonce"]
    assert query["state"]
    back = browser.post(asked.url, data={"login": WORKER, "password": live.secrets.users[WORKER]})
    assert (back.url.path, back.url.query, back.status_code) == ("/intake/worklist", b"view=center", 200)
    assert [answer.status_code for answer in back.history] == [302, 303]


def test_two_cookies_on_one_origin_and_none_that_a_script_can_read(live: Stack, browser: httpx.Client):
    back = log_in(live, browser)
    set_here = [c for answer in (*back.history, back) for c in answer.headers.get_list("set-cookie")]
    kept = {each.partition("=")[0]: each for each in set_here if "Max-Age=0" not in each and "1970" not in each}
    assert set(kept) == {"bt_access", "bt_refresh"}
    for cookie in kept.values():
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
    assert not [name for name in browser.cookies if name.startswith("bt_log_in_")]


@pytest.mark.parametrize("service", ["intake", "casework", "referrals", "notifications"])
def test_one_log_in_is_good_for_all_services_and_any_of_them_renews_it(at_work: httpx.Client, service: str):
    path = {
        "intake": "/intake/v1/worklist",
        "casework": "/casework/v1/cases",
        "referrals": "/referrals/v1/referrals",
        "notifications": "/notifications/v1/messages",
    }[service]
    at_work.cookies.delete("bt_access")
    answer = at_work.get(path)
    assert answer.status_code == 200
    assert "bt_access=" in answer.headers["set-cookie"]
    assert "bt_refresh" not in answer.headers["set-cookie"]


def test_panels_that_renew_at_the_same_moment_do_not_log_each_other_out(live: Stack, at_work: httpx.Client):
    refresh = at_work.cookies["bt_refresh"]
    answers: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=live.origin, cookies={"bt_refresh": refresh}, trust_env=False) as http:
            answers.append(http.get("/intake/v1/worklist").status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6


def test_log_out_ends_it_at_the_issuer_too(live: Stack, at_work: httpx.Client):
    refresh = at_work.cookies["bt_refresh"]
    out = at_work.post("/session/log-out", headers=OURS)
    assert out.status_code == 200
    assert not {"bt_access", "bt_refresh"} & set(at_work.cookies)
    with httpx.Client(base_url=live.origin, cookies={"bt_refresh": refresh}, trust_env=False) as http:
        answer = http.get("/intake/v1/worklist")
    assert answer.status_code == 401
    assert "bt_refresh=;" in ", ".join(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "null"}],
    ids=str,
)
def test_what_another_site_sends_is_refused_and_not_given_back(live: Stack, at_work: httpx.Client, headers):
    answer = at_work.post("/intake/search", data={"q": "Canary"}, headers=headers)
    assert answer.status_code == 403
    assert "Canary" not in answer.text
    assert at_work.post("/intake/v1/persons/search", json={"q": "Canary"}, headers=headers).status_code == 403
    for name in ("bt_access", "bt_refresh"):
        at_work.cookies.delete(name)
    answer = at_work.post("/intake/search", data={"q": "Canary"}, headers=headers)
    assert answer.status_code == 401
    assert "Canary" not in answer.text


def test_an_equal_origin_does_where_a_browser_does_not_say_the_site(live: Stack, at_work: httpx.Client):
    answer = at_work.post("/intake/search", data={"q": "nobody at all"}, headers={"Origin": live.origin})
    assert answer.status_code == 200


def test_a_form_that_comes_after_the_session_is_given_back_with_all_that_was_typed(at_work: httpx.Client):
    for name in ("bt_access", "bt_refresh"):
        at_work.cookies.delete(name)
    typed = {"_key": "key-of-this-form", "need": 'Two "rooms" <b>', "grounds": ["a", "b"]}
    answer = at_work.post("/intake/register", data=typed, headers=OURS)
    assert answer.status_code == 401
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    assert ("_key", "key-of-this-form") in fields
    assert ("need", "Two &#34;rooms&#34; &lt;b&gt;") in fields
    assert [value for name, value in fields if name == "grounds"] == ["a", "b"]
    assert ("_restore", "1") in fields
    assert 'action="/intake/register"' in answer.text


@pytest.mark.parametrize(
    "next",
    ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1", ""],
)
def test_log_in_leads_nowhere_but_to_this_origin(live: Stack, browser: httpx.Client, next: str):
    back = log_in(live, browser, next=next)
    assert str(back.url).startswith(live.origin)
    assert back.url.path == "/intake/worklist"


def test_a_code_of_an_attempt_that_was_not_begun_here_logs_nobody_in(live: Stack, browser: httpx.Client):
    form = browser.get("/session/log-in")
    with httpx.Client(base_url=live.origin, trust_env=False, cookies=browser.cookies) as issuer_only:
        sent = issuer_only.post(
            str(form.url), data={"login": WORKER, "password": live.secrets.users[WORKER]}, follow_redirects=False
        )
    callback = urlsplit(sent.headers["location"])
    with httpx.Client(base_url=live.origin, headers=PAGE, trust_env=False) as victim:
        answer = victim.get(f"{callback.path}?{callback.query}")
        assert answer.status_code == 400
        assert not victim.cookies


def test_a_program_is_told_so_in_json_and_a_person_by_a_page(live: Stack):
    with httpx.Client(base_url=live.origin, trust_env=False) as http:
        program = http.get("/intake/worklist")
        assert (program.status_code, program.headers["content-type"]) == (401, "application/problem+json")
        person = http.get("/intake/worklist", headers=PAGE)
        assert person.status_code == 303
        assert person.headers["location"].startswith("/session/log-in?next=")


def test_the_language_chosen_on_a_page_stays(live: Stack, at_work: httpx.Client):
    back = at_work.get("/session/language", params={"to": "kk", "next": "/intake/worklist"})
    assert back.url.path == "/intake/worklist"
    assert '<html lang="kk"' in back.text
    assert '<html lang="kk"' in at_work.get("/intake/worklist", headers={"Accept-Language": "en"}).text
    assert at_work.get("/session/language", params={"to": "xx", "next": "//evil.example"}).url.path == "/intake/worklist"


def test_who_has_no_pages_yet_is_told_so(live: Stack, browser: httpx.Client):
    back = log_in(live, browser, next="", login="auditor")
    assert (back.status_code, back.url.path) == (200, "/session/home")
    assert browser.get("/intake/worklist").status_code == 403
