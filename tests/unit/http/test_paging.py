"""Lists: cursors, links, and the keyset filter against what sorting says."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.paging import decode_cursor, encode_cursor
from shared.keyset import first, keyset_filter
from shared.refusals import BadCursor

THINGS = "/demo/v1/things"
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001
    lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(
    moments,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.integers(-(2**53) + 1, 2**53 - 1),
)
def test_a_position_survives(moment, words, number):
    kinds = (datetime, str, int)
    assert decode_cursor(encode_cursor((moment, words, number)), kinds) == (moment, words, number)


def packed(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "=",
        "a" * 2000,
        "é",
        packed([1]),
        packed([1, "a", 2]),
        packed(["a", 1]),
        packed([1, None]),
        packed([True, "a"]),
        packed([1.0, "a"]),
        packed([{"t": 1}, "a"]),
        packed([1, {"$gt": ""}]),
        packed({"0": 1}),
        packed([2**60, "a"]),
        packed([1, "\ud800"]),
        base64.urlsafe_b64encode(b"[" * 600).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        packed([1, "a"]) + "!",
        packed([1, "a"]) + "\n",
    ],
)
def test_what_no_list_gave_is_refused(client, worker, cursor):
    with pytest.raises(BadCursor):
        decode_cursor(cursor, (int, str))
    answer = client.get(THINGS, query_string={"cursor": cursor}, headers=worker)
    assert (answer.status_code, answer.json["type"]) == (422, "/problems/bad-cursor")


@pytest.mark.parametrize("moment", ["1", True, 1.5, None, 10**30, {}, -(10**30)])
def test_a_moment_in_a_cursor_is_a_moment(moment):
    with pytest.raises(BadCursor):
        decode_cursor(packed([{"t": moment}]), (datetime,))


@given(st.binary(max_size=40))
def test_no_cursor_makes_it_fail_otherwise(raw):
    with contextlib.suppress(BadCursor):
        decode_cursor(base64.urlsafe_b64encode(raw).decode(), (datetime, str))


def test_pages_follow_one_another(client, worker):
    seen, path = [], f"{THINGS}?colour=red&limit=2"
    while path:
        answer = client.get(path, headers=worker)
        seen += [item["version"] for item in answer.json["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next"] is None)
        assert set(answer.json) == {"items", "next"}
        path = link and link.removeprefix("<").removesuffix('>; rel="next"')
        assert path is None or path.startswith(f"{THINGS}?colour=red&limit=2&cursor=")
    assert seen == [0, 1, 2, 3, 4]
    assert client.get(THINGS, headers=worker).json["next"] is None


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "99999999999999999999"])
def test_a_limit_is_1_to_200(client, worker, limit):
    answer = client.get(THINGS, query_string={"limit": limit}, headers=worker)
    assert (answer.status_code, set(answer.json["errors"])) == (422, {"limit"})
    assert client.get(f"{THINGS}?limit=200", headers=worker).status_code == 200


def test_first():
    assert first([1, 2, 3], 2) == ([1, 2], 2)
    assert first([1, 2], 2) == ([1, 2], None)
    assert first([], 2) == ([], None)


def matches(row: dict, condition: dict) -> bool:
    for field, wanted in condition.items():
        if field == "$or":
            if not any(matches(row, each) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            ((operator, bound),) = wanted.items()
            if not (row[field] > bound if operator == "$gt" else row[field] < bound):
                return False
        elif row[field] != wanted:
            return False
    return True


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=12)
START = datetime(2026, 1, 1, tzinfo=UTC)


@given(rows, st.sampled_from([1, -1]), st.sampled_from([1, -1]), st.sampled_from([1, -1]), st.integers(1, 4))
def test_pages_by_the_filter_show_each_row_once_in_order(values, by_time, by_count, by_id, limit):
    sort = (("due_at", by_time), ("count", by_count), ("_id", by_id))
    table = [
        {"_id": str(n), "due_at": START + timedelta(days=d), "count": c} for n, (d, c) in enumerate(values)
    ]
    table.sort(key=lambda row: row["_id"], reverse=by_id < 0)
    table.sort(key=lambda row: row["count"], reverse=by_count < 0)
    table.sort(key=lambda row: row["due_at"], reverse=by_time < 0)
    seen, position = [], None
    for _ in range(len(table) + 1):
        there = [row for row in table if matches(row, keyset_filter(sort, position))]
        shown, last = first(there[: limit + 1], limit)
        seen += shown
        if last is None:
            break
        position = decode_cursor(
            encode_cursor((last["due_at"], last["count"], last["_id"])), (datetime, int, str)
        )
    assert seen == table
