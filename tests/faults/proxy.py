"""A TCP proxy on loopback that can harm what it carries, so that a link between two parts can fail while both of them live.

    with Proxy(target=8117) as proxy:                 # whoever connects to proxy.port is carried to 8117
        with proxy.harmed("dropped reply"): …         # loses every tenth answer, and the connection with it
        proxy.hits["dropped reply"]                   # how often that came to pass

The faults:
- `delay`: whatever passes is held up, in each direction.
- `dropped reply`: the request goes in; its answer never comes back, and the connection is cut.
- `half-open`: nothing passes any more in either direction, and nobody is told. A connection that was open then, or was made
  meanwhile, stays dead when the fault is over, as it does when a box in between has forgotten it; only new ones are carried.
- `reset`: every connection that is alive is reset (RST), and afterwards every tenth request resets its own, and does not go in.

Which tenth is drawn at random. One thread does all, so the lines below never meet each other halfway.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Iterator
from types import TracebackType
from typing import Any, TypeVar

FAULTS = ("delay", "dropped reply", "half-open", "reset")
DELAY = 0.05
"""Seconds in each direction. What needs ten answers of the database takes a second longer."""
CHUNK = 2**16
HOST = "127.0.0.1"
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends RST, and forgets what was not sent."""

T = TypeVar("T")


class _Connection:
    """Both ends of what is carried. `is_dead`: nothing passes any more, and neither end is told."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far = near, far
        self.is_dead = False

    def cut(self, with_reset: bool = False) -> None:
        for end in (self.near, self.far):
            if with_reset and not end.is_closing():
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            end.transport.abort()


class Proxy:
    """`port`: where it listens; any that is free where it is 0. `share`: of what passes, how much `dropped reply` and `reset` hit."""

    def __init__(self, target: int, port: int = 0, share: float = 0.1) -> None:
        self.port = port
        self.hits: Counter[str] = Counter()
        self._target, self._share = target, share
        self._fault = ""
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {target}", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._server = self._ask(asyncio.start_server(self._accept, HOST, self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ask(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextlib.contextmanager
    def harmed(self, fault: str) -> Iterator[None]:
        """For the length of the block."""
        self._ask(self._set(fault))
        try:
            yield
        finally:
            self._ask(self._set(""))

    # ------------------------------------------------------------------ in the proxy's own thread

    def _ask(self, work: Awaitable[T]) -> T:
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result(10)

    async def _set(self, fault: str) -> None:
        self._fault = fault
        for connection in [each for each in self._connections if not each.is_dead]:
            if fault == "half-open":
                self.hits[fault] += 1
                connection.is_dead = True
            elif fault == "reset":
                self.hits[fault] += 1
                connection.cut(with_reset=True)

    async def _end(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cut()
        while self._connections:
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            answers, far = await asyncio.open_connection(HOST, self._target)
        except OSError:
            near.transport.abort()
            return
        connection = _Connection(near, far)
        self._connections.add(connection)
        try:
            await asyncio.gather(
                self._carry(reader, far, connection, is_reply=False),
                self._carry(answers, near, connection, is_reply=True),
            )
        finally:
            connection.cut()
            self._connections.discard(connection)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        connection: _Connection,
        is_reply: bool,
    ) -> None:
        """Everything that comes from `source`, until its end, which the other side is told of."""
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                if await self._passes(connection, is_reply):
                    sink.write(data)
                    await sink.drain()
        if not connection.is_dead:
            sink.close()

    async def _passes(self, connection: _Connection, is_reply: bool) -> bool:
        """Whether what has just come on this connection goes on. Does to it what the fault wants."""
        fault = self._fault
        if fault == "half-open" and not connection.is_dead:
            self.hits[fault] += 1
            connection.is_dead = True
        if connection.is_dead:
            return False
        if fault == "delay":
            self.hits[fault] += 1
            await asyncio.sleep(DELAY)
        hit_on = {"dropped reply": True, "reset": False}.get(fault)
        if hit_on is is_reply and random.random() < self._share:
            self.hits[fault] += 1
            connection.cut(with_reset=fault == "reset")
            return False
        return True


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work
