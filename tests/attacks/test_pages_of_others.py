"""What may not be read does not exist, on pages too: ids of another center, another agency and a restricted family, in addresses,
queries and forms, are answered like ids that nothing has, and change nothing.

Walked over the URL maps of the four services; `tests/system/test_ids_of_others.py` walks the routes of programs. Who is who:
`tests/system/whose.py`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.attacks.pages import (
    BARE,
    FLEETING,
    OF_ANOTHER_NAME,
    OF_COMMANDS,
    PANEL,
    Page,
    Sent,
    at,
    attempts,
    maps,
    pages,
    send,
    things,
    tried,
    versions,
    versions_of,
    walked,
    with_ids,
)
from tests.callers import until
from tests.system import whose
from tests.system.interface import fresh
from tests.system.test_ids_of_others import (
    AGENCY_ITSELF,
    COLLEAGUE,
    DOORS,
    ELSEWHERE,
    NOBODY,
    OTHER_AGENCIES,
    STRANGERS,
    WITH_CASES,
    own_of,
)
from tests.system.whose import Family

__all__ = ["at", "maps", "own_of", "pages", "things", "versions", "with_ids"]

ALIKE = {
    "GET /casework/families/{family_id}/panel": "a list of what the reader may read: empty",
    "GET /referrals/families/{family_id}/panel": "a list of what the reader may read: empty",
    "GET /notifications/families/{family_id}/panel": "a list of what the reader may read: empty",
    "GET /referrals/inbox/{referral_id}/client": "leads to the referral and looks at nothing",
    "POST /intake/register/drafts/{draft_id}/drop": "a draft that is not the caller's own is none: nothing to throw away",
}
"""Pages with an id that are no 404 for what does not exist, and why. They too say the same of what is another's."""
AS_A_PAGE = {"GET /intake/families/{family_id}/identity": "a panel; asked for as a page it leads to the file"}
OF_NOTHING = {"date", "x-request-id", "content-length"}
OPEN = re.compile(
    r"/\w+/(?:healthz|readyz|metrics|openapi\.json|docs|docs/\{name\})"
    r"|/problems/(?:\{slug\}|page\.css)|/session/(?:log-in|callback|log-out|language)"
)
"""Routes that anybody may use: they know of nobody."""
BY_THE_CENTER = ("/danger", "/members", "/persons/{person_id}", "/consents")
"""Forms of a family that is not restricted that everybody at its center may send."""
STRANGE = "not_in_the_contract"


# -- every route is walked by somebody


def test_every_route_is_walked_here_or_in_the_tests_of_programs_or_is_open_to_all(maps, routes):
    of_programs = {(route.method, route.path) for route in routes}
    missed = [
        str(page)
        for page in maps
        if not page.is_page and (page.method, page.rule) not in of_programs and not OPEN.fullmatch(page.rule)
    ]
    assert not missed, "nobody tries ids of others on: " + ", ".join(missed)
    assert all(OPEN.fullmatch(page.rule) for page in maps if page.is_open)


def test_exceptions_are_of_pages_that_there_are(with_ids):
    assert {*ALIKE, *AS_A_PAGE} <= {str(page) for page in with_ids}


def test_every_command_of_programs_is_tried_as_a_form(pages, routes):
    """A command that comes to a page whose forms are told by hand in `pages.py` is not left out of all that is tried here."""
    commands = {route.path for route in routes if route.method != "GET"} - DOORS
    forms = set().union(*(tried(page) for page in pages if page.method != "GET"))
    assert commands == forms, f"on no page: {commands - forms}; of no program: {forms - commands}"
    assert {*OF_COMMANDS, *OF_ANOTHER_NAME, *BARE} <= {page.rule for page in walked() if page.method != "GET"}


# -- asking


def ask(http: httpx.Client, page: Page, things: Mapping[str, Any], **how: Any) -> httpx.Response:
    path = page.path(things)
    if "sent" not in how:
        return http.request(page.method, path, headers=how["headers"])
    own = {} if how["version"] is None else {"_version": how["version"]}
    return send(http, page, path, how["sent"], _key=uuid.uuid4().hex, **own)


def told(answer: httpx.Response, real: Mapping[str, Any], absent: Mapping[str, Any]) -> tuple[Any, ...]:
    """All that an answer tells, as if the ids that were asked for had been those that nothing has."""
    headers = {name: value for name, value in answer.headers.items() if name not in OF_NOTHING}
    text = FLEETING.sub("", answer.text)
    whole = f"{sorted(headers.items())}\n{text}"
    for name, value in real.items():
        if isinstance(value, str):
            whole = whole.replace(value, absent[name])
    return answer.status_code, whole


def absent(things: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fresh() if isinstance(value, str) else value for name, value in things.items()}


def wanted(page: Page, how: Mapping[str, Any], caller: str) -> int | None:
    """How a page has to refuse what is another's. None: as it answers of what does not exist, whatever that is."""
    if str(page) in ALIKE or (str(page) in AS_A_PAGE and how.get("headers") != PANEL):
        return None
    return 403 if "sent" in how and not how["sent"].allows(caller) else 404


# -- ids in addresses


@pytest.mark.parametrize(("name", "caller"), STRANGERS)
def test_ids_in_addresses_are_refused_as_if_nothing_had_them(
    at, families, routes, with_ids, things, versions, name, caller
):
    family, real, wrong, walked = families[name], things[name], [], 0
    for page in with_ids:
        if not page.allows(caller):
            continue
        none = absent(real)
        for how in attempts(page, routes, real, versions[name]):
            theirs, nobodys = (ask(at(caller), page, each, **how) for each in (real, none))
            walked += 1
            if theirs.status_code != (wanted(page, how, caller) or theirs.status_code):
                wrong.append(f"{page} {how}: {theirs.status_code}")
            elif told(theirs, real, none) != told(nobodys, real, none):
                wrong.append(
                    f"{page} {how}: {theirs.status_code}, but of what does not exist {nobodys.status_code}"
                )
            asked = {value for value in real.values() if isinstance(value, str)}
            if shown := set(family.told_in(theirs.text)) - asked:
                wrong.append(f"{page} {how}: shows {shown}")
    assert not wrong, f"{caller}, {name} family:\n" + "\n".join(wrong)
    assert walked > 10


@pytest.mark.parametrize("caller", [*ELSEWHERE, OTHER_AGENCIES[0], *AGENCY_ITSELF, *NOBODY])
def test_a_page_that_is_not_for_a_role_refuses_it(at, routes, pages, things, versions, caller):
    for page in pages:
        if not page.allows(caller):
            for how in attempts(page, routes, things["restricted"], versions["restricted"]):
                answer = ask(at(caller), page, things["restricted"], **how)
                assert answer.status_code == 403, f"{page} {how}: {answer.status_code}"
                assert "Not allowed" in answer.text, page


def test_an_agency_is_let_in_to_referrals_only(with_ids):
    for page in with_ids:
        if page.allows(AGENCY_ITSELF[1]):
            assert page.takes == ("referral_id",), f"{page} lets agencies in"


def test_a_colleague_acts_on_nothing_of_the_open_family(at, routes, with_ids, things, versions):
    for page in with_ids:
        if (
            page.method == "GET"
            or not page.allows(COLLEAGUE)
            or str(page) in ALIKE
            or page.rule.endswith(BY_THE_CENTER)
        ):
            continue
        for how in attempts(page, routes, things["open"], versions["open"]):
            answer = ask(at(COLLEAGUE), page, things["open"], **how)
            assert answer.status_code == 403, f"{page} {how}: {answer.status_code}"


# -- ids in queries: lists, filters, names


@pytest.fixture(scope="module")
def queries(at, pages, things) -> dict[Page, list[str]]:
    """Page → the names of its query that may hold an id, found by asking: a page that reads its query refuses what it does not know."""
    names = (*things["open"], "replaces", "draft", "ids", "holder", "owner", "center_id", "subject")
    found = {}
    for page in pages:
        if page.method == "GET":
            who = at("supervisor.astana" if page.allows("supervisor.astana") else "partner.health.astana")
            strange = refused(who, page, things["open"], STRANGE)
            if strange:
                found[page] = [name for name in names if refused(who, page, things["open"], name) != strange]
    assert len(found) >= 10
    return found


def refused(http: httpx.Client, page: Page, things: Mapping[str, Any], name: str) -> list[str] | None:
    """What a page has against a name in its query, as it tells a program."""
    answer = http.get(page.path(things), params={name: fresh()}, headers={"Accept": "application/json"})
    return answer.json()["errors"].get(name) if answer.status_code == 422 else None


FILTERS = {
    "/casework/cases": {"holder"},
    "/intake/families/names": {"ids"},
    "/intake/families/{family_id}/members": {"n"},
    "/intake/register": {"draft"},
    "/intake/worklist": {"holder"},
    "/notifications/messages": {"family_id"},
    "/referrals/new": {"case_id", "replaces"},
    "/referrals/sent": {"case_id", "family_id"},
}
"""What was found when this was written: so that the search for it cannot find nothing and pass."""


def test_the_names_of_queries_are_found(queries):
    found = {page.rule: set(names) for page, names in queries.items() if names}
    assert {rule: names & found.get(rule, set()) for rule, names in FILTERS.items()} == FILTERS


CODES = {"holder", "owner", "center_id", "n"}
"""What is no id of a thing: everybody knows them."""


def value_of(name: str, family: Family, things: Mapping[str, Any]) -> str:
    """By what a query asks for what is the family's."""
    known = {
        "ids": things["family_id"],
        "draft": things["draft_id"],
        "replaces": things["referral_id"],
        "holder": family.holder,
        "owner": family.holder,
        "center_id": family.center_id,
        "subject": things["case_id"],
    }
    return str(known.get(name) or things[name])


BESIDE = {"/referrals/new": "case_id"}
"""Page → what its query always names: the caller's own, where only the rest is another's."""


@pytest.mark.parametrize(("name", "caller"), STRANGERS)
def test_ids_in_queries_find_nothing_of_others(at, families, queries, things, name, caller):
    family, real, wrong = families[name], things[name], []
    own = things["open" if caller == COLLEAGUE else "almaty"]
    for page, names in queries.items():
        if not page.allows(caller):
            continue
        path, beside = (
            page.path(own),
            BESIDE.get(page.rule),
        )  # also in the address: only one name of the query is another's

        def found(query: Mapping[str, Any], path: str = path, beside: str | None = beside) -> httpx.Response:
            return at(caller).get(path, params={**({beside: own[beside]} if beside else {}), **query})

        if shown := family.told_in(found({}).text):
            wrong.append(f"{page} shows {shown}")
        for key in names:
            asked, nothing = {key: value_of(key, family, real)}, {key: fresh()}
            theirs = found(asked)
            if shown := set(family.told_in(theirs.text)) - set(asked.values()):
                wrong.append(f"{page} {asked} shows {shown}")
            if key not in CODES and told(theirs, asked, nothing) != told(found(nothing), asked, nothing):
                wrong.append(f"{page} {asked}: {theirs.status_code}, but otherwise of what does not exist")
    assert not wrong, f"{caller}, {name} family:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_holder_and_head_find_what_they_ask_for(at, families, queries, things, name):
    """So that the test above cannot pass because nothing is shown to anybody."""
    family, shown = families[name], set()
    for page, names in queries.items():
        beside = BESIDE.get(page.rule)
        for caller in (family.holder, family.head):
            for key in names if page.allows(caller) and not page.takes else ():
                asked = {key: value_of(key, family, things[name])}
                query = {**({beside: things[name][beside]} if beside else {}), **asked}
                if set(family.told_in(at(caller).get(page.rule, params=query).text)) - set(query.values()):
                    shown.add((page.rule, key))
    of_families = {(rule, name) for rule, names in FILTERS.items() for name in names if "{" not in rule}
    assert shown >= of_families - {("/intake/register", "draft")}


# -- ids in forms


def foreign(
    family: Family, own: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[tuple[str, Sent, str]]:
    """Page, form, and the foreign id in it: everything else is the caller's own."""
    referral = {
        "service_kind": "health",
        "service_id": "service-health-astana",
        "priority": "routine",
        "reason": "Help.",
    }
    case = own["case_id"]
    for field, value in (("case_id", theirs["case_id"]), ("replaces", theirs["referral_id"])):
        fields = {**referral, "case_id": case, field: value}
        yield "/referrals/new", Sent(query={"case_id": case}, fields=tuple(fields.items())), value
        yield (
            "/referrals/new",
            Sent(query={"case_id": case, field: value}, fields=tuple(fields.items())),
            value,
        )
    signed = {"by": "family", "person_id": theirs["person_id"], "method": "paper"}
    yield f"/casework/cases/{case}/sign", Sent(fields=tuple(signed.items())), theirs["person_id"]


@pytest.mark.parametrize(("name", "caller"), WITH_CASES)
def test_ids_in_forms_are_refused_as_if_nothing_had_them(
    at, people, routes, world, families, own_of, name, caller
):
    """The caller holds the rest of what he names, on the version that it has."""
    family, own = families[name], own_of(caller).things
    whose_it_is = (family, own_of(caller))
    before = [versions_of(people, routes, each) for each in whose_it_is]
    for path, sent, id in foreign(family, own, family.things):
        none, answers = fresh(), []
        for value in (id, none):
            query = {key: value if each == id else each for key, each in sent.query.items()}
            fields = [(key, value if each == id else each) for key, each in sent.fields]
            fields += [("_version", str(before[1]["case_id"])), ("_key", uuid.uuid4().hex)]
            answers.append(at(caller).post(path, params=query, data=dict(fields)))
        real, absent = answers
        assert real.status_code in (404, 409, 422), f"{path} {sent}: {real.status_code}"
        assert told(real, {"id": id}, {"id": none}) == told(absent, {"id": id}, {"id": none}), (
            f"{path} {sent}"
        )
        assert not set(family.told_in(real.text)) - {id}, f"{path} {sent}"
    world.at_rest()
    assert [versions_of(people, routes, each) for each in whose_it_is] == before


# -- and that nothing of it was in vain


def test_a_draft_is_only_its_writers(at, families, things):
    """Neither a colleague nor the head of the center reads it or throws it away."""
    draft = things["open"]["draft_id"]
    for caller in (COLLEAGUE, families["open"].head, *ELSEWHERE):
        assert at(caller).get("/intake/register", params={"draft": draft}).status_code == 404
        at(caller).post(f"/intake/register/drafts/{draft}/drop")
    kept = at(families["open"].holder).get("/intake/register", params={"draft": draft})
    assert (kept.status_code, "Draftova" in kept.text) == (200, True)


@pytest.mark.parametrize("name", ["open", "restricted", "almaty"])
def test_nothing_was_changed_by_those_who_were_refused(people, routes, world, families, versions, name):
    world.at_rest()
    assert versions_of(people, routes, families[name]) == versions[name]


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_nobody_who_was_refused_stands_in_the_access_log(at, pages, things, world, families, name):
    """A line says that somebody has read the file: there is one of its holder, and none of those who have not."""
    others = {caller for whom, caller in STRANGERS if whom == name} - {COLLEAGUE if name == "open" else ""}
    family_id, holder = families[name].things["family_id"], families[name].holder
    for page in pages:
        if page.method == "GET" and page.takes and page.allows(holder):
            at(holder).get(page.path(things[name]))
    for service in ("intake", "casework", "referrals", "notifications"):
        lines = world.database(service)["access_log"].find({"family_ids": family_id})
        actors = {line["actor"] for line in lines}
        assert holder in actors, service
        assert not actors & others, service


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_those_whose_it_is_are_answered_on_every_page(at, families, routes, with_ids, things, name):
    """The same addresses and forms, by who may: shown, or refused for another reason, on a version that there never was."""
    family = families[name]
    for page in with_ids:
        able = [each for each in (family.head, family.holder, whose.AGENCY) if page.allows(each)]
        caller = family.holder if "draft_id" in page.takes else able[0]
        for how in attempts(page, routes, things[name], {}):
            old = {**how, "version": 0} if "sent" in how else how
            answer = ask(at(caller), page, things[name], **old)
            assert answer.status_code in (200, 303, 409, 422), (
                f"{page} {how} for {caller}: {answer.status_code}"
            )
            assert answer.status_code != 422 or page.method == "POST", (
                f"{page} for {caller}: {answer.text[-1500:]}"
            )


def test_everything_together_still_holds(world):
    until(lambda: not world.under_way(), "everything at rest", 60)
    world.check()
