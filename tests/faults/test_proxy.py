"""The proxy does to what it carries what the scenarios of links say, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time

import pytest

from tests.faults.proxy import DELAY, HOST, Proxy

SILENCE = 0.3


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(100):
                self.server.got.append(data)
                self.request.sendall(data)


class Echoes(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Echo)
        self.got: list[bytes] = []


@pytest.fixture
def echo():
    with Echoes() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo):
    with Proxy(echo.server_address[1], share=1.0) as proxy:
        yield proxy


@pytest.fixture
def client(proxy):
    with socket.create_connection((HOST, proxy.port), timeout=5) as client:
        assert says(client, b"before") == b"before"
        yield client


def says(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(100)


def test_without_a_fault_everything_passes(client, proxy):
    assert says(client, b"one") == b"one"
    assert not proxy.hits


def test_delay_holds_up_what_passes_in_each_direction(client, proxy):
    begun = time.monotonic()
    with proxy.harmed("delay"):
        assert says(client, b"late") == b"late"
    assert time.monotonic() - begun >= 2 * DELAY
    assert proxy.hits["delay"] == 2


def test_a_dropped_reply_was_asked_for_and_never_comes(client, proxy, echo):
    with proxy.harmed("dropped reply"):
        assert says(client, b"asked") == b""
    assert echo.got == [b"before", b"asked"]
    assert proxy.hits["dropped reply"] == 1


def test_reset_ends_what_is_open_and_lets_no_request_in(client, proxy, echo):
    with proxy.harmed("reset"):
        with pytest.raises(ConnectionResetError):
            client.recv(100)
        with socket.create_connection((HOST, proxy.port), timeout=5) as another:
            another.sendall(b"asked")
            with pytest.raises(ConnectionResetError):
                another.recv(100)
    assert echo.got == [b"before"]


def test_half_open_tells_nobody_and_what_was_open_stays_dead(client, proxy, echo):
    with proxy.harmed("half-open"):
        client.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            says(client, b"asked")
    with proxy.harmed("reset"), pytest.raises(TimeoutError):
        says(client, b"asked again")
    assert echo.got == [b"before"]
    with socket.create_connection((HOST, proxy.port), timeout=5) as another:
        assert says(another, b"new") == b"new"


def test_where_nobody_listens_the_connection_is_cut():
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        with (
            Proxy(nobody.getsockname()[1]) as proxy,
            socket.create_connection((HOST, proxy.port), timeout=5) as client,
        ):
            assert client.recv(100) == b""
