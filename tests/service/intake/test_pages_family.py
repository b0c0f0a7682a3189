"""The family's file as a page, and the pages on which it is corrected."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.ui import words
from tests.service.intake.world import (
    ALMATY,
    CONSENT,
    FAR,
    NO_DANGER,
    NOT_ASKED,
    SCREENED,
    SECOND,
    SUPERVISOR,
    VIOLENCE,
    WORKER,
    World,
    fresh,
    line,
    somebody,
)
from tests.tokens import bearer

HTMX = {"HX-Request": "true"}


def opened(world: World, path: str, who: str = WORKER, language: str = "en", **headers: str) -> TestResponse:
    asked = {**bearer(who), "Accept": "text/html", "Accept-Language": language, **headers}
    return world.app.test_client().get(f"/intake/{path}", headers=asked)


def text(world: World, path: str, who: str = WORKER, **headers: str) -> str:
    answer = opened(world, path, who, **headers)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def test_each_page_opens(world: World):
    appeal = world.comes(danger={**NO_DANGER, "child": True}, household=[line(somebody(), "child")])
    family, person = f"families/{appeal['family_id']}", f"persons/{appeal['person_id']}"
    pages = (family, f"{family}/danger", f"{family}/members", f"{family}/readers", person, f"{person}/consents")
    for path in pages:
        for language in ("kk", "ru", "en"):
            answer = opened(world, path, language=language)
            assert answer.status_code == 200, (path, answer.text)
