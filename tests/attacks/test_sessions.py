"""What another site, another tab or a copied address could do with somebody's log-in: nothing.

`tests/system/test_log_in.py` has how a log-in goes. Here every form is sent from elsewhere (walked over the URL maps), the ways back
from log-in, log-out and language are bent, and attempts to log in are mixed up.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from tests.attacks.pages import (
    PAGE,
    at,
    attempts,
    browser,
    counted,
    maps,
    pages,
    send,
    things,
    versions,
    versions_of,
    with_ids,
)
from tests.system import whose
from tests.system.test_log_in import log_in

__all__ = ["at", "maps", "pages", "things", "versions", "with_ids"]

WORKER, OTHER = "worker.astana", "worker.almaty"
OURS = {"Sec-Fetch-Site": "same-origin"}
LISTS = ("/intake/v1/worklist", "/casework/v1/cases", "/referrals/v1/referrals", "/notifications/v1/messages")
HOME = "/intake/worklist"
EVIL = "evil.example"


@pytest.fixture
def window(stack):
    """A browser that nobody has logged in to yet."""
    with httpx.Client(
        base_url=stack.origin, headers=PAGE, follow_redirects=True, trust_env=False, timeout=20
    ) as http:
        yield http


@pytest.fixture
def at_work(stack, window) -> httpx.Client:
    assert log_in(stack, window).status_code == 200
    return window


# -- requests that another site sends


def foreign(origin: str) -> dict[str, dict[str, str]]:
    """Headers of requests that no page of ours has sent."""
    port = origin.rpartition(":")[2]
    return {
        "no header at all": {},
        "another site": {"Sec-Fetch-Site": "cross-site"},
        "the same site, another port": {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        "typed by hand": {"Sec-Fetch-Site": "none"},
        "another site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": origin},
        "two words": {"Sec-Fetch-Site": "same-origin, cross-site", "Origin": origin},
        "no word": {"Sec-Fetch-Site": "", "Origin": origin},
        "another origin": {"Origin": f"http://{EVIL}"},
        "an origin that begins alike": {"Origin": f"{origin}.{EVIL}"},
        "an origin with another scheme": {"Origin": f"https://127.0.0.1:{port}"},
        "an origin by another name": {"Origin": f"http://localhost:{port}"},
        "an origin with a path": {"Origin": f"{origin}/"},
        "two origins": {"Origin": f"{origin} http://{EVIL}"},
        "an origin that hides": {"Origin": "null"},
        "only where it comes from": {"Referer": f"{origin}/intake/register"},
        "its host said to be ours": {"Origin": f"http://{EVIL}", "X-Forwarded-Host": EVIL},
    }


PROGRAMS = ("service-referrals", "service-notifications")
EVERYWHERE = ("no header at all", "another site", "the same site, another port", "another origin")
NAMES = tuple(foreign("http://127.0.0.1:1"))


@pytest.fixture(scope="module")
def strayed(stack, people):
    """A browser with somebody's cookies that says of itself only what the test says."""

    def made(name: str) -> httpx.Client:
        token = people(name).http.headers["Authorization"].removeprefix("Bearer ")
        http = httpx.Client(base_url=stack.origin, cookies={"bt_access": token}, trust_env=False, timeout=20)
        http.headers["Accept"] = "text/html"
        return http

    known = {name: made(name) for name in (whose.AGENCY, *whose.ASTANA[:2], *PROGRAMS)}
    yield known
    for each in known.values():
        each.close()


def test_no_form_is_taken_from_another_site(
    stack, people, strayed, world, families, routes, pages, things, versions
):
    """By somebody who may send every one of them, on the version that the thing has."""
    family, before, walked = families["open"], counted(world), set()
    for page in pages:
        if page.method == "GET":
            continue
        caller = next(each for each in (family.head, family.holder, whose.AGENCY) if page.allows(each))
        for how in attempts(page, routes, things["open"], versions["open"]):
            own = {"_key": uuid.uuid4().hex} | ({"_version": how["version"]} if how["version"] else {})
            for name in EVERYWHERE:
                headers = foreign(stack.origin)[name]
                answer = send_as(
                    strayed[caller], page, page.path(things["open"]), how["sent"], headers, **own
                )
                assert answer.status_code == 403, f"{page} from {name}: {answer.status_code}"
                assert "set-cookie" not in answer.headers, f"{page} from {name}"
                walked.add(page)
    assert len(walked) > 30
    world.at_rest()
    assert versions_of(people, routes, family) == versions["open"]
    assert counted(world) == before


def test_no_route_of_programs_takes_a_cookie_from_another_site(
    stack, people, strayed, world, families, routes, versions
):
    """By somebody who may use every one of them, with the key or on the version with which it would be carried out."""
    family, before, walked = families["open"], counted(world), 0
    with httpx.Client(base_url=stack.origin, trust_env=False, timeout=20) as nobody:
        for route in routes:
            if route.method == "GET":
                continue
            http = strayed[who_may(route, family)]
            version = versions["open"].get(route.takes[0]) if route.takes else None
            own = {"Idempotency-Key": uuid.uuid4().hex, "If-Match": f'"{version}"'}
            for name in EVERYWHERE:
                headers = {**own, **foreign(stack.origin)[name]}
                for who, status, slug in ((http, 403, "forbidden"), (nobody, 401, "unauthenticated")):
                    answer = sent_to(who, route, family.things, headers)
                    assert answer.status_code == status, f"{route} from {name}: {answer.status_code}"
                    assert answer.json()["type"] == f"/problems/{slug}", f"{route} from {name}"
                    assert not family.told_in(answer.text.replace(answer.json().get("instance", ""), "")), (
                        route
                    )
            walked += 1
    assert walked > 35
    world.at_rest()
    assert versions_of(people, routes, family) == versions["open"]
    assert counted(world) == before


def test_routes_of_programs_take_a_cookie_from_our_own_pages(strayed, families, routes):
    """So that those above are refused for where they come from: on a version that there never was, and without a key."""
    family = families["open"]
    for route in routes:
        if route.method != "GET":
            http = strayed[who_may(route, family)]
            answer = sent_to(http, route, family.things, {**OURS, "If-Match": '"0"'})
            assert answer.status_code not in (401, 403), f"{route}: {answer.status_code} {answer.text[:200]}"


def who_may(route, family: whose.Family) -> str:
    if route.path.endswith("/contact"):
        return "service-notifications"  # of the two programs the door knows this one only
    able = (family.head, family.holder, whose.AGENCY, "service-referrals")
    return next(each for each in able if route.allows(each))


def sent_to(
    http: httpx.Client, route, things: Mapping[str, Any], headers: Mapping[str, str]
) -> httpx.Response:
    headers = {"Accept": "application/json", **headers}
    return http.request(route.method, route.url(things), json=route.example, headers=headers)


def send_as(
    http: httpx.Client, page, path: str, sent, headers: Mapping[str, str], **own: Any
) -> httpx.Response:
    data = httpx.QueryParams([*sent.fields, *((name, str(value)) for name, value in own.items())])
    form = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    return http.request(page.method, path, params=sent.query or None, content=str(data), headers=form)


@pytest.mark.parametrize("name", NAMES)
def test_whatever_another_site_says_of_itself(stack, strayed, name):
    http, headers = strayed[WORKER], foreign(stack.origin)[name]
    answer = http.post("/intake/search", data={"q": "Canary"}, headers=headers)
    assert answer.status_code == 403
    assert "Canary" not in answer.text
    for path, body in (("/intake/v1/persons/search", {"q": "Canary"}), ("/intake/v1/appeals", {})):
        assert http.post(path, json=body, headers=headers).status_code == 403, path


@pytest.mark.parametrize("headers", [OURS, {"Origin": "{origin}"}], ids=str)
def test_our_own_pages_are_believed(stack, strayed, headers):
    """So that those above are refused for where they come from."""
    said = {name: value.format(origin=stack.origin) for name, value in headers.items()}
    assert strayed[WORKER].post("/intake/search", data={"q": "Nobody"}, headers=said).status_code == 200


def test_nobody_is_logged_out_from_another_site_or_by_a_link(stack, at_work):
    for headers in foreign(stack.origin).values():
        bare = {"Sec-Fetch-Site": ""} if "Sec-Fetch-Site" not in headers else {}
        assert at_work.post("/session/log-out", headers={**bare, **headers}).status_code == 403
    assert at_work.get("/session/log-out").status_code == 405
    assert at_work.get(LISTS[0]).status_code == 200


# -- where one is led


TRICKS = (
    "//evil.example",
    "///evil.example",
    "////evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\u00a0//evil.example",
    "\u2028//evil.example",
    "/\u200b/evil.example",
    "/\x00/evil.example",
    "http://evil.example",
    "HTTP://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:\\\\evil.example",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "evil.example",
    ".evil.example",
    "@evil.example",
    ":80@evil.example",
    "/%2f%2fevil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "%2e%2e//evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/x/..//evil.example",
    "/./\\evil.example",
    "/\u2044/evil.example",
    "/\uff0f/evil.example",
    "/\u2215evil.example",
    "/\uff3cevil.example",
    "/@evil.example",
    "/intake/worklist\r\nSet-Cookie: bt_access=x",
    "/intake/worklist\r\n\r\n<script>",
    "/?next=//evil.example",
    "/session/language?to=kk&next=//evil.example",
    "/session/log-in?next=//evil.example",
    "/" + "a" * 3000,
    "",
)


def leads_to(base: str, location: str) -> str:
    """The address to which a browser goes: it drops tabs and line ends, takes a backslash for a slash, and needs no two slashes
    before a host, nor minds more of them (WHATWG URL)."""
    plain = re.sub(r"[\t\n\r]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    scheme, slashes, rest = re.fullmatch(r"(?s)(https?:)?(/*)(.*)", plain, re.IGNORECASE).groups()
    if len(slashes) >= 2 or (scheme and scheme[:-1].lower() != urlsplit(base).scheme):
        return urljoin(base, f"{scheme or ''}//{rest}")
    return urljoin(base, plain)


def places(origin: str, answer: httpx.Response) -> Iterator[str]:
    """Where a browser is led by an answer and by those before it."""
    for each in (*answer.history, answer):
        if "location" in each.headers:
            raw = next(value for name, value in each.headers.raw if name.lower() == b"location")
            yield leads_to(str(each.request.url), raw.decode("latin-1"))


def assert_stays(origin: str, answer: httpx.Response) -> None:
    led = list(places(origin, answer))
    assert led, "nowhere"
    for place in led:
        assert place.startswith(f"{origin}/"), f"leads to {place}"
    for each in (*answer.history, answer):
        assert not [
            cookie for cookie in each.headers.get_list("set-cookie") if cookie.startswith("bt_access=x")
        ]


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "////evil.example/",
        "/\t/evil.example",
        "\\/evil.example",
        "http://evil.example",
        "http:\\\\evil.example",
        "https:/evil.example",
        "https:evil.example",
    ],
)
def test_a_browser_would_be_led_astray_by_these(address):
    """So that the tests below can fail."""
    assert urlsplit(leads_to("http://127.0.0.1:1/session/language", address)).hostname == EVIL


@pytest.mark.parametrize(
    "address", ["/evil.example", "evil.example", "http:/evil.example", "/a//evil.example"]
)
def test_a_browser_would_not_be_led_astray_by_these(address):
    assert urlsplit(leads_to("http://127.0.0.1:1/session/language", address)).netloc == "127.0.0.1:1"


@pytest.mark.parametrize("next", TRICKS, ids=repr)
def test_the_choice_of_a_language_leads_nowhere_else(stack, window, next):
    window.follow_redirects = False
    assert_stays(stack.origin, window.get("/session/language", params={"to": "en", "next": next}))


@pytest.mark.parametrize("query", ["next=/a&next=//evil.example", "next=//evil.example&next=/a"])
def test_a_way_that_is_said_twice_is_none(window, query):
    assert window.get(f"/session/language?to=en&{query}").status_code == 422
    assert window.get(f"/session/log-in?{query}").status_code == 422


@pytest.mark.parametrize("next", TRICKS, ids=repr)
def test_log_in_leads_nowhere_else(stack, window, next):
    form = window.get("/session/log-in", params={"next": next})
    assert form.url.path == "/oidc/authorize"
    window.follow_redirects = False
    to_us = window.post(form.url, data={"login": WORKER, "password": stack.secrets.users[WORKER]})
    assert_stays(stack.origin, to_us)
    back = window.get(to_us.headers["location"])
    assert back.status_code == 303
    assert_stays(stack.origin, back)


@pytest.mark.parametrize("name", ["next", "post_logout_redirect_uri", "redirect_uri", "return_to"])
def test_log_out_leads_nowhere_else(stack, at_work, name):
    query = {name: "//evil.example"}
    out = at_work.post("/session/log-out", params=query, data=query, headers=OURS)
    assert out.status_code == 200
    assert_stays(stack.origin, out)
    assert EVIL not in out.text


# -- attempts to log in, mixed up


def begun(stack, window, next: str = "/casework/cases") -> dict[str, str]:
    """An attempt that was begun in a window: what the issuer was asked."""
    to_issuer = window.get("/session/log-in", params={"next": next}, follow_redirects=False)
    return {
        name: values[0] for name, values in parse_qs(urlsplit(to_issuer.headers["location"]).query).items()
    }


def code_for(stack, window, asked: Mapping[str, str], login: str) -> str:
    """The code that the issuer gives for what was asked, to somebody with his own password."""
    form = {"login": login, "password": stack.secrets.users[login]}
    answer = window.post("/oidc/authorize", params=dict(asked), data=form, follow_redirects=False)
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def came_back(window, state: str, code: str) -> httpx.Response:
    return window.get("/session/callback", params={"state": state, "code": code}, follow_redirects=False)


def nobody_came_in(window, answer: httpx.Response) -> bool:
    return answer.status_code == 400 and not {"bt_access", "bt_refresh"} & set(window.cookies)


def test_a_code_of_somebody_else_is_worth_nothing_in_an_attempt_of_ones_own(stack, window):
    with browser(stack.origin) as evil:
        theirs = begun(stack, evil)
        code = code_for(stack, evil, theirs, OTHER)
        mine = begun(stack, window)
        assert nobody_came_in(window, came_back(window, mine["state"], code))
        assert nobody_came_in(window, came_back(window, theirs["state"], code))


def test_a_code_that_answers_another_nonce_or_challenge_is_worth_nothing(stack, window):
    for name, value in (("nonce", uuid.uuid4().hex), ("code_challenge", "A" * 43)):
        asked = begun(stack, window)
        code = code_for(stack, window, {**asked, name: value}, WORKER)
        assert nobody_came_in(window, came_back(window, asked["state"], code)), name


def test_an_attempt_is_good_for_one_log_in(stack, window):
    asked = begun(stack, window)
    code = code_for(stack, window, asked, WORKER)
    assert came_back(window, asked["state"], code).status_code == 303
    again = came_back(window, asked["state"], code)
    assert again.status_code == 400
    assert "set-cookie" not in again.headers


def test_an_attempt_that_somebody_has_written_himself_is_none(stack, window):
    """State, nonce and verifier stand in a signed cookie: none of another name, of another attempt or with another end is taken."""
    first, second = begun(stack, window), begun(stack, window)
    kept = {name: value for name, value in window.cookies.items() if name.startswith("bt_log_in_")}
    assert len(kept) == 2
    (one, its), (two, theirs) = kept.items()
    code = code_for(stack, window, second, WORKER)
    for value in (its, f"{theirs}x", theirs[:-1], theirs.swapcase(), theirs.rpartition(".")[0], "x.y.z", ""):
        window.cookies.set(two, value, domain="127.0.0.1", path="/session")
        with httpx.Client(base_url=stack.origin, trust_env=False, cookies={two: value, one: its}) as http:
            assert nobody_came_in(http, came_back(http, second["state"], code)), value
    for state in (
        "",
        "x",
        first["state"][:12],
        second["state"][:-1],
        f"{second['state']}x",
        second["state"].swapcase(),
    ):
        with httpx.Client(base_url=stack.origin, trust_env=False, cookies=kept) as http:
            assert nobody_came_in(http, came_back(http, state, code)), state
    with httpx.Client(base_url=stack.origin, trust_env=False, cookies=kept) as http:
        assert came_back(http, second["state"], code).status_code == 303  # nothing of that has used it up


def test_cookies_that_were_there_before_do_not_outlive_a_log_in(stack, window):
    """Another has planted his own: whoever logs in now is himself at every service."""
    with browser(stack.origin) as evil:
        evil.follow_redirects = True
        log_in(stack, evil, login=OTHER)
        planted = {name: evil.cookies[name] for name in ("bt_access", "bt_refresh")}
    for name, value in planted.items():
        window.cookies.set(name, value, domain="127.0.0.1", path="/")
    log_in(stack, window)
    assert not {window.cookies[name] for name in planted} & set(planted.values())
    staff = window.get("/casework/v1/staff", headers={"Accept": "application/json"}).json()["items"]
    assert {each["center_id"] for each in staff} == {"center-71-1"}


# -- cookies, and the end of a log-in


def test_every_cookie_is_for_our_pages_only(stack, window):
    """Log-in, a form that is done, the language, log-out: whatever is set."""
    answers = [window.get("/session/log-in", follow_redirects=False)]
    answers.append(log_in(stack, window))
    answers.append(window.get("/session/language", params={"to": "kk"}))
    window.cookies.delete("bt_access")
    answers.append(window.get(HOME))
    answers.append(window.post("/session/log-out", headers=OURS))
    said = [
        line
        for answer in answers
        for each in (*answer.history, answer)
        for line in each.headers.get_list("set-cookie")
    ]
    names = {line.partition("=")[0] for line in said}
    assert {"bt_access", "bt_refresh", "bt_language"} <= names
    assert any(name.startswith("bt_log_in_") for name in names)
    for line in said:
        name, attributes = (
            line.partition("=")[0],
            {part.strip().partition("=")[0].lower() for part in line.split(";")[1:]},
        )
        assert "SameSite=Lax" in line, line
        assert "domain" not in attributes, line
        assert name == "bt_language" or "httponly" in attributes, line
        path = "/session" if name.startswith("bt_log_in_") else "/"
        assert re.search(rf"Path={path}(;|$)", line), line


def test_log_out_ends_the_way_in_by_cookies_at_all_services(stack, at_work):
    kept = {name: at_work.cookies[name] for name in ("bt_access", "bt_refresh")}
    assert {at_work.get(path).status_code for path in LISTS} == {200}
    at_work.post("/session/log-out", headers=OURS)
    for path in LISTS:
        assert at_work.get(path).status_code == 401, path
        with httpx.Client(
            base_url=stack.origin, trust_env=False, cookies={"bt_refresh": kept["bt_refresh"]}
        ) as thief:
            assert thief.get(path).status_code == 401, path
            assert "bt_access" not in thief.cookies


def test_going_back_after_log_out_shows_no_page_that_was_kept(at_work):
    answer = at_work.get(HOME)
    assert answer.headers["Cache-Control"] == "no-store"
    at_work.post("/session/log-out", headers=OURS)
    assert at_work.get(HOME).url.path == "/oidc/authorize"


# -- what every page says to the browser


def sources(policy: str) -> dict[str, set[str]]:
    return {words[0]: set(words[1:]) for part in policy.split(";") if (words := part.split())}


def assert_shut(answer: httpx.Response, what: str) -> None:
    """In no frame, with no script of others, kept nowhere, and telling nobody where one comes from."""
    headers, policy = answer.headers, sources(answer.headers["Content-Security-Policy"])
    assert policy["default-src"] == {"'none'"}, what
    assert policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}, what
    assert set().union(*policy.values()) <= {"'none'", "'self'", "data:"}, what
    assert "data:" not in policy.get("script-src", set()), what
    assert headers["Cache-Control"] == "no-store", what
    assert headers["X-Content-Type-Options"] == "nosniff", what
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin"), what


def test_every_page_is_shut_to_others_and_kept_nowhere(at, families, routes, pages, things):
    """Shown, refused, and given back with what was typed: by everybody who has pages."""
    shown = set()
    for page in pages:
        able = [
            each
            for each in ("supervisor.astana", WORKER, "partner.health.astana", "auditor")
            if page.allows(each)
        ]
        for caller in {*able[:1], WORKER, "partner.health.astana", "auditor"}:
            for how in attempts(page, routes, things["open"], {}):
                path = page.path(things["open"])
                if page.method == "GET":
                    answer = at(caller).get(path, headers=how["headers"])
                else:
                    answer = send(
                        at(caller), page, path, how["sent"], _version=0, _key=uuid.uuid4().hex, _restore=1
                    )
                assert answer.headers["X-Frame-Options"] == "DENY", f"{page} for {caller}"
                assert_shut(answer, f"{page} for {caller}: {answer.status_code}")
                if answer.status_code == 200:
                    shown.add(page)
    assert len(shown) > 50


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/intake/nothing", "/session/callback?state=x", "/oidc/authorize", "/oidc/end-session"],
)
def test_pages_that_are_for_everybody_are_shut_too(stack, path):
    with browser(stack.origin) as http:
        answer = http.get(path)
        assert "text/html" in answer.headers["Content-Type"] or answer.status_code == 400
        if "text/html" in answer.headers["Content-Type"]:
            policy = sources(answer.headers["Content-Security-Policy"])
            assert (policy["default-src"], policy["frame-ancestors"]) == ({"'none'"}, {"'none'"})
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
