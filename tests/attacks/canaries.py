"""Words, names, IINs and phones that nobody else has, the places where they are looked for, and where they may be found.

    canaries = Canaries()
    canaries.text("cases", "visit")             # free text that belongs into a collection
    leaks(canaries, databases(world))           # ["database intake.timeline: 1 of person"]
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from services.intake.domain.iin import synthetic_iin
from shared.embedded.ports import METRICS
from shared.log import Message
from tests.attacks.bodies import At, members
from tests.oracle import TOPICS
from tests.system.interface import SERVICES, Route

NOT_ENCRYPTED = "not encrypted yet (services/intake/README.md)"
WHERE: Mapping[str, Mapping[str, str]] = {
    "database intake.persons": {
        "person": f"names, IINs, addresses and code words are a person's; {NOT_ENCRYPTED}",
        "phone": f"and so are phones; {NOT_ENCRYPTED}",
    },
    "database intake.families": {
        "families": "why its danger was said anew, its members changed, a body told of it",
        "abuser": f"an alleged abuser is an entry in the family's document, not a person; {NOT_ENCRYPTED}",
    },
    "database intake.appeals": {"appeals": "what was said at the window, and about the appeal since"},
    "database intake.drafts": {
        "person": f"what stands in the form of a page that is not sent yet, its owner's only; {NOT_ENCRYPTED}",
        "phone": "the same",
        "appeals": "the same",
    },
    "database casework.cases": {"cases": "assessments, plans, visits and reasons are casework's"},
    "database referrals.referrals": {"referrals": "why help is asked for, and what the agency answers"},
    "database notifications.messages": {"messages": "how somebody was told another way"},
    "file sms/outbox.jsonl": {"phone": "what the sender has handed over: the adapter `file` is the network"},
}
"""Place → kind of canary that may be found there, and why. Free text is of the kind of the collection that keeps it."""
NOT_OURS = ("admin", "config", "local")
"""Databases of mongod itself. Its oplog (`local`) repeats every write: it is the same database once more, kept beside it."""
STORAGE = ("mongod/", "demo-secrets.json", "oidc-key.json")
"""Files that are looked into another way, or hold nothing of citizens."""


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

    def text(self, collection: str, what: str) -> str:
        """Free text, in the words of a worker, that a collection keeps."""
        return (
            f"Мәтін {self.of(collection, word(f'canary{what}'))}, {self.of(collection, cyrillic('Қанат'))}."
        )

    def person(self, kind: str = "person") -> dict[str, Any]:
        """Somebody as described. `kind`: of what kind all of him is; a phone of a person's is a kind of its own."""
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
            self.of(kind, value)
        return {
            **names,
            **contact,
            "birth_date": born.isoformat(),
            "sex": "female",
            "phone": self.of("phone" if kind == "person" else kind, f"+7701{random.randrange(10**7):07d}"),
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


# -- where they are said


@dataclass
class Heard:
    """What went over the line. `told`: what answers say beside their bodies, and the addresses to which pages lead; `taken`: method,
    path and body of requests that were not refused."""

    told: list[str] = field(default_factory=list)
    taken: list[tuple[str, str, Any]] = field(default_factory=list)

    def said_with(self, canaries: Canaries, route: Route) -> set[At]:
        """Where the bodies that a route has taken had a canary."""
        path = re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path))
        bodies = [body for method, at, body in self.taken if method == route.method and path.fullmatch(at)]
        return {
            at
            for at, _ in members(route.body or {})
            if any(canaries.found_in(text) for body in bodies for text in texts_at(body, at))
        }


def texts_at(body: Any, at: At) -> list[str]:
    """The texts that a body has there; 0 stands for every element of a list."""
    if not at:
        return [body] if isinstance(body, str) else []
    name, *rest = at
    if isinstance(name, int):
        within = body if isinstance(body, list) else []
    else:
        within = [body[name]] if isinstance(body, dict) and name in body else []
    return [text for each in within for text in texts_at(each, tuple(rest))]


# -- where they are looked for


def files(stack) -> Iterator[tuple[str, str]]:
    for path in sorted(Path(stack.data_dir).rglob("*")):
        name = str(path.relative_to(stack.data_dir))
        if path.is_file() and not name.startswith(STORAGE):
            yield f"file {name}", path.read_text(errors="replace")


def databases(world) -> Iterator[tuple[str, str]]:
    """Every document of every collection, as it is stored, with what waits in its outbox."""
    for name in world.client.list_database_names():
        if name not in NOT_OURS:
            service = next((each for each in SERVICES if world.database(each).name == name), name)
            for collection in world.client[name].list_collection_names():
                whole = b"".join(world.client[name][collection].find_raw_batches())
                yield f"database {service}.{collection}", whole.decode(errors="replace")


def topics(world, names: Iterable[str] = TOPICS) -> Iterator[tuple[str, str]]:
    for topic in names:
        for batch in world.event_log.read(topic):
            for delivery in batch:
                yield f"topic {topic}", spelled(delivery.message)


def spelled(message: Message) -> str:
    """All that a message says, as a reader of the log sees it."""
    headers = (f"{name}: {value}" for name, value in message.headers.items())
    return "\n".join([message.key, *headers, message.value.decode(errors="replace")])


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
    return [
        f"{place}: {len(values)} of {kind}"
        for place, text in places
        for kind, values in canaries.found_in(text).items()
        if kind not in WHERE.get(place, {})
    ]
