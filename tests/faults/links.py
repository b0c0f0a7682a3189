"""The links between the parts of a stack, each led through a proxy of its own.

    with Links(base, broker) as links:
        Stack(folder, base, environment=links.environment)
        links.origin                                      # where people and agencies go
        with links.harmed("database", "half-open"): …

| link | from → to |
|---|---|
| `gateway` | people and agencies → gateway |
| `services` | gateway → each service |
| `doors` | referrals and notifications → intake, straight |
| `database` | every process → mongod |
| `log` | workers → the Kafka broker, where there is one |

What asks the issuer (for keys and tokens, at its start and then once in minutes) goes to it straight: a link that nobody uses while it
is harmed would show nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType

from shared.embedded import ports
from shared.embedded.kafka import Broker
from tests.faults.proxy import HOST, Proxy


class Links:
    def __init__(self, base: int, broker: Broker | None) -> None:
        """`base`: the port of the stack that is to be led through them. `broker`: one with a proxy's port, if the log is on it."""
        self._by_name = {
            "gateway": {"": Proxy(base)},
            "services": {name: Proxy(base + offset) for name, offset in ports.WEB.items()},
            "doors": {"": Proxy(base + ports.WEB["intake"])},
            "database": {"": Proxy(base + ports.MONGOD)},
        }
        if broker:
            self._by_name["log"] = {"": Proxy(broker.proxied, broker.proxy)}

    @property
    def names(self) -> list[str]:
        return list(self._by_name)

    @property
    def origin(self) -> str:
        return f"http://{self._address('gateway')}"

    @property
    def environment(self) -> dict[str, str]:
        """What the parts are told about each other."""
        told = {
            # Straight to this address: the replica set knows its member by the other one.
            "MONGO_URL": f"mongodb://{self._address('database')}/?directConnection=true",
            "INTAKE_URL": f"http://{self._address('doors')}",
            **{f"GATEWAY_{name.upper()}": self._address("services", name) for name in ports.WEB},
        }
        return told | ({"KAFKA_BOOTSTRAP": self._address("log")} if "log" in self._by_name else {})

    @contextlib.contextmanager
    def harmed(self, link: str, fault: str) -> Iterator[None]:
        """For the length of the block."""
        with contextlib.ExitStack() as harmed:
            for proxy in self._by_name[link].values():
                harmed.enter_context(proxy.harmed(fault))
            yield

    def hits(self, link: str, fault: str) -> int:
        """How often it came to pass so far."""
        return sum(proxy.hits[fault] for proxy in self._by_name[link].values())

    def __enter__(self) -> Links:
        with contextlib.ExitStack() as begun:
            for proxies in self._by_name.values():
                for proxy in proxies.values():
                    begun.enter_context(proxy)
            self._open = begun.pop_all()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def _address(self, link: str, name: str = "") -> str:
        return f"{HOST}:{self._by_name[link][name].port}"
