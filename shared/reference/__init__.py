"""Reference data: regions, centers, agencies and their services, and the lists of codes with their names.

    from shared import reference

    reference.center("center-71-1").name.ru
    reference.region_of("711110000").slug                     # "astana"
    [service for service in reference.services() if service.kind == "health" and service.region == "71"]
    "homelessness" in {ground.code for ground in reference.grounds()}

Everything is read from the files beside this module, once per process, into frozen dataclasses; the order is that of
the files. Each file begins with `version`, `source` and `mark` (what about it is not certain). Names are `Names` in
Kazakh, Russian and English. Look-ups of something that does not exist give None.

**What is real and what is demo.** Codes and names of regions, grounds, measure kinds and levels are the real lists.
The 153 centers, the agencies and the services are a *demo spread*, written by `python -m shared.reference.generate`:
their numbers are real (153 centers; 27 social adaptation centers with 2,402 beds), their places, addresses and phones
are not (an address says "demo"; the area code 000 of the phones belongs to nobody). `staff()` are the demo users.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Names:
    """One name in three languages."""

    kk: str
    ru: str
    en: str

    def __getitem__(self, language: str) -> str:
        """The name in `kk`, `ru` or `en`; in Russian for any other language, as everywhere in the contract."""
        return {"kk": self.kk, "en": self.en}.get(language, self.ru)


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region or a city of that rank. `code` is the first two digits of KATO, `kato` all nine."""

    code: str
    kato: str
    slug: str
    name: Names
    capital: Names
    population: int
    """Approximate; it was used to spread the demo centers."""


@dataclass(frozen=True, kw_only=True)
class InRegion:
    """Something that stands in a region, by its nine-digit KATO."""

    kato: str

    @property
    def region(self) -> str:
        """The two-digit code of the region."""
        return self.kato[:2]


@dataclass(frozen=True, kw_only=True)
class Center(InRegion):
    """A Family Support Center. `number` counts within the region, as in its id `center-<region>-<number>`."""

    id: str
    number: int
    name: Names
    address: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class Agency(InRegion):
    """A body that takes referrals. Its id is `agency-<kind>-<slug of the region>`, from the second on with `-<n>`."""

    id: str
    kind: str
    name: Names


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many places (`unit`: bed) there are, and how many were free at `updated_at`."""

    unit: str
    total: int
    free: int
    updated_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Service(InRegion):
    """What an agency offers; the shape of the contract's directory."""

    id: str
    agency_id: str
    kind: str
    name: Names
    capacity: Capacity | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceKind:
    """A kind of service, and the kind of body that gives it."""

    code: str
    name: Names
    agency: Names


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A ground of a difficult life situation."""

    code: str
    name: Names


@dataclass(frozen=True, kw_only=True)
class MeasureKind:
    """A kind of measure in a plan; `special`: one of the eight special social services."""

    code: str
    special: bool
    name: Names


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of wellbeing of the Digital Family Map, A (well off) to E (emergency)."""

    letter: str
    name: Names


@dataclass(frozen=True, kw_only=True)
class Staff:
    """A worker or supervisor of a center. `id` is the login."""

    id: str
    name: str
    center_id: str
    role: str
    active: bool


@cache
def regions() -> tuple[Region, ...]:
    """The 20 regions, by code."""
    return _read("regions.toml", "region", Region)


@cache
def centers() -> tuple[Center, ...]:
    """The 153 centers, by region and number."""
    return _read("centers.json", "centers", Center)


@cache
def agencies() -> tuple[Agency, ...]:
    """The agencies: in each region at least one for every service kind."""
    return _read("agencies.json", "agencies", Agency)


@cache
def services() -> tuple[Service, ...]:
    """The services of the agencies."""
    return _read("services.json", "services", Service)


@cache
def service_kinds() -> tuple[ServiceKind, ...]:
    """The kinds of services, in the contract's order."""
    return _read("service_kinds.toml", "service_kind", ServiceKind)


@cache
def grounds() -> tuple[Ground, ...]:
    """The grounds of a difficult life situation."""
    return _read("grounds.toml", "ground", Ground)


@cache
def measure_kinds() -> tuple[MeasureKind, ...]:
    """The kinds of measures: the eight special social services first."""
    return _read("special_services.toml", "measure_kind", MeasureKind)


@cache
def levels() -> tuple[Level, ...]:
    """The levels of wellbeing, from the best to the worst."""
    return _read("levels.toml", "level", Level)


@cache
def staff() -> tuple[Staff, ...]:
    """The workers and supervisors among the demo users."""
    return tuple(
        Staff(
            id=user["login"],
            name=user["name"],
            center_id=user["center_id"],
            role=role,
            active=user.get("active", True),
        )
        for user in _demo_users()
        for role in user["roles"]
        if role in ("worker", "supervisor")
    )


@cache
def user_names() -> dict[str, str]:
    """Login → name of all demo users, those of agencies and regions too."""
    return {user["login"]: user["name"] for user in _demo_users()}


def _demo_users() -> list[dict[str, Any]]:
    return tomllib.loads((FOLDER / "demo_users.toml").read_text("utf-8"))["user"]


def region(code: str) -> Region | None:
    """The region with that two-digit code."""
    return _by("code", regions).get(code)


def region_of(kato: str) -> Region | None:
    """The region that a nine-digit KATO code lies in; None if it is not one of a known region."""
    known = len(kato) == 9 and kato.isascii() and kato.isdigit()
    return region(kato[:2]) if known else None


def center(id: str) -> Center | None:
    """The center with that id."""
    return _by("id", centers).get(id)


def agency(id: str) -> Agency | None:
    """The agency with that id."""
    return _by("id", agencies).get(id)


def service(id: str) -> Service | None:
    """The service with that id."""
    return _by("id", services).get(id)


@cache
def _by(key: str, rows: Any) -> dict[str, Any]:
    return {getattr(row, key): row for row in rows()}


def _read(file: str, table: str, shape: type[T]) -> tuple[T, ...]:
    data = (FOLDER / file).read_bytes()
    document = (msgspec.toml if file.endswith(".toml") else msgspec.json).decode(data)
    return msgspec.convert(document[table], tuple[shape, ...])


SERVICE_KINDS = tuple(kind.code for kind in service_kinds())
