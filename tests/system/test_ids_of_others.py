"""What may not be read does not exist: another center's, another agency's and a restricted family's ids are refused on every route
that takes an id, in the same words as an id that nothing has, and stand in no list, search or filter.

Walked over the routes that the services themselves document. Who is who: `whose.py`.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.callers import appeal
from tests.system import whose
from tests.system.interface import ROLES_OF, Route, following, fresh, ids_in, with_member
from tests.system.whose import AGENCY, Family

ELSEWHERE = ("worker.almaty", "supervisor.almaty")
OTHER_AGENCIES = ("agency-police-astana", "agency-employment-astana", "agency-guardianship-astana")
AGENCY_ITSELF = (AGENCY, "partner.health.astana")
NOBODY = (
    "regional.astana",
    "national",
    "auditor",
    "registry-family-map",
    "service-referrals",
    "service-notifications",
)
"""Roles without a center and without an agency."""
COLLEAGUE = "worker2.astana"
STRANGERS = [
    *(("open", caller) for caller in (*ELSEWHERE, OTHER_AGENCIES[0])),
    *(("restricted", caller) for caller in (*ELSEWHERE, COLLEAGUE, *OTHER_AGENCIES)),
]
"""(family, who has no business with it, though his role has routes). The agency that it was referred to has its own tests."""
WITH_CASES = [("open", caller) for caller in ELSEWHERE] + [
    ("restricted", caller) for caller in (*ELSEWHERE, COLLEAGUE)
]
"""Those of them who have cases of their own, beside which they name another's: of another center, and of the same one."""

NOT_LOOKED_UP = {"POST /casework/v1/cases/{case_id}/plan/sign person_id"}
"""The plan of every family here is signed already, and that is told first. (Who may be named: tests/unit/casework/test_planning.py.)"""
DOORS = {"/intake/v1/persons/{person_id}/disclosure", "/intake/v1/persons/{person_id}/contact"}
REFERENCE = {
    "/casework/v1/staff",
    "/intake/v1/centers",
    "/notifications/v1/templates",
    "/referrals/v1/services",
}
"""Lists that show no family, nor anything of one."""
SEARCH = "/intake/v1/persons/search"


def slug(answer: httpx.Response) -> str:
    return answer.json().get("type", "").removeprefix("/problems/")


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """All that an answer tells: everything but the request's own id, the time, and how long the body is."""
    body = answer.json() if answer.content else {}
    fleeting = {"date", "x-request-id", "content-length"}
    headers = {name: value for name, value in answer.headers.items() if name not in fleeting}
    return answer.status_code, {**body, "instance": None}, headers


def head_of(route: Route) -> Route:
    return Route(**{**vars(route), "method": "HEAD"})


@pytest.fixture(scope="module")
def with_ids(routes) -> list[Route]:
    """The routes with an id in their path, and the HEADs of their GETs."""
    found = [route for route in routes if route.takes]
    found += [head_of(route) for route in found if route.method == "GET"]
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def lists(routes) -> list[Route]:
    found = [route for route in routes if route.is_list and not route.takes]
    assert {route.path for route in found} > REFERENCE
    return found


@pytest.fixture(scope="module")
def versions(people, routes, families) -> dict[str, dict[str, str]]:
    """Family → path of each of its things → its ETag now."""
    return {name: versions_of(people, routes, family) for name, family in families.items()}


def versions_of(people, routes, family: Family) -> dict[str, str]:
    found = {
        route.url(family.things): route.send(people(family.head), family.things).headers["ETag"]
        for route in routes
        if route.is_resource
    }
    assert len(found) >= 6
    return found


@pytest.fixture(scope="module")
def own_of(people, world, families):
    """A family that a caller holds himself, in his center."""
    colleagues = whose.make(people, world, "colleague's", (COLLEAGUE, *whose.ASTANA[1:]))
    return lambda caller: colleagues if caller == COLLEAGUE else families["almaty"]


def attempts(route: Route, etag: str | None) -> Iterator[dict[str, str]]:
    """The headers that a route is tried with: a command on the very version that the thing has, and on none."""
    if route.is_command:
        assert etag, f"{route}: it is not known on what version of {route.resource}"
        yield {"If-Match": etag}
    yield {}


# -- ids in paths


@pytest.mark.parametrize(("name", "caller"), STRANGERS)
def test_ids_in_paths_are_refused_as_if_nothing_had_them(people, families, with_ids, versions, name, caller):
    family, wrong, tried = families[name], [], 0
    for route in with_ids:
        if not route.allows(caller):
            continue
        absent = {key: fresh() if isinstance(value, str) else value for key, value in family.things.items()}
        for headers in attempts(route, versions[name].get(route.resource.format_map(family.things))):
            real = route.send(people(caller), family.things, headers=headers)
            none = route.send(people(caller), absent, headers=headers)
            if real.status_code != 404 or (real.content and slug(real) != "not-found"):
                wrong.append(f"{route} {headers}: {real.status_code}, not 404: {real.text[:200]}")
            elif told(real) != told(none):
                wrong.append(f"{route} {headers}: {told(real)}, but of what does not exist {told(none)}")
            tried += 1
    assert not wrong, f"{caller}, {name} family:\n" + "\n".join(wrong)
    assert tried >= (40 if ROLES_OF[caller] & {"worker", "supervisor"} else 10), tried


@pytest.mark.parametrize("caller", [*ELSEWHERE, OTHER_AGENCIES[0], *NOBODY])
def test_a_route_that_is_not_for_a_role_refuses_it(people, families, routes, with_ids, caller):
    """With ids that exist, and the lists and searches too. (`tests/architecture/test_routes.py` shows it without a store.)"""
    things, answers = families["restricted"].things, set()
    for route in [*with_ids, *(route for route in routes if not route.takes)]:
        if not route.allows(caller):
            answer = route.send(people(caller), things)
            assert answer.status_code == 403, f"{route}: {answer.status_code} {answer.text[:200]}"
            answers |= {(slug(answer), answer.json()["title"])} if answer.content else set()
    assert answers == {("forbidden", "Not allowed")}


@pytest.mark.parametrize("name", ["open", "restricted"])
@pytest.mark.parametrize("caller", AGENCY_ITSELF)
def test_the_agency_itself_has_its_referral_and_nothing_else(people, families, with_ids, name, caller):
    things = families[name].things
    for route in with_ids:
        if route.allows(caller):
            assert route.takes == ("referral_id",), f"{route} lets agencies in"
            if route.method in ("GET", "HEAD") and not route.path.endswith("/client"):
                assert route.send(people(caller), things).status_code == 200, route
        else:
            answer = route.send(people(caller), things)
            assert answer.status_code == 403, f"{route}: {answer.status_code} {answer.text[:200]}"


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_nothing_was_changed_by_those_who_were_refused(people, families, routes, versions, name):
    family = families[name]
    for route in routes:
        if route.is_resource:
            now = route.send(people(family.head), family.things).headers["ETag"]
            assert now == versions[name][route.url(family.things)], f"{route} was changed"


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_holder_and_supervisor_read_everything(people, families, with_ids, name):
    family, walked = families[name], 0
    for route in with_ids:
        if route.method not in ("GET", "HEAD"):
            continue
        for caller in (family.holder, family.head):
            if route.allows(caller):
                answer = route.send(people(caller), family.things)
                assert answer.status_code == 200, f"{route} for {caller}: {answer.text[:200]}"
                walked += 1
    assert walked >= 2 * 2 * 8


def test_a_colleague_reads_the_open_file_and_acts_on_nothing_of_it(people, families, with_ids, versions):
    """Of the restricted one he has read nothing above, so it is the restriction that refuses him."""
    family = families["open"]
    for route in with_ids:
        if not route.allows(COLLEAGUE) or route.path.endswith("/access-log"):
            continue
        if route.method in ("GET", "HEAD"):
            assert route.send(people(COLLEAGUE), family.things).status_code == 200, route
        elif "/persons/" not in route.path and not route.path.endswith(("/danger", "/members")):
            etag = versions["open"][route.resource.format_map(family.things)]
            answer = route.send(people(COLLEAGUE), family.things, headers={"If-Match": etag})
            assert answer.status_code == 403, f"{route}: {answer.status_code} {answer.text[:200]}"


# -- those who may by right


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_an_auditor_reads_access_logs_and_nothing_else(people, families, with_ids, name):
    may = {route.path for route in with_ids if route.allows("auditor")}
    assert may == {"/intake/v1/families/{family_id}/access-log", "/casework/v1/cases/{case_id}/access-log"}
    for path in may:
        answer = people("auditor").http.get(path.format_map(families[name].things))
        assert answer.status_code == 200
        assert answer.json()["items"]
        personal = {families[name].applicant[field] for field in ("iin", "phone", "family_name")}
        assert not [word for word in personal if word in answer.text]


def test_the_doors_open_for_their_own_client_and_only_for_what_was_referred(people, families):
    mine, other = families["open"].things, families["restricted"].things

    def disclosure(client: str, person: str, referral: str, agency: str) -> int:
        body = {"referral_id": referral, "on_behalf_of": {"agency_id": agency, "sub": "somebody"}}
        return people(client).http.post(f"/intake/v1/persons/{person}/disclosure", json=body).status_code

    def contact(client: str, person: str) -> int:
        body = {"purpose": "sms", "message_id": mine["message_id"], "template": "appeal-registered"}
        return people(client).http.post(f"/intake/v1/persons/{person}/contact", json=body).status_code

    person, referral = mine["person_id"], mine["referral_id"]
    assert disclosure("service-referrals", person, referral, AGENCY) == 200
    for refused, expected in {
        ("service-notifications", person, referral, AGENCY): 403,
        ("service-referrals", person, referral, "agency-police-astana"): 403,
        ("service-referrals", other["person_id"], referral, AGENCY): 403,
        ("service-referrals", person, other["referral_id"], AGENCY): 403,
        ("service-referrals", person, fresh(), AGENCY): 503,
        ("service-referrals", fresh(), referral, AGENCY): 404,
    }.items():
        assert disclosure(*refused) == expected, refused
    assert contact("service-notifications", person) == 200
    assert contact("service-notifications", fresh()) == 404
    assert contact("service-referrals", person) == contact("service-referrals", fresh()) == 403
    hidden = people("service-notifications").post(
        f"/intake/v1/persons/{other['person_id']}/contact",
        {"purpose": "sms", "message_id": other["message_id"], "template": "appeal-registered"},
    )
    assert hidden == {"allowed": False, "reason": "domestic-violence"}


# -- ids in bodies


def in_bodies(route: Route, own: Family, family: Family, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The caller's own things, and what stands in the body beside the foreign id. KeyError for an id that is not told here."""
    beside = {
        ("/intake/v1/appeals", "match.person_id"): {**appeal(), "center_id": own.center_id},
        ("/casework/v1/cases/{case_id}/plan/sign", "person_id"): {"by": "family", "method": "paper"},
        ("/referrals/v1/referrals", "case_id"): {**route.example, "service_id": "service-health-astana"},
        ("/referrals/v1/referrals", "replaces"): {**route.example, "case_id": own.things["case_id"]},
    }
    return dict(own.things), beside[route.path, path]


def answers_to(
    people, routes, caller: str, own: Family, family: Family
) -> Iterator[tuple[str, str, httpx.Response, httpx.Response]]:
    """Route and member, the id of the family's that was sent there, and the answers to it and to an id that nothing has."""
    for route in routes:
        for path in ids_in(route.body or {}) if route.path not in DOORS else ():
            things, body = in_bodies(route, own, family, path)
            id = family.things[{"replaces": "referral_id"}.get(path, path.rpartition(".")[2])]
            answers = []
            for value in (fresh(), id):
                etag = people(own.head).http.get(route.resource.format_map(things)).headers.get("ETag", "")
                headers = {"If-Match": etag} if route.is_command else {"Idempotency-Key": uuid.uuid4().hex}
                sent = with_member(body, path, value)
                answers.append(route.send(people(caller), things, json=sent, headers=headers))
            none, real = answers
            yield f"{route} {path}", id, real, none


@pytest.mark.parametrize(("name", "caller"), WITH_CASES)
def test_ids_in_bodies_are_refused_as_if_nothing_had_them(
    people, families, routes, world, own_of, name, caller
):
    """The caller holds the rest of what he names, on the version that it has."""
    family, own, walked = families[name], own_of(caller), 0
    before = [versions_of(people, routes, each) for each in (family, own)]
    for what, id, real, none in answers_to(people, routes, caller, own, family):
        assert real.status_code in (404, 409, 422), f"{what}: {real.text[:200]}"
        assert told(real) == told(none), what
        assert not set(family.told_in(real.text)) - {id}, f"{what}: {real.text[:200]}"
        walked += 1
    assert walked >= 4
    world.at_rest()
    assert [versions_of(people, routes, each) for each in (family, own)] == before


def test_ids_of_ones_own_are_known_in_bodies(people, routes, own_of):
    """So that it is the id for which the test above sees a refusal: one's own there is taken, or refused in other words."""
    own = own_of(COLLEAGUE)
    answers = list(answers_to(people, routes, COLLEAGUE, own, own))
    assert {what for what, _, mine, none in answers if told(mine) == told(none)} == NOT_LOOKED_UP


# -- lists, filters, search


def foreign_values(family: Family, name: str) -> list[str] | None:
    """Values of a filter that ask for what is the family's. None: a filter that names nobody and nothing."""
    if name in family.things:
        return [family.things[name]]
    whose = {
        "center_id": [family.center_id],
        "holder": [family.holder, family.head],
        "owner": [family.holder, family.center_id, AGENCY],
    }
    return whose.get(name)


NAMES_NOTHING = {
    "limit",
    "cursor",
    "state",
    "service",
    "overdue",
    "due_before",
    "kind",
    "kato",
    "open_places",
}


def filters_for(route: Route, family: Family, own: Family) -> Iterator[dict[str, str]]:
    """No filter; each filter with all that it may be asked for; and two at once, of which one is the caller's own."""
    yield {}
    of_ids = {}
    for name, parameter in route.filters.items():
        values = foreign_values(family, name)
        if values is None:
            assert name in NAMES_NOTHING, f"{route}: this test does not know what {name} asks for"
            values = parameter["schema"].get("enum", [])
            values += {"overdue": ["true", "false"], "due_before": ["2099-01-01T00:00:00Z"]}.get(name, [])
        else:
            of_ids[name] = values
        yield from ({name: value} for value in values)
    for mine, theirs in itertools.permutations(of_ids, 2):
        for own_value in [*foreign_values(own, mine), *(["me"] if mine in ("holder", "owner") else [])]:
            yield {mine: own_value, theirs: of_ids[theirs][0]}


def whole(people, caller: str, route: Route, query: Mapping[str, Any]) -> str:
    """All pages of a list as one text."""
    pages = list(following(people(caller), route.path, {"limit": 200, **query}))
    assert {page.status_code for page in pages} == {200}, f"{route} {query}: {pages[-1].text[:200]}"
    return "\n".join(page.text for page in pages)


@pytest.mark.parametrize(("name", "caller"), STRANGERS)
def test_lists_show_nothing_of_others_whatever_is_asked(people, families, lists, name, caller):
    family, wrong = families[name], []
    own = families["open" if caller == COLLEAGUE else "almaty"]
    for route in filter(lambda route: route.allows(caller), lists):
        for query in filters_for(route, family, own):
            shown = family.told_in(whole(people, caller, route, query))
            wrong += [f"{route} {query} shows {shown}"] if shown else []
    assert not wrong, f"{caller} sees the {name} family:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_lists_show_holder_and_supervisor_what_they_ask_for(people, families, lists, name):
    """So that the test above cannot pass because nothing is shown to anybody."""
    family = families[name]
    shown_at = set()
    for route in lists:
        caller = next((each for each in (family.holder, AGENCY) if route.allows(each)), None)
        for each in {caller, family.head if route.allows(family.head) else caller}:
            for query in [{}, *({key: family.things[key]} for key in route.filters if key in family.things)]:
                if family.told_in(whole(people, each, route, query)):
                    shown_at.add((route.path, each, *query))
                else:
                    assert route.path in REFERENCE, f"{each} misses the {name} family in {route} {query}"
    assert len(shown_at) > 15
    assert not {path for path, *_ in shown_at} & REFERENCE


@pytest.mark.parametrize(
    ("name", "caller"), [each for each in STRANGERS if ROLES_OF[each[1]] & {"worker", "supervisor"}]
)
def test_the_search_finds_nobody_of_others(people, families, name, caller):
    for what, q in families[name].sought.items():
        assert people(caller).post(SEARCH, {"q": q}) == {"items": []}, f"{caller} finds by {what}"


@pytest.mark.parametrize("name", ["open", "restricted"])
def test_the_search_finds_them_for_holder_and_supervisor(people, families, name):
    family = families[name]
    for what, q in family.sought.items():
        for caller in (family.holder, family.head):
            found = {each["person_id"] for each in people(caller).post(SEARCH, {"q": q})["items"]}
            assert found & set(family.member_ids), f"{caller} does not find by {what}"


def test_all_searches_of_the_interface_are_walked(routes):
    """A POST that is neither a create nor a command nor a door is a search: there is one."""
    found = {r.path for r in routes if r.method == "POST" and not r.is_create and not r.is_command}
    assert found == {SEARCH} | DOORS


def test_somebody_who_looks_like_one_of_a_hidden_file_is_somebody_new(people, families):
    """The same names and date of birth, without the IIN: nobody is proposed, and the answer knows of nobody."""
    for family in (families["open"], families["restricted"]):
        same = {
            key: family.applicant[key]
            for key in ("family_name", "given_name", "birth_date", "sex", "language")
        }
        body = {**appeal(center_id="center-75-1"), "applicant": {**same, "no_iin_reason": "documents-lost"}}
        answer = people("worker.almaty").http.post(
            "/intake/v1/appeals", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}
        )
        assert answer.status_code == 201, answer.text
        assert not family.told_in(answer.text)


def test_a_request_repeated_shows_nothing_of_a_file_that_was_lost_since(people):
    """Whoever registered an appeal may have handed it on, and the file may be restricted by now."""
    worker, head, key = people("worker.astana"), people("supervisor.astana"), uuid.uuid4().hex
    body, consent = appeal(), {"scopes": ["statistics"]}
    made = worker.create("/intake/v1/appeals", body, key=key)
    person = f"/intake/v1/persons/{made['person_id']}"
    worker.command(person, "consents", consent, **{"Idempotency-Key": key})
    assert worker.create("/intake/v1/appeals", body, key=key)["id"] == made["id"]
    head.command(f"/intake/v1/appeals/{made['id']}", "assign", {"holder": COLLEAGUE, "reason": "Ill."})
    danger = {"life": None, "child": None, "domestic_violence": True, "reason": "She said so."}
    head.command(f"/intake/v1/families/{made['family_id']}", "danger", danger)
    for path, sent in (("/intake/v1/appeals", body), (f"{person}/consents", consent)):
        answer = worker.http.post(path, json=sent, headers={"Idempotency-Key": key})
        assert (answer.status_code, slug(answer)) == (404, "not-found"), f"{path}: {answer.text[:300]}"


def test_everything_together_still_holds(world):
    world.at_rest()
    world.check()
