"""The directory: what the agencies offer, where, and with how many free places."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many places (`unit`: bed …) there are, and how many were free at `updated_at`."""

    unit: str
    total: int
    free: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of an agency. `kato`: where it is given; `region`: the first two digits of it; `name`: kk, ru, en."""

    id: str
    agency_id: str
    kind: str
    name: dict[str, str]
    kato: str
    region: str
    capacity: Capacity | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is known to have no free place; a service that counts no places never is."""
        return self.capacity is not None and self.capacity.free <= 0


def choose(services: Iterable[Service], kato: str, declined: Collection[str] = ()) -> Service | None:
    """Which of the services of a region is asked when only a kind was named; None where there is none.

    First an agency that has not declined before (`declined`: ids of agencies), then one that is not full, then one at the very
    place of the center (`kato`), then by id: the same question always gets the same answer.
    """
    return min(
        services,
        key=lambda service: (
            service.agency_id in declined,
            service.is_full,
            service.kato != kato,
            service.id,
        ),
        default=None,
    )
