"""How the database is asked: every shape of a query is written down, answered from an index, and looks at hardly more than it gives.

The product runs on some hundred families of four centers, most of whom need nothing more, while the database writes down each
operation (its profiler): families go their ways, every page and every list is opened, with each filter and to its second page, every
route is called, and the workers do their work. What was asked then has to stand in `query_shapes.txt`, so whoever asks something new
says so there and sees here what it costs. (What is only asked now and then, when something was parked, say, stands there too.)

A shape is a collection, the operation, the fields of its filter and its order, without values:

    intake.worklist: find family_id, open, sort due_at, _id

`keys ÷ given` is told for the shape as a whole. For each interval of an index the database looks at one key too many, to see that it
ends: that is not counted. Of what counts or gathers the profiler only tells how many groups it gave; so what it begins with is asked
once more, by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from shared import reference
from shared.embedded import mongod
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.settings import Settings
from tests.browser.families import AGENCY, HEAD, WORKER, Families
from tests.browser.walk import NOBODY, STOPS
from tests.callers import Callers, reader, until
from tests.conftest import free_port
from tests.generated.filling import fill
from tests.generated.stories import walk
from tests.oracle import World
from tests.system.family import People, today
from tests.system.interface import SERVICES, Route, documents, following, fresh, routes_of

WRITTEN = Path(__file__).with_name("query_shapes.txt")
FAMILIES, CENTERS = 600, ("center-71-1", "center-71-2", "center-75-1", "center-10-1")
DATABASES = (*SERVICES, "log")
PRODUCT = "product"
"""The name under which the stack's processes come to the database; the tests have none."""
MOST = 1.2
SAMPLES = 20
"""How many of a shape that gathers are asked once more."""
FINDING = ("$match", "$sort", "$limit")
ASIDE: Mapping[str, str] = {
    "intake.worklist: find center_id, open,": "what is open in a center is as much as its staff can carry",
    "intake.worklist: aggregate center_id, open,": "the counters of the same list",
    "intake.appeals: aggregate or(": "what nobody answers for is looked for among all that has not ended",
    "casework.cases: aggregate or(": "the same",
    "referrals.referrals: aggregate or(": "the same",
    "referrals.referrals: find agency_id, nor(": "what waits stands between what has ended: as much as an agency can carry",
    "notifications.messages: update family_id, file_version": "a family has a few messages",
    "casework.staff: find active, center_id, role": "a center has a few workers",
}
"""Beginnings of shapes that look at more than they give, and why that stays little."""
WHOLE: Mapping[str, str] = {
    "referrals.services: find": "the directory has some hundred services",
    **{
        f"{name}.parked: aggregate $match, $limit": "nearly always nothing; counted up to ten thousand"
        for name in SERVICES
    },
}
"""The same of shapes that look at all there is."""


# ------------------------------------------------------------------ what was asked


@dataclass
class Shape:
    """All operations of one shape. `given`: what they returned, changed or gathered from; `ends`: intervals of an index whose end was seen;
    `scans`: whether all of a collection was read, or documents that no key has led to (a stage that asks another one is not in the plan).
    """

    times: int = 0
    scans: bool = False
    keys: int = 0
    given: int = 0
    ends: int = 0
    plans: set[str] = field(default_factory=set)

    @property
    def in_vain(self) -> bool:
        """Whether keys were looked at for nothing."""
        return self.keys > MOST * self.given + self.ends

    def __str__(self) -> str:
        return f"{self.times} times, {self.keys} keys for {self.given}, {', '.join(sorted(self.plans))}"


def shapes(client: MongoClient) -> dict[str, Shape]:
    """What the product has asked, by its shape. Inserts and change streams have none."""
    found: dict[str, Shape] = defaultdict(Shape)
    for name in DATABASES:
        for entry in client[name]["system.profile"].find({"appName": PRODUCT}):
            asked = _asked(entry)
            if asked is None:
                continue
            shape = found[f"{entry['ns']}: {asked[0]}"]
            shape.times += 1
            shape.plans.add(plan := entry.get("planSummary", ""))
            shape.scans |= "COLLSCAN" in plan or entry.get("docsExamined", 0) > entry.get("keysExamined", 0)
            if not asked[0].startswith(("aggregate", "distinct")):
                keys, given = _looked_at(entry)
            elif shape.times <= SAMPLES:
                keys, given = _gathered(client[name], entry)
            else:
                continue
            shape.keys += keys
            shape.given += given
            shape.ends += asked[1]
    return dict(found)


def _looked_at(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Keys, and documents that were returned or changed."""
    return entry.get("keysExamined", 0), sum(
        entry.get(count, 0) for count in ("nreturned", "nMatched", "ndeleted")
    )


def _gathered(database: Database, entry: Mapping[str, Any]) -> tuple[int, int]:
    """Keys, and documents, of the stages that find what the others count or gather."""
    command = entry.get("originatingCommand") or entry["command"]
    pipeline = command.get("pipeline") or [{"$match": command["query"]}]
    finding = list(takewhile(lambda stage: not stage.keys().isdisjoint(FINDING), pipeline))
    asked = {"aggregate": entry["ns"].partition(".")[2], "pipeline": finding, "cursor": {}}
    hint = {"hint": command["hint"]} if "hint" in command else {}
    told = database.command("explain", {**asked, **hint}, verbosity="executionStats")["executionStats"]
    return told["totalKeysExamined"], told["nReturned"]


def _asked(entry: Mapping[str, Any]) -> tuple[str, int] | None:
    """The shape of an operation, and how many ends of intervals it may have seen."""
    command = entry.get("originatingCommand") or entry.get("command", {})
    match entry["op"], command:
        case ("query" | "getmore", {"find": _}):
            order = [("-" if way < 0 else "") + name for name, way in command.get("sort", {}).items()]
            query = command.get("filter", {})
            sort = [f"sort {order[0]}", *order[1:]] if order else []
            return f"find {', '.join([*_fields(query), *sort])}", _ends(query)
        case ("update" | "remove", {"q": query}):
            return f"{entry['op']} {', '.join(_fields(query))}", _ends(query)
        case ("command" | "getmore", {"aggregate": _, "pipeline": [first, *rest]}) if (
            "$changeStream" not in first
        ):
            query = first.get("$match", {})
            stages = [name for stage in (first, *rest) for name in stage]
            return f"aggregate {', '.join([*_fields(query), *stages])}", _ends(query)
        case ("command", {"distinct": _, "query": query}):
            return f"distinct {command['key']} of {', '.join(_fields(query))}", _ends(query)
        case ("command", {"findAndModify": _, "query": query}):
            return f"find and modify {', '.join(_fields(query))}", _ends(query)
    return None


def _fields(query: Mapping[str, Any]) -> list[str]:
    """The fields of a filter, with operators and without values."""
    found: set[str] = set()
    for name, value in query.items():
        match name, value:
            case ("$and", parts):
                found |= {each for part in parts for each in _fields(part)}
            case (("$or" | "$nor"), parts):
                found.add(f"{name[1:]}({' | '.join(sorted({', '.join(_fields(part)) for part in parts}))})")
            case (_, {"$elemMatch": inner}):
                found.add(f"{name} with ({', '.join(_fields(inner))})")
            case (_, dict()) if value and all(each.startswith("$") for each in value):
                found.add(" ".join([name, *sorted(value)]))
            case _:
                found.add(name)
    return sorted(found)


def _ends(query: Any) -> int:
    """Intervals that a filter may ask for: one, and one more for each value of a list and each alternative."""
    return 1 + sum(_lists(query))


def _lists(query: Any) -> Iterator[int]:
    if isinstance(query, dict):
        for name, value in query.items():
            yield len(value) if name in ("$in", "$nin", "$or", "$nor") else 0
            yield from _lists(value)
    elif isinstance(query, list):
        for each in query:
            yield from _lists(each)


# ------------------------------------------------------------------ a stack that is asked everything


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shape]]:
    """Everything that the product asks."""
    folder = tmp_path_factory.mktemp("shapes")
    with mongod.running(folder / "mongod", free_port()) as url, MongoClient(url) as client:
        environment = {"MONGO_URL": f"{url}&appName={PRODUCT}"}
        with (
            Stack(folder / "data", free_base(), mongo_url=url, environment=environment) as stack,
            closing(Callers(stack)) as people,
            closing(World(stack, settings=Settings(mongo_url=url))) as world,
        ):
            stories = walk(people, world)
            fill(url, "", stories, FAMILIES, [reference.center(id) for id in CENTERS])
            profile(client)
            everything(stack, people, world)
        yield shapes(client)


def profile(client: MongoClient) -> None:
    """Let the database write down every operation from now on."""
    for name in DATABASES:
        client[name].create_collection("system.profile", capped=True, size=256 * 1024 * 1024)
        client[name].command("profile", 2)


def everything(stack: Stack, people: People, world: World) -> None:
    families = Families(people, world)
    for name, value in vars(Families).items():
        if isinstance(value, cached_property):
            getattr(families, name)
    pages(stack, families)
    routes = routes_of(documents(stack.origin))
    things = things_of(families)
    for route in routes:
        if route.method == "GET":
            lists(route, people, things)
    for q in (families.known["number"], "+77015550147", "910506995009", "Сынақ"):
        people(WORKER).post("/intake/v1/persons/search", {"q": q})
    for route in routes:
        if route.method != "GET":
            called(route, people, things)
    for service in SERVICES:
        assert httpx.get(f"{stack.origin}/{service}/metrics", trust_env=False).status_code == 200
        assert httpx.get(f"{stack.origin}/{service}/readyz", trust_env=False).status_code == 200
    # An SMS may wait for an hour at which it is safe.
    until(lambda: set(world.under_way()) <= {"SMS"}, "what was called has taken effect")


def pages(stack: Stack, families: Families) -> None:
    """Every page, in every state (`tests/browser/walk.py`)."""
    for who in {stop.who for stop in STOPS} - {NOBODY}:
        with reader(stack, who) as http:
            for stop in STOPS:
                if stop.who == who:
                    assert http.get(stop.opens(families)).status_code < 500, stop.name


def things_of(families: Families) -> dict[str, Any]:
    referral = families.accepted
    return {
        "appeal_id": families.in_danger["id"],
        "family_id": referral["family_id"],
        "person_id": referral["person_id"],
        "case_id": referral["case_id"],
        "referral_id": referral["id"],
        "message_id": families.message["id"],
        "n": 1,
        "center_id": CENTERS[0],
        "kato": "710000000",
        "kind": "health",
        "template": "appeal-registered",
        "open_places": 1,
        "overdue": "true",
        "due_before": f"{today()}T23:00:00+05:00",
        "owner": "me",
        "holder": "me",
        "service": "casework",
    }


def lists(route: Route, people: People, things: Mapping[str, Any]) -> None:
    """Something to read, and a list with each of its filters and beyond its first page."""
    filters = [
        {},
        *({name: _value(name, route, things)} for name in route.filters if name not in ("cursor", "limit")),
    ]
    for who in (WORKER, HEAD, AGENCY, "auditor", "national"):
        if not route.allows(who):
            continue
        for query in filters:
            answer = people(who).http.get(route.url(things), params=query)
            assert answer.status_code in (200, 404, 409), f"{route} {query}: {answer.text}"
            if route.is_list and answer.status_code == 200:
                next(following(people(who), route.url(things), {**query, "limit": 1}))
                pages_of = following(people(who), route.url(things), {**query, "limit": 1}, most=10**6)
                for _ in zip(range(2), pages_of, strict=False):
                    continue


def _value(name: str, route: Route, things: Mapping[str, Any]) -> Any:
    """A value for a filter: the first of those that there are, or one that something has."""
    known = route.filters[name]["schema"].get("enum")
    assert known or name in things, f"{route}: this test has no value for the filter {name}"
    return known[0] if known else things[name]


def called(route: Route, people: People, things: Mapping[str, Any]) -> None:
    """A command, a create or a door: whatever comes of it, what it loads first is loaded."""
    for who in (WORKER, HEAD, AGENCY):
        if route.allows(who):
            headers = {"If-Match": '"1"', "Idempotency-Key": fresh()}
            assert route.send(people(who), things, headers=headers).status_code < 500, route


# ------------------------------------------------------------------ what must hold


def test_every_shape_is_written_down(asked: Mapping[str, Shape]):
    written = set(WRITTEN.read_text().splitlines())
    new = sorted(set(asked) - written)
    assert not new, "not in query_shapes.txt:\n" + "\n".join(f"{name}   ({asked[name]})" for name in new)


def test_nothing_is_looked_for_without_an_index(asked: Mapping[str, Shape]):
    scans = [
        f"{name}   ({shape})"
        for name, shape in asked.items()
        if shape.scans and not name.startswith(tuple(WHOLE))
    ]
    assert not scans, "\n".join(["whole collections are read:", *sorted(scans)])


def test_hardly_more_is_looked_at_than_is_given(asked: Mapping[str, Shape]):
    aside = (*ASIDE, *WHOLE)
    vain = [
        f"{name}   ({shape})" for name, shape in asked.items() if shape.in_vain and not name.startswith(aside)
    ]
    assert not vain, "\n".join([f"more than {MOST} keys for each that is given:", *sorted(vain)])


def test_what_stands_aside_is_asked(asked: Mapping[str, Shape]):
    assert not [
        beginning for beginning in (*ASIDE, *WHOLE) if not any(name.startswith(beginning) for name in asked)
    ]
