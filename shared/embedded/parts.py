"""What the embedded stack consists of, as data: which programs, with which settings, on which ports."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.embedded import mongod, ports
from shared.embedded.log_ins import STAFF_PAGES, Secrets
from shared.embedded.process import ROOT, program
from shared.embedded.trouble import Trouble

HERE = Path(__file__).parent
GRACE_SECONDS = 2
"""How long the gateway lets open connections finish."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One of our services. `client`: the OAuth client that it is when it calls another one."""

    name: str
    package: str
    client: str | None = None


SERVICES = (
    Service(name="intake", package="services.intake"),
    Service(name="casework", package="services.casework"),
    Service(name="referrals", package="services.referrals", client="service-referrals"),
    Service(name="notifications", package="services.notifications", client="service-notifications"),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that has to be known before the first program starts.

    `mongo_url` is the database's; `mongod_port` the port of our own mongod, None where somebody else runs it.
    """

    data_dir: Path
    port: int
    mongo_url: str
    mongod_port: int | None
    log: str
    secrets: Secrets = field(repr=False)
    services: tuple[Service, ...] = SERVICES
    environment: Mapping[str, str] = field(default_factory=dict)
    mongod_options: tuple[str, ...] = ()
    """For our own mongod, after those that it always gets."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program. It is ready when `port` is open and, where there is a `health`, that path answers 200.

    `stage` is its place when all are stopped, lowest first.
    """

    name: str
    command: tuple[str, ...]
    port: int
    stage: int
    environment: Mapping[str, str] = field(repr=False)
    health: str = ""


def database(plan: Plan) -> Part | None:
    """Our own mongod, unless somebody else's is used."""
    if plan.mongod_port is None:
        return None
    try:
        command = mongod.command(plan.data_dir / "mongod", plan.mongod_port)
    except mongod.NoMongod as missing:
        raise Trouble(f"{missing} Give the URL of a replica set: MONGO_URL=… make run.") from None
    command += plan.mongod_options
    return Part(name="mongod", command=tuple(command), port=plan.mongod_port, stage=2, environment={})


def programs(plan: Plan) -> list[Part]:
    """All parts but the database: issuer, a web process and a worker of each service, gateway."""
    parts = [_issuer(plan)]
    for service in plan.services:
        parts += [_web(plan, service), _worker(plan, service)]
    return [*parts, _gateway(plan)]


def preparation(plan: Plan) -> tuple[str, ...]:
    """The command that migrates and seeds all databases."""
    packages = [service.package for service in plan.services]
    return (sys.executable, "-m", "shared.embedded.prepare", "shared.embedded.issuer", *packages)


def settings(plan: Plan, service: Service | None = None) -> dict[str, str]:
    """The settings (environment) of a process; those of `service` with the client that it is."""
    issuer = f"http://127.0.0.1:{plan.port + ports.ISSUER}/oidc"
    client = service.client if service else None
    return {
        "MONGO_URL": plan.mongo_url,
        "LOG": plan.log,
        "DATA_DIR": str(plan.data_dir),
        "ORIGIN": plan.origin,
        "ISSUER": f"{plan.origin}/oidc",
        "JWKS_URL": f"{issuer}/jwks",
        "TOKEN_URL": f"{issuer}/token",
        "INTAKE_URL": f"http://127.0.0.1:{plan.port + ports.WEB['intake']}",
        "SYNTHETIC_IINS": "true",
        "CLIENT_ID": client or "",
        "CLIENT_SECRET": plan.secrets.clients[client] if client else "",
        "MALLOC_ARENA_MAX": "2",  # eight threads would otherwise keep eight heaps
        "WORKER_METRICS_PORT": str(plan.port + ports.METRICS[service.name]) if service else "0",
        **plan.environment,
    }


def _issuer(plan: Plan) -> Part:
    port = plan.port + ports.ISSUER
    command = _gunicorn("shared.embedded.issuer.app:create_app()")
    environment = {**settings(plan), "PORT": str(port), "SERVICE": "issuer"}
    return Part(
        name="issuer", command=command, port=port, stage=1, environment=environment, health="/oidc/healthz"
    )


def _web(plan: Plan, service: Service) -> Part:
    port = plan.port + ports.WEB[service.name]
    command = _gunicorn(f"{service.package}.app:create_app()")
    environment = {
        "PAGES_CLIENT_ID": STAFF_PAGES,
        "PAGES_CLIENT_SECRET": plan.secrets.clients.get(STAFF_PAGES, ""),
        **settings(plan, service),
        "PORT": str(port),
        "SERVICE": service.name,
    }
    health = f"/{service.name}/healthz"
    return Part(
        name=service.name, command=command, port=port, stage=1, environment=environment, health=health
    )


def _worker(plan: Plan, service: Service) -> Part:
    return Part(
        name=f"{service.name}-worker",
        command=(sys.executable, "-m", service.package, "worker"),
        port=plan.port + ports.METRICS[service.name],
        stage=0,
        environment=settings(plan, service),
    )


def _gunicorn(app: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gunicorn", "-c", str(HERE / "gunicorn_conf.py"), app)


def _gateway(plan: Plan) -> Part:
    # What it keeps for itself (an id of the installation, a saved configuration) goes under DATA_DIR, not into the home.
    folder = str(plan.data_dir / "caddy")
    upstreams = {name.upper(): f"127.0.0.1:{plan.port + offset}" for name, offset in ports.WEB.items()}
    environment = {
        "HOME": folder,
        "XDG_DATA_HOME": folder,
        "XDG_CONFIG_HOME": folder,
        "GATEWAY_PORT": str(plan.port),
        "GATEWAY_GRACE": f"{GRACE_SECONDS}s",
        "GATEWAY_DATA": folder,
        "GATEWAY_ASSETS": str(ROOT / ".assets"),
        "GATEWAY_OWN_ASSETS": str(ROOT / "shared" / "ui" / "static"),
        **{f"GATEWAY_{name}": address for name, address in upstreams.items()},
        "GATEWAY_ISSUER": f"127.0.0.1:{plan.port + ports.ISSUER}",
        "GOMAXPROCS": str(min(2, os.cpu_count() or 1)),
        **plan.environment,
    }
    command = (program("caddy"), "run", "--config", str(HERE / "Caddyfile"), "--adapter", "caddyfile")
    return Part(
        name="gateway",
        command=command,
        port=plan.port,
        stage=0,
        environment=environment,
        health="/oidc/healthz",
    )
