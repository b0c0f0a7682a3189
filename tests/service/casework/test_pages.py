"""The pages of a case: what they show to whom, and how their forms behave. What a command may do is told in test_commands.py."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from shared.ui.forms import new_key
from tests.service.casework.world import (
    ALMATY_WORKER,
    SECOND,
    SUPERVISOR,
    WORKER,
    Appeal,
    Family,
    domains,
    fresh,
    measure,
    plan,
    today,
)
from tests.tokens import bearer

HTML = {"Accept": "text/html", "Accept-Language": "en"}


class Browser:
    """Somebody with a browser."""

    def __init__(self, world, login):
        self.client, self.headers = world.app.test_client(), {**HTML, **bearer(login)}

    def get(self, path, **headers):
        return self.client.get(f"/casework/{path}", headers={**self.headers, **headers})

    def post(self, path, fields, **headers):
        return self.client.post(f"/casework/{path}", data=fields, headers={**self.headers, **headers})

    def form(self, path, **fields):
        """The hidden fields of the page's form, and these."""
        return {**hidden(self.get(path)), **fields}


def text(response, status=200):
    assert response.status_code == status, response.get_data(as_text=True)[:2000]
    return response.get_data(as_text=True)


def hidden(response):
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text(response))
    assert {"_key", "_version", "_loaded"} <= {name for name, _ in found}
    return dict(found)


@pytest.fixture
def worker(world):
    return Browser(world, WORKER)


@pytest.fixture
def head(world):
    return Browser(world, SUPERVISOR)


def rated(each="1", **others):
    return {f"domains.{domain}": str(others.get(domain, each)) for domain in domains()}


def on(day):
    return f"{day:%d.%m.%Y}"


def row(n=0, **changes):
    fields = {"kind": "medical", "responsible.type": "center", "due_on": on(today() + timedelta(days=30)), **changes}
    return {f"measures.{n}.{name}": value for name, value in fields.items()}


PAGES = [
    ("assessment", "assessment", ()),
    ("plan", "plan", ("assessment",)),
    ("sign", "plan/sign", ("assessment", "plan")),
    ("review", "review", ("assessment", "plan", "plan/sign by worker", "plan/sign by family", "plan/approve")),
    ("help", "help", ()),
    ("visits", "visits", ()),
    ("closure", "closure", ()),
]


@pytest.mark.parametrize(("place", "command", "before"), PAGES)
def test_every_form_is_shown_in_its_state_and_is_a_reading(world, worker, place, command, before):
    case = world.after(world.case(), *before)
    page = text(worker.get(f"cases/{case['id']}/{place}"))
    assert 'name="_key"' in page and case["number"] in page
    line = world.service.store.access_log.collection.find_one(
        {"family_ids": case["family_id"], "what": "case", "why": command, "actor": WORKER}
    )
    assert line["subject"] == case["id"]
