"""How requests are read: strictly, and in order (caller, length, body, schema)."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.strict import BadJson, loads

THING = "/demo/v1/things/00000000-0000-0000-0000-000000000001"
KEY = {"Idempotency-Key": "k"}


def slug(answer) -> str:
    assert answer.content_type == "application/problem+json", answer.text
    return answer.json["type"].removeprefix("/problems/")


def post(client, headers, data, path="/demo/v1/things", content_type="application/json"):
    return client.post(path, data=data, headers={**KEY, **headers}, content_type=content_type)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"a"',
        b"null",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
    ids=lambda raw: repr(raw[:14]),
)
def test_what_is_not_one_plain_json_object_is_refused(client, worker, raw):
    answer = post(client, worker, raw)
    assert (answer.status_code, slug(answer)) == (400, "bad-json")


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/xml", "application/json; charset=utf-16"]
)
def test_another_media_type_is_415(client, worker, content_type):
    answer = post(client, worker, b'{"name": "x"}', content_type=content_type)
    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")


def test_content_encoding_is_415(client, worker):
    answer = post(client, {**worker, "Content-Encoding": "gzip"}, b'{"name": "x"}')
    assert answer.status_code == 415


def test_a_body_over_one_mebibyte_is_413(client, worker):
    answer = post(client, worker, b'{"name": "' + b"x" * 1024 * 1024 + b'"}')
    assert (answer.status_code, slug(answer)) == (413, "too-large")
    assert answer.headers["Connection"] == "close"


def test_a_chunked_body_is_refused(client, worker):
    answer = client.post("/demo/v1/things", headers={**worker, **KEY, "Transfer-Encoding": "chunked"})
    assert (answer.status_code, slug(answer)) == (411, "length-required")


def test_unknown_members_and_parameters_are_refused_by_name(client, worker, supervisor):
    answer = post(client, worker, b'{"name": "x", "nmae": "y", "address": {"kato": "710000000", "flat": 1}}')
    assert (answer.status_code, slug(answer)) == (422, "validation")
    assert set(answer.json["errors"]) == {"nmae", "address.flat"}

    answer = client.get("/demo/v1/things?colr=red", headers=worker)
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"colr"})

    answer = post(
        client, supervisor, b'{"reason": "x"}', f"{THING}/assign?force=1"
    )  # a route without query arguments
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"force"})

    answer = post(client, supervisor, b'{"force": true}', f"{THING}/approve")
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"force"})


def test_a_route_without_a_body_refuses_one(client, issuer):
    door = {"Authorization": f"Bearer {issuer.token('service-x', 'service')}"}
    assert client.post(f"{THING}/door", headers=door).status_code == 200
    assert post(client, door, b"{}", f"{THING}/door").status_code == 200
    assert post(client, door, b'{"a": 1}', f"{THING}/door").json["errors"].keys() == {"a"}


def test_a_parameter_given_twice_is_refused(client, worker):
    answer = client.get("/demo/v1/things?limit=1&limit=2", headers=worker)
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"limit"})


@pytest.mark.parametrize(
    "environment",
    [
        {"QUERY_STRING": "colour=%ff"},
        {"QUERY_STRING": "%ed%a0%80=1"},
        {"QUERY_STRING": "colour=\xff"},
        {"PATH_INFO": "/demo/v1/fail/\xff"},
        {"PATH_INFO": "/demo/v1/\xed\xa0\x80"},
    ],
)
def test_an_address_that_is_not_utf8_is_refused(client, worker, environment):
    answer = client.get("/demo/v1/things", headers=worker, environ_overrides=environment)
    assert (answer.status_code, slug(answer)) == (400, "bad-request")


def test_the_caller_is_checked_before_the_body(client, worker):
    assert post(client, {}, b"{").status_code == 401
    assert post(client, {}, b"x" * 1024 * 1025).status_code == 401
    assert post(client, worker, b"{", f"{THING}/assign").status_code == 403


def test_methods_and_paths(client, worker):
    answer = client.delete("/demo/v1/things", headers=worker)
    assert (answer.status_code, slug(answer)) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert client.options("/demo/v1/things").status_code == 405  # no CORS
    assert client.open("/demo/v1/things", method="BREW").status_code == 405
    assert slug(client.get("/demo/v1/nothing", headers=worker)) == "not-found"
    assert client.head("/demo/v1/things", headers=worker).status_code == 200


def test_every_answer_has_its_headers(client, worker):
    for answer in (
        client.get("/demo/v1/things", headers=worker),
        client.get("/demo/v1/nothing"),
        client.get("/demo/v1/fail/bug"),
        client.get("/demo/healthz"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"].startswith(
            "default-src 'none'; frame-ancestors 'none'"
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.headers["X-Request-Id"]) == 32
        assert "Server" not in answer.headers
        assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118


def test_the_request_id_is_taken_over_if_it_looks_like_one(client):
    answer = client.get("/demo/v1/nothing", headers={"X-Request-Id": "abcd-1234"})
    assert answer.headers["X-Request-Id"] == answer.json["instance"] == "abcd-1234"
    for odd in ("short", "a" * 65, "a b c d e f g h", 'x";drop-table'):
        assert client.get("/demo/v1/nothing", headers={"X-Request-Id": odd}).headers["X-Request-Id"] != odd


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_every_plain_object_is_read_as_it_is(document):
    assert loads(json.dumps(document).encode()) == document
    assert loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")) == document


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail_otherwise(raw):
    with contextlib.suppress(BadJson):
        assert isinstance(loads(raw), dict)
