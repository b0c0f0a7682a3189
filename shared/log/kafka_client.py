"""How a Kafka client is made here, and what its errors and records mean to the log (see `shared.log.kafka`).

    addresses = brokers("127.0.0.1:9092")               # BadSetting where that can be no broker's address
    with admin(addresses) as client, answering():       # KafkaError inside → LogAway
        client.list_topics()

Made for kafka-python 3.0.12. What is known about it and heeded here:
- A client that finds no broker raises in its constructor and leaves its I/O thread running: `connected` ends it.
- It leaves a socket that could not be connected to the garbage collector: `_Direct` closes it.
- It warns of deprecated functions when it is imported, which a process where warnings are errors does not survive. So it is
  imported here alone, and taken from here: `from shared.log.kafka_client import kafka`.
- Unless told otherwise it asks the broker to make topics that it does not know.
"""

from __future__ import annotations

import logging
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="(read_text|open_text|contents|is_resource|path) is deprecated")
    import kafka
    from kafka.errors import KafkaError
    from kafka.net.compat import KafkaNetClient
    from kafka.net.inet import KafkaNetSocket

from shared.log import Delivery, LogAway, Message
from shared.settings import BadSetting

# The client tells of each of its attempts while no broker answers; ours say once what it comes to.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

C = TypeVar("C")
CONNECT_SECONDS = 3.0
"""How long a new client looks for a broker."""
REQUEST_SECONDS = 5.0
"""How long a request may go without an answer."""
READY_SECONDS, PAUSE_SECONDS = 5.0, 0.1
NOT_READY = (
    kafka.errors.CoordinatorNotAvailableError,
    kafka.errors.CoordinatorLoadInProgressError,
    kafka.errors.NotCoordinatorError,
)
RECONNECT_SECONDS = 0.5
"""The longest pause between two attempts to connect: a broker that is back is found at once."""


class _Direct(KafkaNetSocket):
    """A connection without a proxy. The library finds it by the scheme of its setting `proxy_url`."""

    SCHEMES = ("direct",)

    async def sock_connect(self, net: Any, sock: socket.socket, *arguments: Any, **options: Any) -> Any:
        try:
            return await super().sock_connect(net, sock, *arguments, **options)
        except BaseException:
            sock.close()
            raise


def brokers(bootstrap: str) -> list[str]:
    """The addresses of `host:port,host:port`. Raises BadSetting where they cannot be read or none of the hosts exists."""
    addresses = [address.strip() for address in bootstrap.split(",")]
    hosts = [_host(address) for address in addresses]
    if not any(_exists(host) for host in hosts):
        raise BadSetting(f"Setting KAFKA_BOOTSTRAP: there is no host {' or '.join(hosts)}.")
    return addresses


def _host(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadSetting(f"Setting KAFKA_BOOTSTRAP: {address!r} is not host:port.")
    return host.strip("[]")


def _exists(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


@contextmanager
def answering() -> Iterator[None]:
    """What Kafka says about the log's own requests is the log's trouble."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise LogAway(type(error).__name__) from error


def connected(make: Callable[..., C], addresses: Sequence[str], *arguments: Any, **options: Any) -> C:
    """A client of that class, connected. Raises LogAway where no broker answers; then nothing of it is left."""
    nets: list[KafkaNetClient] = []

    def net(**config: Any) -> KafkaNetClient:
        nets.append(KafkaNetClient(**config))
        return nets[-1]

    try:
        return make(
            *arguments,
            bootstrap_servers=list(addresses),
            kafka_client=net,
            proxy_url="direct://",
            bootstrap_timeout_ms=milliseconds(CONNECT_SECONDS),
            reconnect_backoff_max_ms=milliseconds(RECONNECT_SECONDS),
            **options,
        )
    except (KafkaError, OSError) as error:
        for each in nets:
            each.close()
        raise LogAway(f"no broker answers ({type(error).__name__})") from error


@contextmanager
def admin(addresses: Sequence[str]) -> Iterator[kafka.KafkaAdminClient]:
    """A client for questions and orders: made for the occasion, so that none outlives what it knows of the brokers."""
    client = connected(kafka.KafkaAdminClient, addresses, request_timeout_ms=milliseconds(REQUEST_SECONDS))
    try:
        with answering():
            yield client
    finally:
        client.close()


def ask(addresses: Sequence[str], question: Callable[[kafka.KafkaAdminClient], C]) -> C:
    """What the brokers answer; asks again for a while where they are there but not ready to speak of a group yet."""
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            with admin(addresses) as client:
                return question(client)
        except LogAway as away:
            if not isinstance(away.__cause__, NOT_READY) or time.monotonic() > end:
                raise
        time.sleep(PAUSE_SECONDS)


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def fields(message: Message) -> dict[str, Any]:
    """What a producer is given: text as UTF-8."""
    return {
        "key": message.key.encode(),
        "value": message.value,
        "headers": [(name, text.encode()) for name, text in message.headers.items()],
    }


def delivery(topic: str, record: Any) -> Delivery:
    """A record as the log delivers it. What is no text is read as far as it goes: somebody else wrote it, and it is no event."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    message = Message((record.key or b"").decode(errors="replace"), headers, record.value or b"")
    return Delivery(topic, f"{record.partition}/{record.offset}", message)
