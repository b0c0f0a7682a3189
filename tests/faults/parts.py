"""The parts of a stack by their names: a service's web process has its name, its worker is `<service>-worker`."""

from __future__ import annotations

from tests.oracle import AGGREGATES

SERVICES = tuple(AGGREGATES)
WORKERS = tuple(f"{service}-worker" for service in SERVICES)


def kind_of(part: str) -> str:
    """The kind of process by which kills are counted: `web`, `worker`, else the part's own name (`mongod`)."""
    if "-worker" in part:
        return "worker"
    return "web" if part in SERVICES else part
