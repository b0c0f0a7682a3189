"""Idempotency-Key and If-Match, as far as HTTP goes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.http import conditions

ASSIGN = "/demo/v1/things/00000000-0000-0000-0000-000000000001/assign"
OTHER = "/demo/v1/things/00000000-0000-0000-0000-000000000002/assign"


def assign(client, headers, body=None, path=ASSIGN, **more):
    return client.post(path, json=body or {"reason": "x"}, headers={**headers, **more})


def test_a_create_needs_a_key(client, worker):
    answer = client.post("/demo/v1/things", json={"name": "x"}, headers=worker)
    assert (answer.status_code, answer.json["type"]) == (400, "/problems/missing-idempotency-key")
    made = client.post(
        "/demo/v1/things", json={"name": "x"}, headers={**worker, "Idempotency-Key": "k 1".replace(" ", "-")}
    )
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    again = client.post("/demo/v1/things", json={"name": "x"}, headers={**worker, "Idempotency-Key": "k-1"})
    assert again.json["id"] == made.json["id"]


def test_a_resource_has_its_version(client, worker):
    thing = ASSIGN.removesuffix("/assign")
    answer = client.get(thing, headers=worker)
    assert (answer.headers["ETag"], answer.json["version"]) == ('"7"', 7)
    answer = client.patch(thing, json={"name": " y "}, headers={**worker, "If-Match": '"7"'})
    assert (answer.status_code, answer.json["name"], answer.headers["ETag"]) == (200, "y", '"7"')


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 201, "a\tb", "ключ"])
def test_a_key_is_visible_ascii(client, worker, supervisor, key):
    key = key.encode().decode("latin-1")
    answer = client.post("/demo/v1/things", json={"name": "x"}, headers={**worker, "Idempotency-Key": key})
    assert (answer.status_code, answer.json["type"]) == (400, "/problems/missing-idempotency-key")
    assert assign(client, supervisor, **{"Idempotency-Key": key}).status_code == 400


def test_a_command_says_what_it_is(client, supervisor):
    answer = assign(client, supervisor, **{"If-Match": '"7"', "Idempotency-Key": "k" * 200})
    assert answer.status_code == 200
    assert answer.json["command"] == "assign"
    assert (answer.json["if_match"], answer.json["key"]) == (7, "supervisor.astana " + "k" * 200)
    bare = assign(client, supervisor).json
    assert (bare["if_match"], bare["key"]) == (None, None)


@pytest.mark.parametrize(
    "etag", ["*", "7", 'W/"7"', '"07"', '"-7"', '"7", "8"', '""', '"x"', '"' + "9" * 16 + '"', "", '"٧"']
)
def test_a_malformed_version_is_refused_by_the_name_of_the_header(client, supervisor, etag):
    answer = assign(client, supervisor, **{"If-Match": etag.encode().decode("latin-1")})
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/validation")
    assert set(answer.json["errors"]) == {"If-Match"}


def test_the_hash_is_of_what_is_asked_and_where(client, supervisor):
    def hashed(raw: bytes, path: str = ASSIGN) -> str:
        answer = client.post(path, data=raw, content_type="application/json", headers=supervisor)
        return answer.json["hash"]

    same = hashed(b'{"reason": "x"}')
    assert hashed(b' {"reason":"\\u0078"}\n') == same
    assert hashed(b'{"reason": "y"}') != same
    assert hashed(b'{"reason": " x"}') != same  # as it came, not as it is read
    assert hashed(b'{"reason": "x"}', OTHER) != same


def test_now_is_what_the_store_can_keep():
    now = conditions.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60
