"""Passwords and secrets of the demo users and clients: made for one DATA_DIR, kept there, printed by `make run`, nowhere else.

    secrets = make_secrets(data_dir)  # the runner: makes what is missing, once
    secrets = read_secrets(data_dir)  # the issuer and `make token`

Who there is stands in `shared/reference/demo_users.toml`. Errors: Trouble where `make run` has not been there yet.
"""

from __future__ import annotations

import json
import os
import secrets as random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.embedded.trouble import Trouble

DEMO_USERS = Path(__file__).parents[1] / "reference" / "demo_users.toml"
STAFF_PAGES = "staff-pages"
"""The client through which people log in."""
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letters that are taken for one another: people type these."""


@dataclass(frozen=True)
class Secrets:
    """`users`: login → password; `clients`: client id → secret. Never printed by accident: `repr` shows nothing."""

    users: Mapping[str, str] = field(repr=False)
    clients: Mapping[str, str] = field(repr=False)


def demo_users() -> dict[str, list[dict[str, Any]]]:
    """`{user: [{login, roles, …}], client: [{id, roles, …}]}`, as the file has it."""
    return tomllib.loads(DEMO_USERS.read_text())


def make_secrets(data_dir: Path) -> Secrets:
    """The secrets kept in `data_dir`; what is missing is made now. The file is readable by its owner only."""
    path = _path(data_dir)
    kept = json.loads(path.read_text()) if path.exists() else {"users": {}, "clients": {}}
    lines = demo_users()
    users = {line["login"]: kept["users"].get(line["login"]) or _password() for line in lines["user"]}
    clients = {line["id"]: kept["clients"].get(line["id"]) or _password() for line in lines["client"]}
    if {"users": users, "clients": clients} != kept:
        write_private(path, json.dumps({"users": users, "clients": clients}, indent=1))
    return Secrets(users, clients)


def read_secrets(data_dir: Path) -> Secrets:
    """The secrets kept in `data_dir`. Raises Trouble where `make run` has not been there yet."""
    try:
        kept = json.loads(_path(data_dir).read_text())
    except FileNotFoundError:
        raise Trouble(
            f"There are no demo log-ins in {data_dir} yet: start the stack first (make run)."
        ) from None
    return Secrets(kept["users"], kept["clients"])


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _password() -> str:
    """Nearly 60 bits, in three groups that can be read aloud."""
    return "-".join("".join(random.choice(ALPHABET) for _ in range(4)) for _ in range(3))


def _path(data_dir: Path) -> Path:
    return data_dir / "demo-secrets.json"
