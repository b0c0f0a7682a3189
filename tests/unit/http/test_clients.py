"""Calls to another service: they end in time, and wait for nobody."""

from __future__ import annotations

import threading

import httpx
import pytest

from shared import telemetry
from shared.clients import ServiceClient, TokenSource
from shared.refusals import Unavailable

TOKENS = "http://issuer/oidc/token"


class World:
    """An issuer and another service, behind one transport."""

    def __init__(self) -> None:
        self.issued = 0
        self.lifetime = 900
        self.calls: list[httpx.Request] = []
        self.answer = lambda request: httpx.Response(200, json={"allowed": True})
        self.now = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oidc/token":
            assert request.headers["Authorization"].startswith("Basic ")
            assert request.content == b"grant_type=client_credentials"
            self.issued += 1
            return httpx.Response(200, json={"access_token": f"t{self.issued}", "expires_in": self.lifetime})
        self.calls.append(request)
        return self.answer(request)

    def client(self, **options) -> ServiceClient:
        http = httpx.Client(transport=httpx.MockTransport(self))
        tokens = TokenSource(TOKENS, "service-referrals", "secret", http=http, clock=lambda: self.now)
        return ServiceClient("http://intake/", tokens, http=http, **options)


@pytest.fixture
def world() -> World:
    return World()


def test_a_call_carries_token_trace_and_headers(world):
    with telemetry.continue_trace("00-" + "a" * 32 + "-" + "b" * 16 + "-01") as mine:
        assert world.client().post("/intake/v1/x", {"a": 1}, {"Accept-Language": "kk"}) == (
            200,
            {"allowed": True},
        )
    (call,) = world.calls
    assert str(call.url) == "http://intake/intake/v1/x"
    assert call.headers["Authorization"] == "Bearer t1"
    assert call.headers["Accept-Language"] == "kk"
    assert call.headers["traceparent"] == mine
    assert mine.split("-")[1] == "a" * 32


def test_a_token_is_kept_until_near_its_end(world):
    client = world.client()
    for _ in range(5):
        client.post("/x", {})
    assert world.issued == 1
    world.now = 900 - 31
    client.post("/x", {})
    assert world.issued == 1
    world.now = 900 - 29
    client.post("/x", {})
    assert world.issued == 2


def test_a_refused_token_is_replaced_once(world):
    world.answer = lambda request: httpx.Response(
        401 if request.headers["Authorization"] == "Bearer t1" else 200, json={}
    )
    assert world.client().post("/x", {}) == (200, {})
    assert world.issued == 2
    world.answer = lambda request: httpx.Response(401, json={"type": "/problems/unauthenticated"})
    assert world.client().post("/x", {})[0] == 401
    assert len(world.calls) == 4


@pytest.mark.parametrize("status", [403, 404, 409, 422])
def test_what_the_other_one_refuses_is_the_callers_to_judge(world, status):
    world.answer = lambda request: httpx.Response(status, json={"status": status})
    assert world.client().post("/x", {}) == (status, {"status": status})


def timed_out(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("late", request=request)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    "answer",
    [
        timed_out,
        unreachable,
        lambda request: httpx.Response(500, json={}),
        lambda request: httpx.Response(503, json={}),
        lambda request: httpx.Response(200, content=b"<html>"),
        lambda request: httpx.Response(200, json=[1]),
    ],
)
def test_what_is_no_answer_is_unavailable(world, answer):
    world.answer = answer
    with pytest.raises(Unavailable) as refused:
        world.client().post("/x", {})
    assert refused.value.retry_after == 5


def test_an_issuer_that_is_away_is_unavailable(world):
    http = httpx.Client(transport=httpx.MockTransport(unreachable))
    client = ServiceClient("http://intake", TokenSource(TOKENS, "c", "s", http=http), http=http)
    with pytest.raises(Unavailable):
        client.post("/x", {})


def test_who_comes_beyond_the_slots_is_told_at_once(world):
    inside, go_on = threading.Semaphore(0), threading.Event()

    def hang(request: httpx.Request) -> httpx.Response:
        inside.release()
        assert go_on.wait(10)
        return httpx.Response(200, json={})

    world.answer = hang
    client = world.client(slots=2)
    hanging = [threading.Thread(target=client.post, args=("/x", {})) for _ in range(2)]
    for thread in hanging:
        thread.start()
    try:
        assert all(inside.acquire(timeout=10) for _ in hanging)
        with pytest.raises(Unavailable) as refused:
            client.post("/x", {})
        assert refused.value.retry_after == 1
    finally:
        go_on.set()
        for thread in hanging:
            thread.join(10)
    assert client.post("/x", {}) == (200, {})  # the slots are free again
