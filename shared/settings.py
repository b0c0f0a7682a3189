"""Settings that all services share, read from the environment once, at the start of a process.

Every field is an environment variable of the same name in capitals. `docs/settings.md` lists them, and a test holds that page
against this class. A value that cannot be read ends the process with one clear line that names the variable.

    settings = load(Settings)            # os.environ
    settings = load(Settings, {"MONGO_URL": "mongodb://…"})
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, TypeVar, get_type_hints

import msgspec


class BadSetting(SystemExit):
    """A setting cannot be used. It is a SystemExit, so that a process ends with the text and no traceback."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every process of every service needs to know about the world around it."""

    mongo_url: str = "mongodb://127.0.0.1:8117/?replicaSet=rs0"
    """The replica set that holds the service's database (and, with the embedded log, the log)."""
    database_prefix: str = ""
    """Put before the names of the databases (`intake`, `casework`, …, `log`), so that several stacks can share a mongod."""
    log: Literal["embedded", "kafka"] = "embedded"
    """Which event log carries the events."""
    kafka_bootstrap: str = "127.0.0.1:9092"
    """With LOG=kafka: where the brokers answer, `host:port,host:port`. Topics and groups carry DATABASE_PREFIX too."""
    kafka_partitions: int = 6
    """With LOG=kafka: how many partitions a topic gets when it is made."""
    kafka_replication: int = 1
    """With LOG=kafka: on how many brokers a topic is kept when it is made (three in earnest)."""
    data_dir: str = ".data"
    """Where a process may keep files (the file sender of notifications)."""
    origin: str = "http://127.0.0.1:8000"
    """The one origin under which people and programs reach all services."""
    issuer: str = ""
    """`iss` of the tokens; `<origin>/oidc` where it is empty."""
    jwks_url: str = ""
    """Where the issuer's keys are fetched, straight from the issuer; `<issuer>/jwks` where it is empty."""
    token_url: str = ""
    """Where a service fetches its own token, straight from the issuer; `<issuer>/token` where it is empty."""
    intake_url: str = "http://127.0.0.1:8101"
    """Where intake's two doors answer, straight at the service's port."""
    client_id: str = ""
    """The OAuth client that this service is when it calls another one (`service-referrals`, `service-notifications`)."""
    client_secret: str = field(default="", repr=False)
    """That client's secret."""
    pages_client_id: str = "staff-pages"
    """The OAuth client through which people log in to the pages."""
    pages_client_secret: str = field(default="", repr=False)
    """That client's secret; every web process renews log-ins with it."""
    synthetic_iins: bool = False
    """Whether IINs whose 7th digit is 9 are accepted. Nobody has one; only a demo or test stack sets this."""
    worker_metrics_port: int = 0
    """Port on loopback where the worker shows its metrics; 0 shows none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe line that is written to standard error."""

    @property
    def issuer_url(self) -> str:
        return self.issuer or f"{self.origin}/oidc"

    @property
    def revocation_url(self) -> str:
        return f"{self.tokens_url.rpartition('/')[0]}/revoke"

    @property
    def keys_url(self) -> str:
        return self.jwks_url or f"{self.issuer_url}/jwks"

    @property
    def tokens_url(self) -> str:
        return self.token_url or f"{self.issuer_url}/token"

    def database(self, service: str) -> str:
        """Name of the database of `service`, or of the embedded log (`log`)."""
        return f"{self.database_prefix}{service}"


S = TypeVar("S", bound=Settings)


def load(kind: type[S], environment: Mapping[str, str] | None = None) -> S:
    """Read a settings class from the environment. Raises BadSetting (one line, the variable's name) for an unusable value."""
    environment = os.environ if environment is None else environment
    hints = get_type_hints(kind)
    values = {}
    for each in fields(kind):
        name = each.name.upper()
        if name not in environment:
            continue
        try:
            values[each.name] = msgspec.convert(environment[name], hints[each.name], strict=False)
        except msgspec.ValidationError as error:
            raise BadSetting(f"Setting {name}: {error}.") from None
    return kind(**values)
