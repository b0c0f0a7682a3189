"""Where personal data go: a family with names, phones, IINs and words that nobody else has goes its whole way, with all that can go wrong
on it, and then these are looked for everywhere.

`WHERE` says where they may be found and why; everything else that holds one is a leak. Every text that a body can have is said on the
way, in a request that is not refused; `CODES` says which are no texts.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.log import Message
from tests.attacks.bodies import dotted, members
from tests.attacks.canaries import (
    WHERE,
    Canaries,
    Heard,
    cyrillic,
    databases,
    files,
    leaks,
    metrics,
    topics,
    word,
)
from tests.attacks.pages import at, browser
from tests.attacks.test_operators import texts
from tests.browser.families import Families, visit
from tests.callers import appeal, until
from tests.oracle import TOPICS
from tests.system.family import DOMAINS, referred, registered, today
from tests.system.whose import AGENCY

__all__ = ["at"]

WORKER, HEAD, ELSEWHERE = "worker.astana", "supervisor.astana", "worker.almaty"
LINK = re.compile(r"""(?:href|action|src|hx-\w+)="([^"]*)\"""")
CODES: Mapping[str, str] = {
    "center_id": "a readable id of a list of ours",
    "agency_id": "the same",
    "service_id": "the same",
    "holder": "a log-in of the staff",
    "sub": "a log-in of the agency's staff",
    "kato": "the code of a region",
    "from": "an hour",
    "to": "an hour",
    "template": "the name of one of ours; said by a program",
}
"""Last name of a text of a body that no canary is said in, and what it is. Beside these: ids, dates, times, and codes that are listed."""
READ_MODELS = ("worklist", "worklist_subjects", "timeline", "files", "known_referrals", "access_log")
"""What intake keeps of all services, or of what was read: ids and codes only."""
Said = Callable[[str, str], str]


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    return Canaries()


# -- the family's whole way


@pytest.fixture(scope="module", autouse=True)
def every_slow_query_would_be_told(world):
    """As on a machine that is so busy that every query is slow."""
    admin = world.client["admin"]
    before = admin.command("profile", -1)
    admin.command("profile", 0, slowms=0)
    yield
    admin.command("profile", 0, slowms=before["slowms"])


@pytest.fixture(scope="module")
def heard(people, at) -> Heard:
    heard = Heard()

    def listen(answer: httpx.Response) -> None:
        answer.read()
        links = LINK.findall(answer.text) if "text/html" in answer.headers.get("Content-Type", "") else []
        heard.told.append(
            "\n".join([str(answer.request.url.path), *map(str, answer.headers.multi_items()), *links])
        )
        if answer.is_success and answer.request.headers.get("Content-Type") == "application/json":
            body = json.loads(answer.request.content)
            heard.taken.append((answer.request.method, answer.request.url.path, body))

    ours = [*(people(name).http for name in (WORKER, HEAD, AGENCY, ELSEWHERE)), at(WORKER)]
    for http in ours:
        http.event_hooks = {"response": [listen]}
    yield heard
    for http in ours:
        http.event_hooks = {}


@pytest.fixture(scope="module")
def gone(stack, people, at, world, canaries, heard, every_slow_query_would_be_told) -> dict[str, Any]:
    """A family that has gone its whole way, with everything on it that goes wrong."""
    said, applicant, child = canaries.text, canaries.person(), canaries.person()
    little = canaries.person()
    body = {
        "applicant": applicant,
        "household": [
            {**child, "relation": "child"},
            {"relation": "child", **{name: little[name] for name in ("family_name", "given_name")}},
        ],
        "need": said("appeals", "need"),
        "safe_contact": {"sms": "yes", "code_word": canaries.of("person", word("codeword"))},
        "source": {"agency_id": "agency-police-astana", "reference": said("appeals", "source")},
    }
    made = registered(people, **body)
    case = opened_with_words(people, made, said)
    corrected(people, made, little, canaries)
    everybody_at_once(people, canaries)
    world.at_rest()
    case = planned_with_words(people, case, said)
    referral = referred(people, case, reason=said("referrals", "reason"))
    helped(people, case, referral, said, applicant)
    refused(people, case, said)
    ended(people, case, said)
    searched(people, at, applicant, child)
    mistaken(people, at, made, case, referral, canaries)
    spoiled(people, world, case, canaries)
    lost(stack, at, applicant)
    strangers(stack, canaries)
    world.at_rest()
    in_danger(people, made, applicant, said)
    told_another_way(people, world, said)
    world.at_rest()
    return {"made": made, "case": case, "referral": referral, "applicant": applicant}


def opened_with_words(people, made, said: Said) -> dict[str, Any]:
    path = f"/intake/v1/appeals/{made['id']}"
    for holder in ("worker2.astana", WORKER):
        people(HEAD).command(path, "assign", {"holder": holder, "reason": said("appeals", "assign")})
    danger = {"life": None, "child": True, "domestic_violence": None, "reason": said("families", "danger")}
    people(WORKER).command(f"/intake/v1/families/{made['family_id']}", "danger", danger)
    screening = {"outcome": "open-case", "note": said("appeals", "screening")}
    people(WORKER).command(path, "screening", screening)
    people(WORKER).command(path, "notices", notice("guardianship", said("appeals", "notice")))
    found = until(lambda: people(HEAD).items("/casework/v1/cases", appeal_id=made["id"]), "the case is open")
    # It was given to whoever has the fewest cases, and can be given only to somebody else.
    others = ("worker2.astana", WORKER) if found[0]["holder"] == WORKER else (WORKER,)
    for holder in others:
        reason = {"holder": holder, "reason": said("cases", "assign")}
        case = people(HEAD).command(f"/casework/v1/cases/{found[0]['id']}", "assign", reason)
    return case


def notice(body: str, reference: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"body": body, "told_at": now, "how": "paper", "reference": reference}


def corrected(people, made, little: Mapping[str, Any], canaries: Canaries) -> None:
    """A child of whom little was known is told of in full, and an alleged abuser is added, who is nobody's person."""
    worker, family = people(WORKER), f"/intake/v1/families/{made['family_id']}"
    abuser = {**canaries.person("abuser"), "relation": "partner", "alleged_abuser": True}
    worker.command(family, "members", {"add": abuser, "reason": canaries.text("families", "members")})
    found = [each for each in worker.get(family)["members"] if little["family_name"] in each["name"]]
    person = f"/intake/v1/persons/{found[0]['person_id']}"
    code_word = {"code_word": canaries.of("person", word("codeword"))}
    told = {**little, **renamed(canaries), "safe_contact": code_word}
    answer = worker.http.patch(
        person, json=told, headers={"If-Match": worker.http.get(person).headers["ETag"]}
    )
    assert answer.status_code == 200, answer.text


def renamed(canaries: Canaries) -> dict[str, Any]:
    return {name: canaries.person()[name] for name in ("family_name", "given_name")}


def planned_with_words(people, case, said: Said) -> dict[str, Any]:
    worker, head, path = people(WORKER), people(HEAD), f"/casework/v1/cases/{case['id']}"
    domains = dict.fromkeys(DOMAINS, 2)
    worker.command(path, "assessment", {"domains": domains, "note": said("cases", "assessment")})
    help = {"kind": "other", "given_on": today().isoformat(), "condition": "home"}
    worker.command(path, "help", {**help, "note": said("cases", "help")})
    seen = {"findings": said("cases", "findings"), "decision": said("cases", "decision")}
    worker.command(path, "visits", {**visit(), **seen})
    due = (today() + timedelta(days=20)).isoformat()
    agency, center = {"type": "agency", "agency_id": AGENCY}, {"type": "center"}
    measures = [
        {"kind": kind, "responsible": responsible, "due_on": due, "text": said("cases", "measure")}
        for kind, responsible in (("medical", agency), ("housing", center), ("documents", center))
    ]
    plan = {"goals": [said("cases", "goal")], "measures": measures, "reason": said("cases", "plan")}
    worker.command(path, "plan", plan)
    signed(worker, path, case)
    head.command(path, "plan/return", {"reason": said("cases", "return")})
    signed(worker, path, case)
    return head.command(path, "plan/approve", {})


def signed(worker, path: str, case) -> None:
    worker.command(path, "plan/sign", {"by": "worker", "method": "paper"})
    worker.command(path, "plan/sign", {"by": "family", "person_id": case["person_id"], "method": "paper"})


def helped(people, case, referral, said: Said, applicant) -> None:
    """The agency accepts, reads the client's fields, waits, and gives its help; the rest is the center's."""
    agency, path = people(AGENCY), f"/referrals/v1/referrals/{referral['id']}"
    agency.command(path, "accept", {})
    until(lambda: agency.http.get(f"{path}/client").status_code == 200, "the client's fields are shown")
    told = agency.get(f"{path}/client")
    assert (told["iin"], told["phone"]) == (applicant["iin"], applicant["phone"])
    agency.command(path, "start", {})
    agency.command(path, "hold", {"note": said("referrals", "hold")})
    agency.command(path, "resume", {})
    given = {"given_on": today().isoformat(), "condition": "home"}
    agency.command(path, "complete", {"result": {**given, "summary": said("referrals", "summary")}})
    at, worker = f"/casework/v1/cases/{case['id']}", people(WORKER)
    worker.command(at, "measures/2/cancel", {"reason": said("cases", "cancel")})
    worker.command(at, "measures/3/deliver", {**given, "note": said("cases", "deliver")})
    until(lambda: worker.get(at)["measures"][0]["state"] == "delivered", "the measure is delivered")
    worker.command(at, "review", {"outcome": "keep", "level": "B", "note": said("cases", "review")})


def refused(people, case, said: Said) -> None:
    """Referrals that come to nothing, each in another way."""
    for who, before, command in (
        (AGENCY, (), "reject"),
        (AGENCY, ("accept",), "fail"),
        (WORKER, (), "cancel"),
    ):
        asked = {"service_kind": "health", "priority": "routine", "disclose": []}
        body = {**asked, "case_id": case["id"], "reason": said("referrals", "reason")}
        path = f"/referrals/v1/referrals/{people(WORKER).create('/referrals/v1/referrals', body)['id']}"
        for each in before:
            people(who).command(path, each, {})
        why = {"reason_code": "other", "note": said("referrals", command)}
        people(who).command(path, command, why)
        if who == AGENCY:
            people(WORKER).command(path, "acknowledge", {"note": said("referrals", "acknowledge")})


def ended(people, case, said: Said) -> None:
    """The case is closed at the second attempt, and opened again."""
    worker, head, path = people(WORKER), people(HEAD), f"/casework/v1/cases/{case['id']}"
    worker.command(path, "closure", {"reason": "goals-met", "note": said("cases", "closure")})
    head.command(path, "closure/return", {"reason": said("cases", "notyet")})
    worker.command(path, "closure", {"reason": "goals-met", "note": said("cases", "closure")})
    head.command(path, "closure/approve", {})
    head.command(path, "reopen", {"reason": said("cases", "reopen")})


def in_danger(people, made, applicant, said: Said) -> None:
    """The file is restricted, the bodies are told, and the same person comes where it cannot be read."""
    head, family = people(HEAD), f"/intake/v1/families/{made['family_id']}"
    violence = {"life": None, "child": True, "domestic_violence": True}
    head.command(family, "danger", {**violence, "reason": said("families", "danger")})
    for body in ("police", "health"):
        head.command(family, "notices", notice(body, said("families", "notice")))
    again = {"center_id": "center-75-1", "applicant": applicant, "safe_contact": {"sms": "no"}}
    people(ELSEWHERE).create("/intake/v1/appeals", appeal(**again))
    head.command(family, "same-person", {"note": said("families", "same")})


def told_another_way(people, world, said: Said) -> None:
    path = f"/notifications/v1/messages/{Families(people, world).untold()['id']}"
    people(WORKER).command(path, "acknowledge", {"note": said("messages", "told")})


def spoiled(people, world, case, canaries: Canaries) -> None:
    """A document is spoiled for a moment, when nobody else wants it, so that an error quotes what stands in it."""
    world.at_rest()
    cases, one = world.database("casework")["cases"], {"_id": case["id"]}
    state = cases.find_one(one)["state"]
    cases.update_one(one, {"$set": {"state": canaries.of("person", cyrillic("Бұзылған"))}})
    try:
        assert people(WORKER).http.get(f"/casework/v1/cases/{case['id']}").status_code == 500
    finally:
        cases.update_one(one, {"$set": {"state": state}})


def everybody_at_once(people, canaries) -> None:
    """The same new person by six requests: all but one lose a race for the IIN, whose error quotes it."""
    body = appeal(applicant=canaries.person())
    keys = [uuid.uuid4().hex for _ in range(6)]
    with ThreadPoolExecutor(len(keys)) as pool:
        made = list(pool.map(lambda key: people(WORKER).create("/intake/v1/appeals", body, key=key), keys))
    assert len({each["person_id"] for each in made}) == 1


def searched(people, at, *persons: Mapping[str, Any]) -> None:
    for person in persons:
        for q in (person["family_name"], person["iin"], person["phone"], person["family_name"][:12]):
            assert people(WORKER).post("/intake/v1/persons/search", {"q": q})["items"], q
            assert person["given_name"] in at(WORKER).post("/intake/search", data={"q": q}).text


def mistaken(people, at, made, case, referral, canaries) -> None:
    """Canaries in whatever is refused: by the schema, by the version, by the state, by the address."""
    worker, page = people(WORKER), at(WORKER)
    wrong = canaries.person()
    key = {"Idempotency-Key": uuid.uuid4().hex}
    bad = {
        **wrong,
        "iin": f"{wrong['iin'][:-1]}x",
        "phone": wrong["phone"][:-1],
        "birth_date": wrong["family_name"],
    }
    spoiled = {
        **appeal(),
        "applicant": bad,
        wrong["family_name"]: wrong["iin"],
        "center_id": wrong["given_name"],
    }
    assert worker.http.post("/intake/v1/appeals", json=spoiled, headers=key).status_code == 422
    cut = json.dumps({**appeal(), "applicant": wrong}, ensure_ascii=False)[:-5]
    for kind in ("application/json", "text/plain"):
        sent = worker.http.post(
            "/intake/v1/appeals", content=cut.encode(), headers={**key, "Content-Type": kind}
        )
        assert sent.status_code in (400, 415)
    person = f"/intake/v1/persons/{made['person_id']}"
    for etag, status in (('"1000"', 412), (wrong["iin"], 422)):
        changed = worker.http.patch(
            person, json={"family_name": wrong["family_name"]}, headers={"If-Match": etag}
        )
        assert changed.status_code == status
    for path in (f"/intake/v1/persons/{uuid.uuid4()}", "/intake/nothing", "/nothing", "/intake/persons/x"):
        for http in (worker.http, at("worker2.astana")):  # whose pages repeat the address that he has typed
            answer = http.get(path, params={"q": wrong["iin"], wrong["family_name"]: ""})
            assert answer.status_code in (404, 422), path
    for service in (
        "/intake/v1/appeals",
        "/casework/v1/cases",
        "/referrals/v1/referrals",
        "/notifications/v1/messages",
    ):
        for query in (
            {"q": wrong["family_name"]},
            {"cursor": wrong["iin"]},
            {wrong["given_name"]: "1"},
            {"limit": wrong["phone"]},
        ):
            assert worker.http.get(service, params=query).status_code == 422
    case_path, note = f"/casework/v1/cases/{case['id']}", {"reason": wrong["patronymic"]}
    assert worker.http.post(f"{case_path}/reopen", json=note, headers={"If-Match": '"1"'}).status_code == 403
    assert people(HEAD).command(case_path, "reopen", note, status=409)["type"] == "/problems/wrong-state"
    late = {"reason_code": "other", "note": wrong["patronymic"]}
    assert people(AGENCY).command(f"/referrals/v1/referrals/{referral['id']}", "reject", late, status=409)
    typed = {f"applicant.{name}": value for name, value in wrong.items() if isinstance(value, str)}
    typed |= {
        "applicant.iin": bad["iin"],
        "need": canaries.text("appeals", "typed"),
        "_key": uuid.uuid4().hex,
    }
    for path in (
        "/intake/register/look",
        "/intake/register/next",
        "/intake/register/household",
        "/intake/register/draft",
    ):
        assert page.post(path, data=typed).status_code == 200, path
    assert page.post("/intake/register", data=typed).status_code == 422
    for path in (f"/intake/families/{made['family_id']}/members", f"/intake/persons/{made['person_id']}"):
        fields = {
            "_version": "1",
            **{f"add.{name}": value for name, value in wrong.items() if isinstance(value, str)},
        }
        assert page.post(path, data={**fields, **wrong, "iin": bad["iin"]}).status_code in (409, 422), path


def lost(stack, at, applicant) -> None:
    """What is sent when the log-in is over, and by another site: given back, or refused, with all that was typed."""
    with browser(stack.origin) as nobody:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
            answer = nobody.post("/intake/search", data={"q": applicant["family_name"]}, headers=headers)
            assert answer.status_code == 401
    refused = at(WORKER).post(
        "/intake/search", data={"q": applicant["iin"]}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert refused.status_code == 403


def strangers(stack, canaries) -> None:
    """A log-in that is a citizen's name and IIN, mistyped into the wrong window."""
    person = canaries.person()
    with browser(stack.origin) as nobody:
        nobody.follow_redirects = True
        form = nobody.get("/session/log-in")
        sent = nobody.post(form.url, data={"login": person["family_name"], "password": person["iin"]})
        assert sent.status_code == 401
        form = {"grant_type": "client_credentials", "scope": person["given_name"], "code": person["iin"]}
        answer = nobody.post("/oidc/token", data=form, auth=(person["patronymic"], person["iin"]))
        assert answer.status_code == 401


# -- looking for them


def test_no_file_of_the_stack_has_any(stack, gone, canaries):
    places = list(files(stack))
    assert len([place for place, _ in places if place.startswith("file logs/")]) >= 12
    assert not leaks(canaries, places)


def test_no_collection_has_any_but_those_whose_they_are(world, gone, canaries):
    places = list(databases(world))
    assert {f"database intake.{name}" for name in (*READ_MODELS, "drafts")} <= {place for place, _ in places}
    assert not leaks(canaries, places)


def test_no_message_of_any_topic_has_any(world, gone, canaries):
    messages = list(topics(world))
    assert {place for place, _ in messages} == {f"topic {topic}" for topic in TOPICS}
    assert any(gone["made"]["family_id"] in text for _, text in messages)
    assert not leaks(canaries, messages)


def test_no_metric_has_any(stack, gone, canaries):
    assert not leaks(canaries, metrics(stack))


def test_no_address_and_no_header_of_an_answer_has_any(gone, canaries, heard):
    assert len(heard.told) > 100
    assert not leaks(canaries, [("an answer", told) for told in heard.told])


def test_every_text_of_every_body_was_said(gone, canaries, heard, routes):
    """In a request that was not refused: else nothing is known of where it goes."""
    walked, unsaid = 0, set()
    for route in routes:
        schemas, said = dict(members(route.body or {})), heard.said_with(canaries, route)
        for place in texts(route):
            if not is_listed(schemas[place]):
                walked += 1
                if place not in said:
                    unsaid.add((place[-1], f"{route} {dotted(place)}"))
    assert walked > 60
    assert not [text for name, text in sorted(unsaid, key=str) if name not in CODES]
    assert {name for name, _ in unsaid} == set(CODES)


def is_listed(schema: Mapping[str, Any]) -> bool:
    """Whether only a code of a list, an id, a date or a time is right there."""
    return any({"enum", "format"} & set(part) for part in (schema, *schema.get("anyOf", ())))


def test_they_are_found_where_they_belong(stack, world, gone, canaries):
    """So that those above cannot pass because nothing is looked for rightly."""
    found: dict[str, set[str]] = {}
    for place, text in [*databases(world), *files(stack)]:
        found.setdefault(place, set()).update(canaries.found_in(text))
    told = {place: set(kinds) for place, kinds in WHERE.items()}
    assert {place: told[place] & found[place] for place in told} == told
    lines = [json.loads(line) for line in (stack.data_dir / "sms" / "outbox.jsonl").read_text().splitlines()]
    assert [line for line in lines if line["phone"] == gone["applicant"]["phone"]]
    names = [value for value, kind in canaries.known.items() if kind == "person"]
    assert not [line for line in lines for name in names if name in line["text"]]


def test_one_planted_line_is_found(stack, gone, canaries):
    """In each of the spellings in which something could be told by accident."""
    value, planted = gone["applicant"]["family_name"], stack.log_file("planted")
    try:
        for spelling in (value, value.upper(), quote(value), json.dumps(value), ascii(value)):
            planted.write_text(f'{{"event": "planted", "who": {spelling}}}\n')
            assert leaks(canaries, files(stack)) == ["file logs/planted.log: 1 of person"], spelling
    finally:
        planted.unlink()


@pytest.mark.parametrize("name", READ_MODELS)
def test_one_planted_document_is_found(world, gone, canaries, name):
    """A name in a read model, which holds ids only."""
    collection = world.database("intake")[name]
    assert collection.find_one({}), "it is empty: so nothing was looked through"
    collection.insert_one({"_id": "planted", "name": gone["applicant"]["given_name"]})
    try:
        assert f"database intake.{name}: 1 of person" in leaks(canaries, databases(world))
    finally:
        collection.delete_one({"_id": "planted"})


def test_one_planted_message_is_found(world, gone, canaries):
    """In its key, in a header and in its value, as it is read from the log: in a topic of its own, that nobody hears."""
    value, topic = gone["applicant"]["family_name"], "birtereze.planted"
    body = {"reason": f"said of {value}"}
    planted = [
        Message(value, {}, b"{}"),
        Message("k", {"ce_subject": value}, b"{}"),
        Message("k", {}, json.dumps(body, ensure_ascii=False).encode()),
        Message("k", {}, json.dumps(body).encode()),
    ]
    world.event_log.create_topics([topic])
    try:
        assert world.event_log.append(topic, planted) == [0, 1, 2, 3]
        assert leaks(canaries, topics(world, [topic])) == [f"topic {topic}: 1 of person"] * 4
    finally:
        world.event_log.topic(topic).drop()


def test_exceptions_were_told_without_their_messages(stack, gone):
    """A document was spoiled above: what is told of errors is where they passed, never what they say."""
    entries = []
    for place, text in files(stack):
        if place.startswith("file logs/"):
            entries += [
                each for told in re.findall(r'"exception": (\[.*?\}\])', text) for each in json.loads(told)
            ]
    assert "builtins.KeyError" in {entry["type"] for entry in entries}
    for entry in entries:
        assert set(entry) <= {"type", "code", "stack"}
