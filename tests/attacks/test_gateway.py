"""Requests that no browser sends, on raw sockets through the real gateway: what it and a service could read differently, addresses that
want to be somebody else's, headers that want to be believed, and senders that never come to an end.

What a service sees is told by two tiny ones (`tests/system/standin`); where an answer could be somebody else's, it is asked of the
real ones. `tests/system/test_stack_gateway.py` has what the gateway is for.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from shared.embedded.stack import Stack
from tests.callers import until
from tests.system.conftest import standin

__all__ = ["standin"]

CLOSE = "Connection: close\r\n"
STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
SEEN = re.compile(rb'"path":"([^"]*)"')
ECHO, HIDDEN, LAST = "/intake/echo", "/casework/echo", "/intake/healthz"


def raw(stack: Stack, request: bytes, seconds: float = 10.0) -> tuple[int, bytes]:
    """Send bytes as they are: our own port, and everything that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=seconds) as connection:
        answer = b""
        with suppress(ConnectionError):  # it may close before it has read everything
            connection.sendall(request)
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
        return connection.getsockname()[1], answer


def statuses(answer: bytes) -> list[int]:
    return [status for found in STATUS.findall(answer) if (status := int(found)) != 100]


def logged(stack: Stack, port: int) -> list[tuple[str, int]]:
    """(address, status) of the requests that the gateway has seen from a port of ours."""
    lines = [
        json.loads(line) for line in stack.log_file("gateway").read_text().splitlines() if '"request"' in line
    ]
    return [
        (line["request"]["uri"], line["status"])
        for line in lines
        if line["msg"] == "handled request" and line["request"]["remote_port"] == str(port)
    ]


def get(stack: Stack, target: str, headers: str = "") -> bytes:
    head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\n{headers}{CLOSE}\r\n"
    return head.encode("utf-8", "surrogateescape")


# -- where one request ends and the next begins


def requests(host: str) -> dict[str, tuple[str, str, list[int]]]:
    """Name → headers, body, and how it is answered. In each body stands a request that must be nobody's but the sender's.

    501 is what RFC 9112 (6.1) wants said of an encoding that is not known; after a chunk that is wrong the gateway may go on reading.
    """
    inner = f"GET {HIDDEN} HTTP/1.1\r\n{host}\r\n"
    ends = f"0\r\n\r\n{inner}"
    length, chunked = f"Content-Length: {len(inner)}\r\n", "Transfer-Encoding: chunked\r\n"
    chunk = f"{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"
    abc = "3\r\nabc\r\n0\r\n\r\n"
    return {
        # With both, the chunks count (RFC 9112, 6.1): what follows them is the sender's next request, and the gateway knows it.
        "length and chunks": (f"Content-Length: {len(ends)}\r\n{chunked}", ends, [200, 200, 200]),
        "chunks and length": (f"{chunked}Content-Length: 4\r\n", chunk, [200, 200]),
        "a body of a GET's size": (length, inner, [200, 200]),
        "two lengths": (f"Content-Length: 0\r\n{length}", inner, [400]),
        "the same length twice": (length * 2, inner, [200, 200]),
        "a list of lengths": (f"Content-Length: 3, {len(inner)}\r\n", f"abc{inner}", [400]),
        "a length with a sign": ("Content-Length: +3\r\n", f"abc{inner}", [400]),
        "a length below zero": ("Content-Length: -3\r\n", f"abc{inner}", [400]),
        "a length in hex": ("Content-Length: 0x3\r\n", f"abc{inner}", [400]),
        "a length with a point": ("Content-Length: 3.0\r\n", f"abc{inner}", [400]),
        "a length of other digits": ("Content-Length: ٣\r\n", f"abc{inner}", [400]),
        "an empty length": ("Content-Length:\r\n", f"abc{inner}", [400]),
        "a length beyond numbers": (f"Content-Length: {10**20}\r\n", inner, [400]),
        "chunks, and not": (f"{chunked}Transfer-Encoding: identity\r\n", ends, [501]),
        "not, and chunks": ("Transfer-Encoding: identity, chunked\r\n", ends, [501]),
        "chunks twice": (f"{chunked}{chunked}", ends, [501]),
        "chunks of another kind": (f"Transfer-Encoding: xchunked\r\n{length}", inner, [501]),
        "chunks after a tab": (f"Transfer-Encoding: \x0bchunked\r\n{length}", inner, [400]),
        "chunks with a space before the colon": (f"Transfer-Encoding : chunked\r\n{length}", inner, [400]),
        "chunks on the next line": (f"Transfer-Encoding:\r\n chunked\r\n{length}", ends, [200, 200, 200]),
        "chunks on the next line, and none": (f"Transfer-Encoding:\r\n chunked\r\n{length}", inner, [400]),
        "a length with an underscore": (f"Content_Length: 3\r\n{length}", inner, [200, 200]),
        "a chunk below zero": (chunked, f"-3\r\nabc\r\n{ends}", [400]),
        "a chunk in C's hex": (chunked, f"0x3\r\nabc\r\n{ends}", [400]),
        "a chunk beyond numbers": (chunked, f"{'f' * 17}\r\nabc\r\n{ends}", [400]),
        "a chunk that is longer than it says": (chunked, f"2\r\nabc\r\n{ends}", [400, 400]),
        "chunks with bare line feeds": (chunked, f"3\nabc\n0\n\n{inner}", [400]),
        "an extension with a line feed": (chunked, f"3;a=b\nx\r\nabc\r\n{ends}", [400]),
        "an extension of 20 KB": (chunked, f"3;{'a' * 20000}\r\nabc\r\n{ends}", [400]),
        "trailers": (f"{chunked}Trailer: Authorization\r\n", abc.replace("0\r\n", f"0\r\n{length}Authorization: x\r\n"), [200, 200]),
        "a header that is folded": (f"X-A: b\r\n {length}Content-Length: 0\r\n", "", [200, 200]),
        "a line that begins with a space": (f" X-A: b\r\n{length}", inner, [400]),
        "bare line feeds": (f"X-A: b\nContent-Length: {len(inner)}\n", inner, [200, 200]),
        "a bare carriage return": (f"X-A: b\r{length}", inner, [400]),
        "a NUL": (f"X-A: b\0c\r\n{length}", inner, [400]),
        "a name with a space": (f"X A: b\r\n{length}", inner, [400]),
        "a name and a space": (f"X-A : b\r\n{length}", inner, [400]),
        "no name": (f": b\r\n{length}", inner, [400]),
        "no colon": (f"XA\r\n{length}", inner, [400]),
        "two hosts": (f"Host: evil.example\r\n{length}", inner, [400]),
        "something expected": (f"Expect: 100-continue\r\n{length}", inner, [200, 200]),
        "something else expected": (f"Expect: x\r\n{length}", inner, [417]),
    }  # fmt: skip


NAMES = tuple(requests("Host: x\r\n"))


@pytest.mark.parametrize("name", NAMES)
def test_nobody_sees_a_request_that_the_gateway_does_not(standin, name):
    stack = standin.stack
    host = f"Host: 127.0.0.1:{stack.port}\r\n"
    headers, body, expected = requests(host)[name]
    sent = f"POST {ECHO} HTTP/1.1\r\n{host}{headers}\r\n{body}GET {LAST} HTTP/1.1\r\n{host}{CLOSE}\r\n"
    port, answer = raw(stack, sent.encode())
    assert statuses(answer) == expected, answer[:600]
    seen = [path.decode() for path in SEEN.findall(answer)]
    assert seen == [ECHO, HIDDEN][: len(seen)]
    assert (HIDDEN in seen) == (len(expected) == 3)
    answered = expected.count(200)
    until(lambda: len(logged(stack, port)) >= answered, "the gateway has logged what it has answered")
    assert [path for path, status in logged(stack, port) if status == 200] == [*seen, LAST][:answered]


def test_after_all_that_everybody_gets_his_own_answer(standin):
    """A request smuggled into a connection between gateway and service would shift the answers on it."""
    with httpx.Client(base_url=standin.stack.origin, trust_env=False) as http:
        for n in range(60):
            path = (ECHO, HIDDEN)[n % 2]
            told = http.get(path, headers={"X-Own": str(n)}).json()
            assert (told["path"], told["headers"]["X-Own"]) == (path, str(n))


# -- what a service believes


HEADERS = {
    "X-Original-URL": HIDDEN,
    "X-Rewrite-URL": HIDDEN,
    "X-Forwarded-Uri": HIDDEN,
    "X-Forwarded-Path": HIDDEN,
    "X-Forwarded-Prefix": "/casework",
    "X-Script-Name": "/casework",
    "Script-Name": "/casework",
    "Path-Info": HIDDEN,
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Server": "evil.example",
    "X-Host": "evil.example",
    "X-Forwarded-For": "8.8.8.8, 9.9.9.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "Forwarded": "for=8.8.8.8;host=evil.example;proto=https",
    "X-Real-Ip": "8.8.8.8",
    "X_Real_Ip": "8.8.8.8",
    "X-Forwarded_For": "8.8.8.8",
    "True-Client-Ip": "8.8.8.8",
    "X-Client-Ip": "8.8.8.8",
    "Remote-Addr": "8.8.8.8",
    "Via": "1.1 evil.example",
}
BELIEVED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Host")


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_makes_nobody_somebody_else(standin, name):
    stack = standin.stack
    _, answer = raw(stack, get(stack, ECHO, f"{name}: {HEADERS[name]}\r\n"))
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (told["path"], told["remote"]) == (ECHO, "127.0.0.1")
    for each in BELIEVED:
        assert not {"8.8.8.8", "evil", "https", "443"} & set(
            re.split(r"[,.: ]+", told["headers"].get(each, ""))
        ), each


@pytest.mark.parametrize("name", HEADERS)
def test_a_real_service_answers_as_if_the_header_were_not_there(stack, people, name):
    worker = people("worker.astana").http
    plain = worker.get("/casework/v1/staff")
    answer = worker.get("/casework/v1/staff", headers={name: HEADERS[name]})
    assert (answer.status_code, answer.json()) == (200, plain.json())
    lost = worker.post("/casework/v1/staff", headers={name: HEADERS[name].replace("DELETE", "GET")})
    assert lost.status_code == 405


def test_a_caller_cannot_have_the_gateways_own_headers_taken_away(standin):
    """`Connection` names headers that go no further: not those by which a service knows who asks."""
    stack = standin.stack
    named = "Connection: x-forwarded-for, x-forwarded-host, x-forwarded-proto, x-request-id, host\r\n"
    _, answer = raw(stack, get(stack, ECHO, f"X-Request-Id: abcdefgh-1\r\n{named}"))
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    assert {name: seen.get(name) for name in BELIEVED} == {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": f"127.0.0.1:{stack.port}",
        "X-Forwarded-Proto": "http",
        "Host": f"127.0.0.1:{stack.port}",
    }
    assert seen["X-Request-Id"] == "abcdefgh-1"


@pytest.mark.parametrize("named", ["authorization", "cookie", "authorization, cookie", "Authorization,close"])
def test_who_has_his_own_credentials_taken_away_is_nobody(stack, people, named):
    token = people("worker.astana").http.headers["Authorization"]
    cookie = f"Cookie: bt_access={token.removeprefix('Bearer ')}\r\n"
    headers = cookie if named == "cookie" else f"Authorization: {token}\r\n"
    _, answer = raw(stack, get(stack, "/casework/v1/staff", f"{headers}Connection: {named}\r\n"))
    assert statuses(answer) == [401]


@pytest.mark.parametrize(
    "headers",
    [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YWFhYWFhYWFhYWFhYWFhYQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
    ],
    ids=["h2c", "h2c without settings", "websocket", "TLS"],
)
def test_no_other_protocol_is_spoken(stack, people, headers):
    token = people("worker.astana").http.headers["Authorization"]
    _, answer = raw(stack, get(stack, "/casework/v1/staff", f"Authorization: {token}\r\n{headers}"))
    assert statuses(answer) in ([200], [400]), answer[:300]
    assert b"HTTP/2" not in answer
    assert len(SEEN.findall(answer)) == 0


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /intake/healthz", 400),
        ("GET /intake/healthz HTTP/2.0", 505),
        ("GET /intake/healthz HTTP/3.0", 505),
        ("GET /intake/healthz HTTP/1.1 x", 400),
        ("GET  /intake/healthz HTTP/1.1", 400),
        ("G(T /intake/healthz HTTP/1.1", 400),
        ("get /intake/healthz HTTP/1.1", 400),
        ("TRACE /intake/healthz HTTP/1.1", 405),
        ("TRACK /intake/healthz HTTP/1.1", 405),
        ("DEBUG /intake/healthz HTTP/1.1", 405),
        ("CONNECT 127.0.0.1:27017 HTTP/1.1", 404),
        ("CONNECT /intake/healthz HTTP/1.1", 405),
        ("PRI * HTTP/2.0", 404),
    ],
)
def test_a_line_that_no_browser_begins_with_is_refused(stack, line, status):
    _, answer = raw(stack, f"{line}\r\nHost: 127.0.0.1:{stack.port}\r\n{CLOSE}\r\n".encode())
    assert statuses(answer) == [status], answer[:300]


# -- whose address it is


STAFF = "/casework/v1/staff"
TARGETS = {
    "http://evil.example/casework/v1/staff": 421,
    "http://evil.example:{port}/casework/v1/staff": 421,
    "http://127.0.0.1:{port}@evil.example/casework/v1/staff": 421,
    "//evil.example/casework/v1/staff": 404,
    "//evil.example//casework/v1/staff": 404,
    "/casework//v1/staff": 308,
    "/casework/v1//staff": 308,
    "/casework/./v1/staff": 404,
    "/casework/v1/staff/": 404,
    "/casework/v1/staff/.": 404,
    "/casework/v1/x/../staff": 404,
    "/casework/v1/x/%2e%2e/staff": 404,
    "/casework/v1/x/%252e%252e/staff": 404,
    "/intake/../casework/v1/staff": 404,
    "/intake/%2e%2e/casework/v1/staff": 404,
    "/intake/..%2fcasework/v1/staff": 404,
    "/intake/%2e%2e%2fcasework%2fv1%2fstaff": 404,
    "/intake/..;/casework/v1/staff": 404,
    "/intake;/../casework/v1/staff": 404,
    "/intake/..%5ccasework/v1/staff": 404,
    "/intake/..%c0%afcasework/v1/staff": 400,
    "/intake/%uff0e%uff0e/casework/v1/staff": 400,
    "/session/..%2f..%2fcasework/v1/staff": 404,
    "/problems/..%2f..%2fcasework/v1/staff": 404,
    "/oidc/..%2fcasework/v1/staff": 404,
    "/assets/own/..%2f..%2fpages.py": 404,
    "/assets/own/%2e%2e/pages.py": 404,
    "/assets/own/..%5c..%5cpages.py": 404,
    "/assets/..%2f..%2fREADME.md": 404,
    "/assets/own/tokens.css%00": 400,
    "/casework/v1/staff%00": 404,
    "/casework/v1/staff%0d%0aX-Injected:%20y": 404,
    "/casework/v1/staff%20": 404,
    "/casework/v1/staff%09": 404,
    "/casework/v1/staff%3flimit=1": 404,
    "/casework/v1/staff%23": 404,
    "/casework/v1/staff#": 404,
    "/casework/v1/staff;a=b": 404,
    "/casework/v1/staff.json": 404,
    "/casework\\v1\\staff": 404,
    "\\casework\\v1\\staff": 400,
    "/CASEWORK/v1/staff": 404,
    "/casework/V1/staff": 404,
    "/casework/v1/staff%": 400,
    "/casework/v1/staff%zz": 400,
    "/casework/v1/%ff": 400,
    "casework/v1/staff": 400,
    "*": 404,
    "?/casework/v1/staff": 400,
    "/casework/v1/staff?limit=1%0d%0aX-Injected:%20y": 422,
    "/casework/v1/staff?limit=1%00": 422,
    "/casework/v1/staff?limit=%ff": 400,
    "/casework/v1/staff?limit=1&limit=2": 422,
    "/casework/v1/staff?limit=1;cursor=x": 422,
    "/casework/v1/staff?%6cimit=1": 200,
    "/casework/v1/%73taff": 200,
    "/%63asework/v1/staff": 200,
    "/casework%2fv1%2fstaff": 200,
    "http://127.0.0.1:{port}/casework/v1/staff": 200,
}
"""Address → how it is answered to somebody who may read the list of staff. 200 are those that name the same address in other words."""


@pytest.mark.parametrize("target", TARGETS)
def test_an_address_is_one_services_or_nobodys(stack, people, target):
    token = people("worker.astana").http.headers["Authorization"]
    headers = f"Authorization: {token}\r\nAccept: application/json\r\n"
    _, answer = raw(stack, get(stack, target.format(port=stack.port), headers))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert statuses(answer) == [TARGETS[target]], answer[:400]
    assert b"X-Injected" not in head
    assert (b'"center_id"' in body) == (TARGETS[target] == 200)
    for place in re.findall(rb"(?i)\r\nlocation: ([^\r]*)", head):
        assert urlsplit(place.decode()).netloc in ("", f"127.0.0.1:{stack.port}")


# -- senders that never come to an end


@pytest.mark.parametrize("service", ["intake", "casework", "referrals", "notifications"])
def test_a_body_that_will_never_end_is_refused_before_it_is_read(stack, service):
    for announced in (2**20 + 1, 10**9, 10**18):
        head = f"POST /{service}/v1/x HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nContent-Length: {announced}\r\n{CLOSE}\r\n"
        _, answer = raw(stack, head.encode())
        assert statuses(answer) == [413]
    head = f"POST /{service}/v1/x HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nTransfer-Encoding: chunked\r\n{CLOSE}\r\n"
    _, answer = raw(
        stack,
        head.encode() + b"10000\r\n" + b"x" * 2**16 + b"\r\n" + (b"10000\r\n" + b"x" * 2**16 + b"\r\n") * 40,
    )
    assert statuses(answer) == [413]


@pytest.mark.parametrize(
    "headers",
    [
        f"X: {'a' * 40_000}\r\n",
        f"X: {'a' * 300_000}\r\n",
        "".join(f"X-{n}: a\r\n" for n in range(3000)),
        f"{'X' * 40_000}: a\r\n",
    ],
    ids=["one of 40 KB", "one of 300 KB", "three thousand", "a name of 40 KB"],
)
def test_headers_without_end_are_refused(stack, headers):
    _, answer = raw(stack, get(stack, "/intake/healthz", headers))
    assert statuses(answer) == [431], answer[:200]


def trickling(stack: Stack, head: bytes, many: int) -> Iterator[socket.socket]:
    for _ in range(many):
        connection = socket.create_connection(("127.0.0.1", stack.port), timeout=10)
        connection.sendall(head)
        yield connection


SLOW = 200
"""Senders at once; a service has eight threads."""


@pytest.mark.parametrize("what", ["headers", "bodies"])
def test_others_are_served_while_many_send_a_byte_now_and_then(stack, people, what):
    """And headers that do not come to their end the gateway cuts off by itself, after five seconds. (Bodies have thirty.)"""
    worker = people("worker.astana")
    token = worker.http.headers["Authorization"]
    head = f"POST /casework/v1/cases/x/help HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nAuthorization: {token}\r\n"
    if what == "bodies":
        head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with ExitStack() as closing:
        slow = [closing.enter_context(each) for each in trickling(stack, head.encode(), SLOW)]
        for _ in range(20):
            assert worker.get(STAFF)["items"]
            for each in slow:
                with suppress(ConnectionError):  # the gateway may have lost its patience already
                    each.sendall(b" ")
        if what == "headers":
            until(lambda: all(is_over(each) for each in slow), "the gateway has closed them", 15)


def is_over(connection: socket.socket) -> bool:
    """Whether the other side has closed."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b"" or is_over(connection)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_everybody_is_served_as_ever(stack, people):
    for service, path in {
        "intake": "/intake/v1/centers",
        "casework": STAFF,
        "referrals": "/referrals/v1/services",
    }.items():
        assert people("worker.astana").get(path)["items"], service
