"""The directory of services."""

from __future__ import annotations

from services.referrals.store import Directory
from shared import mongo, reference
from tests.service.referrals.world import HEALTH, SUPERVISOR, WORKER, World, done, refused


def ids(world: World, login: str = WORKER, **query) -> list[str]:
    return [each["id"] for each in done(world.get(login, "services", limit=200, **query))["items"]]


def test_a_service_shows_what_the_contract_says(world: World):
    first, second = done(world.get(WORKER, "services", kind="social-adaptation", kato="710000000"))["items"]
    assert set(first) == {"id", "agency_id", "kind", "name", "kato", "capacity"}
    assert set(first["name"]) == {"kk", "ru", "en"}
    assert first["capacity"]["free"] > 0
    assert set(first["capacity"]) == {"unit", "total", "free", "updated_at"}
    assert second["capacity"]["free"] == 0
    (health,) = done(world.get(WORKER, "services", kind="health", kato="710000000"))["items"]
    assert health["capacity"] is None


def test_by_kind_place_and_free_places(world: World):
    assert set(ids(world, kato="711110000")) == {
        each.id for each in reference.services() if each.region == "71"
    }
    assert len(ids(world, kind="legal-aid")) == 20
    assert ids(world, kind="social-adaptation", kato="710000000", open_places="true") == [
        "service-social-adaptation-astana"
    ]
    assert ids(world, kind="social-adaptation", kato="710000000", open_places="17") != []
    assert ids(world, kind="social-adaptation", kato="710000000", open_places="18") == []
    assert len(ids(world, kind="social-adaptation", kato="710000000", open_places="false")) == 2


def test_staff_and_agencies_read_it(world: World):
    for login in (WORKER, SUPERVISOR, HEALTH):
        assert ids(world, login, kind="police", kato="710000000") == ["service-police-astana"]
    for login in ("national", "auditor", "registry-family-map"):
        refused(world.get(login, "services"), 403, "forbidden")


def test_it_comes_in_pages(world: World):
    seen, query = [], {}
    while query is not None:
        page = done(world.get(WORKER, "services", limit=100, **query))
        seen += [each["id"] for each in page["items"]]
        query = {"cursor": page["next"]} if page["next"] else None
    assert seen == sorted(each.id for each in reference.services())


def test_what_is_wrong_is_named(world: World):
    for query in (
        {"kind": "magic"},
        {"kato": "990000000"},
        {"kato": "71"},
        {"open_places": "many"},
        {"colour": "red"},
    ):
        assert set(refused(world.get(WORKER, "services", **query), 422, "validation")["errors"]) == set(query)


def test_seeding_again_keeps_what_is_known_of_free_places(mongo_client, prefix: str):
    directory = Directory(mongo.database(mongo_client, f"{prefix}seed")["services"])
    directory.seed(reference.services())
    id = "service-social-adaptation-astana"
    directory.collection.update_one({"_id": id}, {"$set": {"capacity.free": 3, "kato": "990000000"}})
    directory.seed(reference.services())
    assert (directory.get(id).capacity.free, directory.get(id).kato) == (3, "710000000")
    assert directory.collection.estimated_document_count() == len(reference.services())
