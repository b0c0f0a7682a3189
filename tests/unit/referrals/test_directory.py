"""Which service is asked when only a kind is named."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.referrals.domain.directory import Capacity, Service, choose


def service(id: str, *, kato: str = "710000000", free: int | None = None) -> Service:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    capacity = None if free is None else Capacity(unit="bed", total=10, free=free, updated_at=at)
    return Service(
        id=f"service-{id}",
        agency_id=f"agency-{id}",
        kind="social-adaptation",
        name={},
        kato=kato,
        region=kato[:2],
        capacity=capacity,
    )


def chosen(*services: Service, declined: frozenset[str] = frozenset()) -> str | None:
    found = choose(services, "710000000", declined)
    return found.id if found else None


def test_nobody_there():
    assert chosen() is None


def test_one_that_is_not_full_comes_first():
    assert chosen(service("a", free=0), service("b", free=3)) == "service-b"
    assert chosen(service("a"), service("b", free=3)) == "service-a"


def test_one_at_the_very_place_comes_first():
    assert chosen(service("a", kato="711110000"), service("b")) == "service-b"


def test_who_has_declined_is_asked_again_only_where_there_is_nobody_else():
    declined = frozenset({"agency-a"})
    assert chosen(service("a", free=9), service("b", free=0), declined=declined) == "service-b"
    assert chosen(service("a"), declined=declined) == "service-a"


@given(
    st.permutations(
        [service("a", free=0), service("b"), service("c", kato="711110000"), service("d", free=1)]
    )
)
def test_the_same_question_gets_the_same_answer(services: list[Service]):
    assert chosen(*services) == "service-b"
