"""Errors: one form for all, in the caller's language, and nothing in them that was not meant to be told."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask, abort, render_template_string
from flask_babel import get_locale, gettext
from werkzeug.exceptions import TooManyRequests

from shared.http import problems
from shared.http.problems import PROBLEMS
from shared.i18n import text

BODY = {"Content-Type": "application/json", "Idempotency-Key": "k"}


@pytest.mark.parametrize(
    ("name", "status", "slug", "members"),
    [
        ("missing", 404, "not-found", {}),
        ("wrong-state", 409, "wrong-state", {"allowed": ["accept", "reject"]}),
        (
            "possible-duplicate",
            409,
            "possible-duplicate",
            {"candidates": [{"person_id": "p", "score": 1.0, "reasons": ["phone"]}]},
        ),
        ("no-consent", 403, "no-consent", {"scopes": ["share:health"]}),
        ("invalid", 422, "validation", {"errors": {"a.b": ["Longer than maximum length 5."]}}),
        ("unavailable", 503, "unavailable", {}),
        ("away", 503, "unavailable", {}),
        ("not-primary", 503, "unavailable", {}),
        ("write-conflict", 409, "conflict", {}),
        ("broken-index", 500, "internal", {}),
        ("bug", 500, "internal", {}),
    ],
)
def test_what_goes_wrong_becomes_a_problem(client, name, status, slug, members):
    answer = client.get(f"/demo/v1/fail/{name}", headers={"Accept-Language": "en"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "type": f"/problems/{slug}",
        "title": str(PROBLEMS[slug].title),
        "status": status,
        "instance": answer.headers["X-Request-Id"],
        **members,
    }
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "Айгерим" not in answer.text


def test_retry_after_is_what_the_refusal_says(client):
    assert client.get("/demo/v1/fail/unavailable").headers["Retry-After"] == "7"


def test_an_unexpected_error_is_logged_without_its_message(client, capsys):
    answer = client.get("/demo/v1/fail/bug")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    found = next(line for line in lines if line["event"] == "unhandled exception")
    assert found["request_id"] == answer.headers["X-Request-Id"]
    assert found["exception"][0]["type"] == "builtins.RuntimeError"
    assert any("conftest.py" in frame for frame in found["exception"][0]["stack"])
    assert "Айгерим" not in json.dumps(lines, ensure_ascii=False)
    assert "7701" not in json.dumps(lines)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "ru"),
        ("", "ru"),
        ("*", "ru"),
        ("de", "ru"),
        ("kk", "kk"),
        ("kk-KZ,ru;q=0.5", "kk"),
        ("en-US,en;q=0.9", "en"),
        ("de,kk;q=0.4,en;q=0.8", "en"),
        ("ru;q=0.1,kk", "kk"),
        ("kk;q=0,en;q=0.1", "en"),
        ("KK", "kk"),
        ("\x00;;q=q,,", "ru"),
    ],
)
def test_the_language_is_the_one_accepted_best(client, accepted, language):
    headers = {} if accepted is None else {"Accept-Language": accepted}
    answer = client.get("/demo/v1/fail/missing", headers=headers)
    assert answer.json["title"] == text(PROBLEMS["not-found"].title, language)
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_nested_errors_stand_under_dotted_paths(client, worker):
    body = {"name": "x", "places": [{"kato": "710000000"}, {"kato": "990000000"}], "address": {"line": 5}}
    answer = client.post("/demo/v1/things", json=body, headers={**worker, **BODY, "Accept-Language": "ru"})
    assert answer.json["errors"] == {
        "places.1.kato": ["Ни у одного региона код КАТО так не начинается."],
        "address.line": ["Ожидается строка."],
        "address.kato": ["Обязательное поле не заполнено."],
    }


def test_a_flood_of_wrong_fields_gives_a_short_answer(client, worker):
    answer = client.post(
        "/demo/v1/things", json={f"f{n}" * 100: n for n in range(2000)}, headers={**worker, **BODY}
    )
    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 100
    assert len(answer.data) < 60_000


def test_the_whole_object_is_named_body_or_by_its_path():
    assert problems.flat({"_schema": ["a"], "x": {"_schema": ["b"], 0: {"y": ["c"]}}, "z": "d"}) == {
        "body": ["a"],
        "x": ["b"],
        "x.0.y": ["c"],
        "z": ["d"],
    }


def test_any_http_error_has_a_slug():
    app = Flask("small")
    problems.register(app)
    app.add_url_rule("/<int:status>", "fail", lambda status: abort(status))
    app.add_url_rule("/limited", "limited", lambda: (_ for _ in ()).throw(TooManyRequests(retry_after=3)))
    app.add_url_rule("/folder/", "folder", lambda: "x")
    client = app.test_client()
    expected = {
        400: "bad-request",
        401: "unauthenticated",
        403: "forbidden",
        404: "not-found",
        409: "bad-request",
        411: "length-required",
        413: "too-large",
        414: "bad-request",
        415: "unsupported-media-type",
        422: "validation",
        428: "precondition-required",
        429: "rate-limited",
        431: "bad-request",
        500: "internal",
        501: "internal",
        503: "unavailable",
    }
    for status, slug in expected.items():
        answer = client.get(f"/{status}")
        assert (answer.status_code, answer.json["status"]) == (status, status)
        assert answer.json["type"] == f"/problems/{slug}"
    assert client.get("/limited").headers["Retry-After"] == "3"
    assert client.get("/folder").status_code == 308


def test_every_slug_has_a_page(client):
    for slug, kind in PROBLEMS.items():
        for language in ("kk", "ru", "en"):
            answer = client.get(f"/problems/{slug}", headers={"Accept-Language": language})
            assert (answer.status_code, answer.mimetype) == (200, "text/html")
            assert f'<html lang="{language}">' in answer.text
            assert f"{kind.status} {slug}" in answer.text
            assert answer.headers["Content-Language"] == language
            for sentence in (kind.title, kind.means, kind.remedy):
                assert text(sentence, language).split('"')[0].split("'")[0] in answer.text
    assert client.get("/problems/nothing").status_code == 404


def test_the_slugs_are_those_of_the_contract():
    of_the_contract = """bad-json missing-idempotency-key unauthenticated forbidden no-consent not-found method-not-allowed
        wrong-state possible-duplicate conflict accept-first stale too-large unsupported-media-type validation key-reused
        bad-cursor precondition-required rate-limited internal unavailable"""
    assert set(of_the_contract.split()) <= set(PROBLEMS)
    assert all(re.fullmatch(r"[a-z-]+", slug) for slug in PROBLEMS)


def test_pages_and_templates_speak_the_language_of_the_request(app):
    for language, shown in (("kk", "Жүйеге кіріңіз"), ("ru", "Войдите в систему"), ("en", "Log in")):
        with app.test_request_context(headers={"Accept-Language": language}):
            assert gettext("Log in") == shown
            assert render_template_string("{{ _('Log in') }}") == shown
            assert str(get_locale()) == language
