"""The gateway in front of two tiny services: what it lets through, what it changes, and what it answers itself."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from shared.embedded.stack import Stack
from tests.callers import until
from tests.system.standin.common import LET_GO


@pytest.fixture
def stack(standin) -> Stack:
    return standin.stack


@pytest.fixture
def http(stack: Stack):
    with httpx.Client(base_url=stack.origin, trust_env=False) as client:
        yield client


def raw(stack: Stack, request: bytes, limit: float = 10.0) -> bytes:
    """Send bytes as they are; everything that comes back."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=limit) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def problem(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "instance"}
    assert body["status"] == answer.status_code
    return body["type"]


# -- where things go


@pytest.mark.parametrize("path", ["/intake/echo", "/casework/echo"])
def test_the_first_segment_decides_and_nothing_is_stripped(http: httpx.Client, path: str):
    assert http.get(path).json()["path"] == path


@pytest.mark.parametrize("path", ["/problems/not-found", "/session/login", "/intake"])
def test_pages_of_all_services_are_intakes(http: httpx.Client, path: str):
    answer = http.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        404,
        "text/html; charset=utf-8",
    )  # the service's own


def test_the_front_door_leads_to_the_worklist(http: httpx.Client):
    answer = http.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/session/home")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/intakes",
        "/Casework/echo",
        "/intake/../nothing",
        "/%2e%2e/casework/echo",
        "/oidc",
        "/metrics",
    ],
)
def test_everything_else_is_not_found(stack: Stack, path: str):
    answer = raw(
        stack, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nConnection: close\r\n\r\n".encode()
    )
    assert b" 404 " in answer.split(b"\r\n")[0]


def test_localhost_leads_to_the_one_origin(stack: Stack):
    answer = httpx.get(f"http://localhost:{stack.port}/intake/docs?a=1", trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{stack.origin}/intake/docs?a=1")


@pytest.mark.parametrize("host", ["evil.example", "birtereze", "127.0.0.2"])
def test_another_host_is_refused(http: httpx.Client, stack: Stack, host: str):
    answer = http.get("/intake/echo", headers={"Host": f"{host}:{stack.port}"})
    assert answer.status_code == 421
    problem(answer)


# -- what services see


def test_a_caller_cannot_pretend_to_be_somewhere_else(http: httpx.Client, stack: Stack):
    forged = {
        "X-Forwarded-For": "8.8.8.8",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-Ip": "8.8.8.8",
        "Forwarded": "for=8.8.8.8",
    }
    seen = http.get("/intake/echo", headers=forged).json()
    assert seen["remote"] == "127.0.0.1"
    assert seen["headers"]["Host"] == f"127.0.0.1:{stack.port}"
    assert not any(
        "8.8.8.8" in value or "evil" in value or value == "443" for value in seen["headers"].values()
    )


def test_the_request_id_goes_on_if_it_looks_like_one(http: httpx.Client):
    def seen(offered: str) -> str:
        return http.get("/intake/echo", headers={"X-Request-Id": offered}).json()["headers"]["X-Request-Id"]

    assert seen("abc-12345678") == "abc-12345678"
    for bad in ("short", "x" * 65, "has space in it", 'quote"quote"'):
        assert seen(bad) != bad
    assert http.get("/nothing", headers={"X-Request-Id": "abc-12345678"}).json()["instance"] == "abc-12345678"
    assert len(http.get("/nothing", headers={"X-Request-Id": '"}{"'}).json()["instance"]) == 36


def test_etags_come_through_as_they_are(http: httpx.Client):
    answer = http.get("/intake/echo", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert answer.headers["ETag"] == '"7"'
    assert "Content-Encoding" not in answer.headers


# -- what it refuses itself


def test_a_body_of_a_mebibyte_passes_and_one_more_byte_does_not(http: httpx.Client):
    assert http.post("/intake/echo", content=b"x" * 2**20).json()["body"] == 2**20
    assert http.post("/intake/echo", content=b"x" * (2**20 + 1)).status_code == 413


def test_a_body_without_a_length_is_measured_too(http: httpx.Client):
    def chunks(n: int):
        for _ in range(n):
            yield b"x" * 2**16

    assert http.post("/intake/echo", content=chunks(15)).json()["body"] == 15 * 2**16
    answer = http.post("/intake/echo", content=chunks(17))
    assert answer.status_code == 413
    assert problem(answer) == "/problems/too-large"
    refused = http.post(
        "/intake/unmeasured", content=b"x"
    )  # which of the two is first is the same to the caller
    assert refused.status_code == 413
    assert problem(refused) == "/problems/too-large"


def test_a_long_address_and_large_headers_are_refused_as_problems(http: httpx.Client):
    assert problem(http.get("/intake/echo?" + "a" * 5000)) == "/problems/bad-request"
    large = http.get(
        "/intake/echo", headers={"X-Large": "a" * 9000}
    )  # more than gunicorn takes, less than the gateway
    assert large.status_code in (400, 431)
    assert problem(large) == "/problems/bad-request"


@pytest.mark.parametrize(
    ("languages", "title"),
    [
        ("kk-KZ,kk;q=0.9,ru;q=0.8", "Табылмады"),
        ("ru-RU", "Не найдено"),
        ("en-GB,en;q=0.9", "Not found"),
        ("de", "Не найдено"),
        ("", "Не найдено"),
    ],
)
def test_its_own_errors_speak_three_languages(http: httpx.Client, languages: str, title: str):
    answer = http.get("/nothing", headers={"Accept-Language": languages})
    assert problem(answer) == "/problems/not-found"
    assert answer.json()["title"] == title


def test_a_browser_gets_a_page(http: httpx.Client):
    answer = http.get("/nothing", headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "kk"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<html lang="kk"' in answer.text
    assert ">Табылмады</h1>" in answer.text
    assert 'href="/session/home"' in answer.text
    styles = re.findall(r'rel="(?:stylesheet|icon)" href="([^"]+)"', answer.text)
    assert len(styles) == 5
    assert [http.get(path).status_code for path in styles] == [200] * 5


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_page_of_an_error_says_what_to_do(http: httpx.Client, language: str):
    def said(path: str) -> list[str]:
        page = http.get(path, headers={"Accept": "text/html", "Accept-Language": language}).text
        return re.findall(r">([^<{}]+)</(?:h1|p|a)>", page)

    unknown, malformed = said("/nothing"), said("/intake/echo?" + "a" * 5000)
    assert len(unknown) == len(malformed) == 3  # a heading, what to do, the way to the worklist
    assert unknown[:2] != malformed[:2]


# -- what the pages use


def test_files_of_the_pages_are_served(http: httpx.Client):
    for path, kind in {
        "npm/govuk-frontend.min.css": "text/css; charset=utf-8",
        "npm/htmx.min.js": "text/javascript; charset=utf-8",
        "own/tokens.css": "text/css; charset=utf-8",
        "images/icon-close-cross-black.svg": "image/svg+xml",
        "fonts/ibm-plex-sans-cyrillic-ext-400-normal.woff2": "font/woff2",
    }.items():
        answer = http.get(f"/assets/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_file_is_kept_when_its_address_names_its_version(http: httpx.Client):
    assert (
        http.get("/assets/npm/htmx.min.js?v=1").headers["Cache-Control"]
        == "public, max-age=31536000, immutable"
    )
    answer = http.get("/assets/npm/htmx.min.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = http.get("/assets/npm/htmx.min.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_files_are_compressed(http: httpx.Client):
    answer = http.get("/assets/npm/govuk-frontend.min.css", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "govuk-button" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "",
        "npm",
        "npm/",
        "own/",
        ".installed",
        "own/nothing.css?v=1",
        "own/../../ui/pages.py",
        "npm/%2e%2e/%2e%2e/Makefile",
    ],
)
def test_nothing_else_is_served_and_nothing_is_listed(stack: Stack, path: str):
    head = f"GET /assets/{path} HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nConnection: close\r\n\r\n"
    answer = raw(stack, head.encode())
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"Cache-Control: no-store" in answer


def test_files_are_only_read(http: httpx.Client):
    answer = http.post("/assets/own/tokens.css")
    assert answer.status_code == 404
    assert problem(answer) == "/problems/not-found"


def test_slow_senders_hold_no_thread_of_a_service(stack: Stack, http: httpx.Client):
    head = b"POST /intake/echo HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 1000\r\n\r\nabc" % stack.port
    slow = [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(40)]
    try:
        for connection in slow:
            connection.sendall(head)
        answered = threading.Event()

        def ask():
            if http.get("/intake/healthz", timeout=10).status_code == 200:
                answered.set()

        begun = time.monotonic()
        for _ in range(5):
            answered.clear()
            ask()
            assert answered.is_set()
        assert time.monotonic() - begun < 5  # with held threads it would be 15 s for one
    finally:
        for connection in slow:
            connection.close()


@contextmanager
def crowd(lines: httpx.Client, stack: Stack, many: int) -> Iterator[list[httpx.Response]]:
    """So many who ask intake at once, and whom it answers only at the end of the block; the answers in the order in which they come."""
    let_go = stack.data_dir / LET_GO
    let_go.unlink(missing_ok=True)
    answers: list[httpx.Response] = []
    with ThreadPoolExecutor(many) as people:
        try:
            for _ in range(many):
                people.submit(lambda: answers.append(lines.get("/intake/held")))
            yield answers
        finally:
            let_go.touch()


@pytest.fixture
def lines(stack: Stack):
    """As many telephone lines as somebody wants."""
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=stack.origin, limits=limits, timeout=30, trust_env=False) as client:
        yield client


def test_more_than_a_service_can_take_is_refused_at_once_and_not_queued(lines: httpx.Client, stack: Stack):
    with crowd(lines, stack, 120) as answers:
        until(lambda: len(answers) >= 80, "most are answered while the others are held")
        refused = list(answers)
        assert {answer.status_code for answer in refused} == {503}
        assert {problem(answer) for answer in refused} == {"/problems/unavailable"}
        assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
    served = [answer.status_code for answer in answers].count(200)
    assert len(answers) == 120
    assert 32 <= served <= 40  # a few may slip in together with the last one
    assert lines.get("/intake/slow").status_code == 200


def test_what_is_too_much_for_one_service_is_not_for_another(lines: httpx.Client, stack: Stack):
    with crowd(lines, stack, 60) as answers:
        until(lambda: answers, "somebody is refused")
        assert lines.get("/intake/healthz").status_code == 503
        assert lines.get("/casework/healthz").status_code == 200


def test_its_log_has_no_query_and_no_headers(http: httpx.Client, stack: Stack):
    http.get(
        "/intake/echo?q=canary-query",
        headers={"Authorization": "Bearer canary-token", "X-Any": "canary-header"},
    )
    http.get("/nothing?q=canary-query", headers={"Cookie": "a=canary-cookie"})
    end, text = time.monotonic() + 10, ""
    while '"/nothing' not in text and time.monotonic() < end:
        text = stack.log_file("gateway").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert any(line.get("request", {}).get("uri") == "/intake/echo" for line in lines)
    assert "canary" not in text
