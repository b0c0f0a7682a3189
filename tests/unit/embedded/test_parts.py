"""What the stack consists of, where it listens, and what its parts are told."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared.embedded import install, parts, ports
from shared.embedded.folder import open_folder
from shared.embedded.issuer.accounts import load_accounts
from shared.embedded.log_ins import Secrets, make_secrets, read_secrets
from shared.embedded.parts import SERVICES, Plan
from shared.embedded.trouble import Trouble


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        data_dir=tmp_path,
        port=9000,
        mongo_url="mongodb://127.0.0.1:9117/?replicaSet=rs0",
        mongod_port=9117,
        log="embedded",
        secrets=make_secrets(tmp_path),
        environment={"LOG_LEVEL": "debug"},
    )


def test_each_service_has_a_web_process_and_a_worker(plan: Plan):
    names = [part.name for part in parts.programs(plan)]
    expected = [name for service in SERVICES for name in (service.name, f"{service.name}-worker")]
    assert names == ["issuer", *expected, "gateway"]


def test_ports_are_those_of_the_contract_and_never_shared(plan: Plan):
    taken = {part.name: part.port - plan.port for part in parts.programs(plan)}
    assert taken == {
        "gateway": 0,
        "intake": 101, "casework": 102, "referrals": 103, "notifications": 104, "issuer": 105,
        "intake-worker": 121, "casework-worker": 122, "referrals-worker": 123, "notifications-worker": 124,
    }


def test_what_a_stack_is_told_beside_goes_to_every_program_and_its_mongod(plan: Plan):
    assert all(part.environment["LOG_LEVEL"] == "debug" for part in parts.programs(plan))
    told = replace(plan, mongod_options=("--oplogSize", "8"))
    assert parts.database(told).command == (*parts.database(plan).command, "--oplogSize", "8")


def test_services_reach_issuer_and_intake_past_the_gateway(plan: Plan):
    told = parts.settings(plan, SERVICES[2])
    assert told["ORIGIN"] == "http://127.0.0.1:9000"
    assert told["ISSUER"] == "http://127.0.0.1:9000/oidc"
    assert told["JWKS_URL"] == "http://127.0.0.1:9105/oidc/jwks"
    assert told["TOKEN_URL"] == "http://127.0.0.1:9105/oidc/token"
    assert told["INTAKE_URL"] == "http://127.0.0.1:9101"
    assert told["CLIENT_ID"] == "service-referrals"
    assert told["CLIENT_SECRET"] == plan.secrets.clients["service-referrals"]
    assert told["WORKER_METRICS_PORT"] == "9123"
    assert told["SYNTHETIC_IINS"] == "true"
    assert told["LOG_LEVEL"] == "debug"


def test_a_service_without_a_client_gets_no_secret(plan: Plan):
    told = parts.settings(plan, SERVICES[0])
    assert told["CLIENT_ID"] == told["CLIENT_SECRET"] == ""


def test_nothing_prints_a_secret(plan: Plan):
    secret = plan.secrets.clients["service-referrals"]
    assert secret not in repr(plan)
    assert secret not in repr(parts.programs(plan))
    assert secret not in repr(load_accounts(plan.secrets, plan.origin))


# -- secrets


def test_secrets_are_made_once_and_are_private(tmp_path: Path):
    made = make_secrets(tmp_path)
    assert make_secrets(tmp_path) == read_secrets(tmp_path) == made
    assert (tmp_path / "demo-secrets.json").stat().st_mode & 0o777 == 0o600
    every = [*made.users.values(), *made.clients.values()]
    assert len(set(every)) == len(every)


def test_another_folder_has_other_secrets(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert make_secrets(tmp_path / "a").users["auditor"] != make_secrets(tmp_path / "b").users["auditor"]


def test_a_new_demo_user_gets_a_password_and_the_others_keep_theirs(tmp_path: Path):
    made = make_secrets(tmp_path)
    kept = Secrets({login: made.users[login] for login in made.users if login != "auditor"}, made.clients)
    path = tmp_path / "demo-secrets.json"
    path.write_text(path.read_text().replace('"auditor"', '"somebody.else"'))
    again = make_secrets(tmp_path)
    assert {**again.users, "auditor": ""} == {**kept.users, "auditor": ""}
    assert again.users["auditor"]
    assert "somebody.else" not in again.users


def test_without_a_run_there_are_no_secrets(tmp_path: Path):
    with pytest.raises(Trouble, match="make run"):
        read_secrets(tmp_path)


def test_the_demo_users_and_clients_are_those_of_the_contract(tmp_path: Path):
    accounts = load_accounts(make_secrets(tmp_path), "http://127.0.0.1:8000")
    roles = {login: user.claims["roles"] for login, user in accounts.users.items()}
    assert roles == {
        "worker.astana": ["worker"],
        "worker2.astana": ["worker"],
        "supervisor.astana": ["supervisor"],
        "worker.almaty": ["worker"],
        "supervisor.almaty": ["supervisor"],
        "regional.astana": ["regional"],
        "national": ["national"],
        "auditor": ["auditor"],
        "partner.health.astana": ["partner"],
    }
    assert {user.claims.get("center_id") for user in accounts.users.values()} == {"center-71-1", "center-75-1", None}
    assert {name: client.claims.get("roles") for name, client in accounts.clients.items()} == {
        "agency-health-astana": ["partner"],
        "agency-police-astana": ["partner"],
        "agency-employment-astana": ["partner"],
        "agency-guardianship-astana": ["partner"],
        "registry-family-map": ["registry"],
        "service-referrals": ["service"],
        "service-notifications": ["service"],
        "staff-pages": None,
    }


# -- what a person can mend


def test_a_port_in_use_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Trouble, match=rf"Port {port} \(intake\) is in use"):
            ports.check_free(port, "intake")


@pytest.mark.parametrize("port", [0, -1, 65_412, 70_000])
def test_a_port_without_room_above_it_is_refused(port: int):
    with pytest.raises(Trouble, match="cannot be used"):
        ports.check_base(port)


def test_a_block_of_free_ports_is_found():
    base = ports.free_base()
    ports.check_base(base)
    for offset in ports.OFFSETS:
        ports.check_free(base + offset, "any")


def test_a_block_that_is_kept_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch):
    base = ports.free_base()
    monkeypatch.setattr(ports, "FREE_RANGE", [base])
    with ports.hold(base):
        with pytest.raises(Trouble, match="No block of free ports"):
            ports.free_base()
        with pytest.raises(Trouble, match=rf"Port {base + ports.HOLD} .* is in use"):
            ports.hold(base)
    assert ports.free_base() == base


def test_a_full_disk_is_named(tmp_path: Path):
    with pytest.raises(Trouble, match="is full"):
        open_folder(tmp_path / "data", needed=2**62)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match="cannot be used: Not a directory"):
        open_folder(tmp_path / "file" / "data")


def test_the_folder_is_for_its_owner_only(tmp_path: Path):
    folder = open_folder(tmp_path / "data", needed=0)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "logs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("machine", "library", "version", "fits"),
    [
        ("x86_64", "glibc", "2.35", True),
        ("x86_64", "glibc", "2.41", True),
        ("x86_64", "glibc", "2.31", False),
        ("aarch64", "glibc", "2.36", False),
        ("x86_64", "", "", False),
    ],
)
def test_where_the_wheel_with_mongod_runs(machine: str, library: str, version: str, fits: bool):
    assert install.has_wheel(machine, library, version) is fits


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(install, "OLDEST", (sys.version_info[0], sys.version_info[1] + 1))
    with pytest.raises(SystemExit, match="or newer is needed"):
        install.check_machine({})
