"""Where personal data go: a family with names, phones, IINs and words that nobody else has goes its whole way, with all that can go wrong
on it, and then these are looked for everywhere.

`WHERE` says where they may be found and why; everything else that holds one is a leak.
"""

from __future__ import annotations

import json
import random
import re
import string
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.intake.domain.iin import synthetic_iin
from shared.embedded.ports import METRICS
from tests.attacks.pages import at, browser
from tests.callers import appeal, until
from tests.oracle import TOPICS
from tests.system.family import DOMAINS, referred, registered, today
from tests.system.interface import SERVICES
from tests.system.whose import AGENCY

__all__ = ["at"]

WORKER, HEAD = "worker.astana", "supervisor.astana"
WHERE: Mapping[str, Mapping[str, str]] = {
    "database intake": {
        "person": "names, phones, IINs and addresses are intake's; not encrypted yet (services/intake/README.md)",
        "intake": "what was said at the window",
    },
    "database casework": {"casework": "assessments, plans, visits and reasons are casework's"},
    "database referrals": {"referrals": "why help is asked for, and what the agency answers"},
    "file sms/outbox.jsonl": {"phone": "what the sender has handed over: the adapter `file` is the network"},
}
"""Place → kind of canary that may be found there, and why. A phone is a person's too."""
NOT_OURS = ("admin", "config", "local")
"""Databases of mongod itself. Its oplog (`local`) repeats every write: it is the same database once more, kept beside it."""
STORAGE = ("mongod/", "demo-secrets.json", "oidc-key.json")
"""Files that are looked into another way, or hold nothing of citizens."""


LINK = re.compile(r"""(?:href|action|src|hx-\w+)="([^"]*)\"""")


def word(prefix: str) -> str:
    return prefix + "".join(random.choices(string.ascii_lowercase, k=10))


def cyrillic(prefix: str) -> str:
    return prefix + "".join(random.choices("абвгдежзиклмнопрст", k=10))


@dataclass
class Canaries:
    """Words that stand nowhere else. `known`: word → of what kind it is."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str, value: str) -> str:
        self.known[value] = kind
        return value

    def text(self, service: str, what: str) -> str:
        """Free text, in the words of a worker, that belongs to a service."""
        return f"Мәтін {self.of(service, word(f'canary{what}'))}, {self.of(service, cyrillic('Қанат'))}."

    def person(self) -> dict[str, Any]:
        born = date(1980, 1, 1) + timedelta(days=random.randrange(9000))
        names = {
            "family_name": cyrillic("Канарейк"),
            "given_name": cyrillic("Қанар"),
            "patronymic": word("Canaryevna"),
        }
        contact = {
            "iin": synthetic_iin(born, random.randrange(9000)),
            "address": {"kato": "710000000", "line": word("Canary street ")},
        }
        for value in (*names.values(), contact["iin"], contact["address"]["line"]):
            self.of("person", value)
        return {
            **names,
            **contact,
            "birth_date": born.isoformat(),
            "sex": "female",
            "phone": self.of("phone", f"+7701{random.randrange(10**7):07d}"),
            "language": "kk",
        }

    def found_in(self, text: str) -> dict[str, set[str]]:
        """Kind → the canaries of it that a text holds, in whatever spelling."""
        found: dict[str, set[str]] = {}
        whole = text.casefold()
        for value, kind in self.known.items():
            if any(each in whole for each in spellings(value)):
                found.setdefault(kind, set()).add(value)
        return found


def spellings(value: str) -> set[str]:
    """A canary as it is, in an address, in JSON of ASCII only, and as people set it apart."""
    apart = f"{value[:6]} {value[6:]}" if len(value) == 12 and value.isdigit() else value
    every = {value, value.removeprefix("+"), quote(value), json.dumps(value)[1:-1], apart, ascii(value)[1:-1]}
    return {each.casefold() for each in every}


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
def answered(people, at) -> list[str]:
    """What answers say beside their bodies, and the addresses to which pages lead."""
    told: list[str] = []

    def listen(answer: httpx.Response) -> None:
        answer.read()
        links = LINK.findall(answer.text) if "text/html" in answer.headers.get("Content-Type", "") else []
        told.append(
            "\n".join([str(answer.request.url.path), *map(str, answer.headers.multi_items()), *links])
        )

    for http in (people(WORKER).http, people(HEAD).http, people(AGENCY).http, at(WORKER)):
        http.event_hooks = {"response": [listen]}
    yield told
    for http in (people(WORKER).http, people(HEAD).http, people(AGENCY).http, at(WORKER)):
        http.event_hooks = {}


@pytest.fixture(scope="module")
def gone(stack, people, at, world, canaries, answered, every_slow_query_would_be_told) -> dict[str, Any]:
    """A family that has gone its whole way, with everything on it that goes wrong."""
    said, applicant, child = canaries.text, canaries.person(), canaries.person()
    body = {
        "applicant": applicant,
        "household": [{**child, "relation": "child"}],
        "need": said("intake", "need"),
        "safe_contact": {"sms": "yes", "code_word": canaries.of("person", word("codeword"))},
    }
    made = registered(people, **body)
    case = opened_with_words(people, made, said)
    everybody_at_once(people, canaries)
    world.at_rest()
    case = planned_with_words(people, case, said)
    referral = referred(people, case, reason=said("referrals", "reason"))
    helped(people, case, referral, said, applicant)
    searched(people, at, applicant, child)
    mistaken(people, at, made, case, referral, canaries)
    lost(stack, at, applicant)
    strangers(stack, canaries)
    world.at_rest()
    return {"made": made, "case": case, "referral": referral, "applicant": applicant}


def opened_with_words(people, made, said) -> dict[str, Any]:
    path = f"/intake/v1/appeals/{made['id']}"
    for holder in ("worker2.astana", WORKER):
        people(HEAD).command(path, "assign", {"holder": holder, "reason": said("intake", "assign")})
    danger = {"life": None, "child": True, "domestic_violence": None, "reason": said("intake", "danger")}
    people(WORKER).command(f"/intake/v1/families/{made['family_id']}", "danger", danger)
    screening = {"outcome": "open-case", "note": said("intake", "screening")}
    people(WORKER).command(path, "screening", screening)
    found = until(lambda: people(HEAD).items("/casework/v1/cases", appeal_id=made["id"]), "the case is open")
    if found[0]["holder"] != WORKER:
        reason = {"holder": WORKER, "reason": said("casework", "assign")}
        return people(HEAD).command(f"/casework/v1/cases/{found[0]['id']}", "assign", reason)
    return found[0]


def planned_with_words(people, case, said) -> dict[str, Any]:
    worker, head, path = people(WORKER), people(HEAD), f"/casework/v1/cases/{case['id']}"
    worker.command(
        path, "assessment", {"domains": dict.fromkeys(DOMAINS, 2), "note": said("casework", "assessment")}
    )
    help = {
        "kind": "other",
        "given_on": today().isoformat(),
        "condition": "home",
        "note": said("casework", "help"),
    }
    worker.command(path, "help", help)
    due = (today() + timedelta(days=20)).isoformat()
    agency = {"type": "agency", "agency_id": AGENCY}
    measures = [
        {"kind": "medical", "responsible": agency, "due_on": due, "text": said("casework", "measure")},
        {
            "kind": "housing",
            "responsible": {"type": "center"},
            "due_on": due,
            "text": said("casework", "measure"),
        },
    ]
    worker.command(path, "plan", {"goals": [said("casework", "goal")], "measures": measures})
    worker.command(path, "plan/sign", {"by": "worker", "method": "paper"})
    head.command(path, "plan/return", {"reason": said("casework", "return")}, status=409)
    worker.command(path, "plan/sign", {"by": "family", "person_id": case["person_id"], "method": "paper"})
    return head.command(path, "plan/approve", {})


def helped(people, case, referral, said, applicant) -> None:
    """The agency accepts, reads the client's fields, waits, and gives its help; the rest is the center's."""
    agency, path = people(AGENCY), f"/referrals/v1/referrals/{referral['id']}"
    agency.command(path, "accept", {})
    until(lambda: agency.http.get(f"{path}/client").status_code == 200, "the client's fields are shown")
    told = agency.get(f"{path}/client")
    assert (told["iin"], told["phone"]) == (applicant["iin"], applicant["phone"])
    agency.command(path, "start", {})
    agency.command(path, "hold", {"note": said("referrals", "hold")})
    agency.command(path, "resume", {})
    result = {"summary": said("referrals", "summary"), "given_on": today().isoformat(), "condition": "home"}
    agency.command(path, "complete", {"result": result})
    at, worker = f"/casework/v1/cases/{case['id']}", people(WORKER)
    worker.command(at, "measures/2/cancel", {"reason": said("casework", "cancel")})
    until(lambda: worker.get(at)["measures"][0]["state"] == "delivered", "the measure is delivered")
    worker.command(at, "review", {"outcome": "keep", "level": "B", "note": said("casework", "review")})
    worker.command(at, "closure", {"reason": "goals-met", "note": said("casework", "closure")})


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
    typed |= {"applicant.iin": bad["iin"], "need": canaries.text("intake", "typed"), "_key": uuid.uuid4().hex}
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


def files(stack) -> Iterator[tuple[str, str]]:
    for path in sorted(Path(stack.data_dir).rglob("*")):
        name = str(path.relative_to(stack.data_dir))
        if path.is_file() and not name.startswith(STORAGE):
            yield f"file {name}", path.read_text(errors="replace")


def databases(world) -> Iterator[tuple[str, str]]:
    """Every document of every collection, as it is stored."""
    for name in world.client.list_database_names():
        if name not in NOT_OURS:
            service = next((each for each in SERVICES if world.database(each).name == name), name)
            for collection in world.client[name].list_collection_names():
                whole = b"".join(world.client[name][collection].find_raw_batches())
                yield f"database {service}", whole.decode(errors="replace")


def topics(world) -> Iterator[tuple[str, str]]:
    for topic in TOPICS:
        for batch in world.event_log.read(topic):
            for delivery in batch:
                yield f"topic {topic}", repr(delivery.message)


def metrics(stack) -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        for place in (
            f"{stack.origin}/{service}/metrics",
            f"http://127.0.0.1:{stack.port + METRICS[service]}/metrics",
        ):
            answer = httpx.get(place, trust_env=False)
            assert answer.status_code == 200
            yield f"metrics {service}", answer.text


def leaks(canaries: Canaries, places: Iterable[tuple[str, str]]) -> list[str]:
    """Where a canary stands that may not stand there."""
    found = []
    for place, text in places:
        allowed = set(WHERE.get(place, {}))
        if "person" in allowed:
            allowed.add("phone")
        for kind, values in canaries.found_in(text).items():
            if kind not in allowed:
                found.append(f"{place}: {len(values)} of {kind}")
    return found


def test_no_file_of_the_stack_has_any(stack, gone, canaries):
    places = list(files(stack))
    assert len([place for place, _ in places if place.startswith("file logs/")]) >= 12
    assert not leaks(canaries, places)


def test_no_database_has_any_but_the_service_s_whose_they_are(world, gone, canaries):
    assert not leaks(canaries, databases(world))


def test_no_message_of_any_topic_has_any(world, gone, canaries):
    messages = list(topics(world))
    assert {place for place, _ in messages} == {f"topic {topic}" for topic in TOPICS}
    assert any(gone["made"]["family_id"] in text for _, text in messages)
    assert not leaks(canaries, messages)


def test_no_metric_has_any(stack, gone, canaries):
    assert not leaks(canaries, metrics(stack))


def test_no_address_and_no_header_of_an_answer_has_any(gone, canaries, answered):
    assert len(answered) > 100
    assert not leaks(canaries, [("an answer", told) for told in answered])


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
        for spelled in (value, value.upper(), quote(value), json.dumps(value), ascii(value)):
            planted.write_text(f'{{"event": "planted", "who": {spelled}}}\n')
            assert leaks(canaries, files(stack)) == ["file logs/planted.log: 1 of person"], spelled
    finally:
        planted.unlink()


def test_exceptions_were_told_without_their_messages(stack, gone):
    """A race for an IIN has been lost above: what is told of errors is where they passed, never what they say."""
    entries = []
    for place, text in files(stack):
        if place.startswith("file logs/"):
            entries += re.findall(r'"exception": (\[.*?\}\])', text)
    for entry in entries:
        assert {name for each in json.loads(entry) for name in each} <= {"type", "code", "stack"}
