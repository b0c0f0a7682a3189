"""`make load`: what this machine holds, where it saturates, what gives first, and what happens beyond.

A stack of its own with the nation's open work in it (`generated`) is asked at growing rates, in the mix of a national year, by the
staff of all 153 centers and the health agencies of all regions. The schedule is open: each request has a moment at which it should
leave, drawn before (Poisson, `SEED`), whatever became of the earlier ones, and its latency counts from that moment. So a system
that stands still for a second has a second of slow requests, and not one.

**The mix.** A year has 76 thousand citizens and 111 thousand services: per 100 appeals about 23 cases with a plan of three
services, and 77 that end with advice; each case asks one partner. What is not in the figures is how often somebody looks: here
before and after every one of a worker's writes at the worklist and the file, and once at the case; the search goes before every
appeal; the partner looks into the inbox before each of its three commands, and once at the client's fields. Beside the writes that
the gateway sees stand those of the events that follow (relay, four consumers, SMS), which run on the same two cores.

**What is told.** For each rate: offered and done per second, p50, p95, p99 of what was served, how many were refused (503) and how
soon, errors, and the processor of each part (100 is one core). *Held* is the highest rate with p99 within `HELD_MS`. Then three
times as much as was held, and after it the usual rate again, second by second, until it is as quick as it was.
"""

from __future__ import annotations

import http.client
import http.server
import itertools
import json
import os
import queue
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from joserfc.jwk import KeySet
from pymongo import MongoClient

from benchmarks import generated
from benchmarks.rounds import SEED
from shared import reference
from shared.embedded import mongod, ports
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.stack import Stack
from shared.http.session import ACCESS
from shared.i18n import LANGUAGE_COOKIE
from tests import tokens
from tests.conftest import free_port
from tests.system.family import today

FAMILIES = 153 * generated.OPEN
"""All that is open, and nothing that is done: how much is done makes no difference (`sizes`)."""
RATES = (10, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300)
SECONDS = 10.0
HELD_MS = 250.0
LINES = 192
"""Connections, each with a thread: more than all services take at once, so that it is never the load that waits."""
TIMEOUT = 30.0
SATURATED_MS = 1_000.0
USUAL = 0.7
"""The usual rate, as a part of the one that was held."""
RECOVERS_SECONDS = 10
MIX = {
    "appeal": 100,
    "worklist": 350,
    "family file": 250,
    "case": 100,
    "search": 100,
    "inbox": 70,
    "client": 23,
    "partner's command": 69,
}
"""Kind of request → how many of them there are to 100 appeals."""


# ------------------------------------------------------------------ who asks for what


@dataclass(frozen=True)
class Request:
    """One request. `heard` is given the answer's body where it succeeded."""

    kind: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    heard: Callable[[bytes], None] = lambda body: None


@dataclass
class Referral:
    """A referral that is the health agency's to answer or to carry out; one command at a time."""

    id: str
    agency: str
    version: int
    next: list[str]


@dataclass
class Town:
    """The people of all centers, what they have to do, and what they ask for. Used by one thread, but for `heard`."""

    issuer: str
    chance: Random
    files: Sequence[tuple[str, str, str]]
    """Family, holder, center."""
    cases: Sequence[tuple[str, str, str]]
    """Case, holder, center."""
    iins: Sequence[str]
    to_answer: queue.SimpleQueue[Referral]
    accepted: list[Referral]
    known: dict[str, str] = field(default_factory=dict)

    def request(self) -> Request:
        """The next one, of a kind by chance."""
        kind = self.chance.choices(list(MIX), weights=MIX.values())[0]
        return self.ASKS[kind](self) or self._inbox()

    def _appeal(self) -> Request:
        center = self.chance.choice(reference.centers())
        body = {**appeal_of(somebody("kk")), "center_id": center.id}
        worker = self.chance.choice(
            [member for member in generated.staff_of(center) if member.role == "worker"]
        )
        return self._program("appeal", worker.id, center.id, "/intake/v1/appeals", body)

    def _worklist(self) -> Request:
        _, holder, center = self.chance.choice(self.files)
        return self._page("worklist", holder, center, "/intake/worklist")

    def _file(self) -> Request:
        family, holder, center = self.chance.choice(self.files)
        return self._page("family file", holder, center, f"/intake/families/{family}")

    def _case(self) -> Request:
        case, holder, center = self.chance.choice(self.cases)
        return self._page("case", holder, center, f"/casework/cases/{case}")

    def _search(self) -> Request:
        _, holder, center = self.chance.choice(self.files)
        body = {"q": self.chance.choice(self.iins)}
        return self._program("search", holder, center, "/intake/v1/persons/search", body)

    def _inbox(self) -> Request:
        agency = self.chance.choice([each for each in reference.agencies() if each.kind == "health"])
        headers = self._cookies(self._token(agency.id, roles=["partner"], agency_id=agency.id))
        return Request("inbox", "GET", "/referrals/inbox", headers)

    def _client(self) -> Request | None:
        if not self.accepted:
            return None
        referral = self.chance.choice(self.accepted)
        return Request(
            "client", "GET", f"/referrals/v1/referrals/{referral.id}/client", self._partner(referral)
        )

    def _command(self) -> Request | None:
        """Accept, start or complete; None where all that there was is done."""
        try:
            referral = self.to_answer.get_nowait()
        except queue.Empty:
            return None
        command = referral.next.pop(0)
        given = {"summary": "Көмек берілді.", "given_on": today().isoformat(), "condition": "home"}
        body = {"result": given} if command == "complete" else {}
        headers = {
            **self._partner(referral),
            "Content-Type": "application/json",
            "If-Match": f'"{referral.version}"',
            "Idempotency-Key": uuid.uuid4().hex,
        }

        def heard(answer: bytes) -> None:
            referral.version = json.loads(answer)["version"]
            if command == "accept":
                self.accepted.append(referral)
            if command == "complete":
                self.accepted.remove(referral)
            else:
                self.to_answer.put(referral)

        path = f"/referrals/v1/referrals/{referral.id}/{command}"
        return Request("partner's command", "POST", path, headers, json.dumps(body).encode(), heard)

    ASKS = {
        "appeal": _appeal,
        "worklist": _worklist,
        "family file": _file,
        "case": _case,
        "search": _search,
        "inbox": _inbox,
        "client": _client,
        "partner's command": _command,
    }

    def _page(self, kind: str, login: str, center: str, path: str) -> Request:
        return Request(kind, "GET", path, self._cookies(self._staff(login, center)))

    def _program(self, kind: str, login: str, center: str, path: str, body: Any) -> Request:
        headers = {
            "Authorization": f"Bearer {self._staff(login, center)}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        return Request(kind, "POST", path, headers, json.dumps(body).encode())

    def _partner(self, referral: Referral) -> dict[str, str]:
        token = self._token(referral.agency, roles=["partner"], agency_id=referral.agency)
        return {"Authorization": f"Bearer {token}"}

    def _staff(self, login: str, center: str) -> str:
        return self._token(login, roles=["worker"], center_id=center)

    def _token(self, login: str, **claims: Any) -> str:
        if login not in self.known:
            hour = int(time.time()) + 3600
            self.known[login] = tokens.token(login, iss=self.issuer, exp=hour, **claims)
        return self.known[login]

    @staticmethod
    def _cookies(token: str) -> dict[str, str]:
        return {"Cookie": f"{ACCESS}={token}; {LANGUAGE_COOKIE}=kk", "Accept": "text/html"}


def town(mongo_url: str, issuer: str) -> Town:
    """Everybody, with what there is in the stores."""
    with MongoClient(mongo_url) as client:
        families = client["intake"]["families"].find({}, {"holder": 1, "center_id": 1})
        cases = client["casework"]["cases"].find({}, {"holder": 1, "center_id": 1})
        persons = client["intake"]["persons"].find({"iin": {"$type": "string"}}, {"iin": 1}).limit(2_000)
        referrals = client["referrals"]["referrals"].find({}, {"agency_id": 1, "version": 1, "state": 1})
        ways = {"requested": ["accept", "start", "complete"], "accepted": ["start", "complete"]}
        waiting = [
            Referral(each["_id"], each["agency_id"], each["version"], list(ways[each["state"]]))
            for each in referrals
            if each["state"] in ways
        ]
        chance = Random(SEED)
        chance.shuffle(waiting)
        to_answer: queue.SimpleQueue[Referral] = queue.SimpleQueue()
        for referral in waiting:
            to_answer.put(referral)
        return Town(
            issuer=issuer,
            chance=chance,
            files=[(each["_id"], each["holder"], each["center_id"]) for each in families],
            cases=[(each["_id"], each["holder"], each["center_id"]) for each in cases],
            iins=[each["iin"] for each in persons],
            to_answer=to_answer,
            accepted=[each for each in waiting if len(each.next) == 2],
        )


# ------------------------------------------------------------------ the schedule, and who keeps it


@dataclass(frozen=True)
class Outcome:
    """What became of a request. `seconds`: from when it should have left; `status` 0: no answer."""

    kind: str
    due: float
    seconds: float
    status: int


def poisson(rate: float, seconds: float, chance: Random) -> list[float]:
    """Moments of people who do not know of each other, so many a second."""
    moments = itertools.accumulate(iter(lambda: chance.expovariate(rate), None))
    return list(itertools.takewhile(lambda at: at < seconds, moments))


class Lines:
    """Connections to the gateway, each with a thread that sends what is due and waits for the answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._due: queue.SimpleQueue[tuple[float, Request] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(LINES)]
        for thread in self._threads:
            thread.start()

    def keep(self, schedule: Sequence[float], ask: Callable[[], Request]) -> list[Outcome]:
        """A request at each of these moments, in seconds from now; returns when all have their answer."""
        begun = time.monotonic()
        for at in schedule:
            time.sleep(max(0.0, begun + at - time.monotonic()))
            self._due.put((begun + at, ask()))
        return [self._outcomes.get() for _ in schedule]

    def close(self) -> None:
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        while (next := self._due.get()) is not None:
            due, request = next
            status = self._ask(line, request)
            self._outcomes.put(Outcome(request.kind, due, time.monotonic() - due, status))
        line.close()

    @staticmethod
    def _ask(line: http.client.HTTPConnection, request: Request) -> int:
        try:
            line.request(request.method, request.path, request.body, dict(request.headers))
            answer = line.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return 0
        if answer.status in (200, 201):
            request.heard(body)
        elif answer.status == 503 and not answer.headers["Retry-After"]:
            return 0  # whoever is refused has to be told when to come back
        return answer.status


# ------------------------------------------------------------------ what is told


@dataclass(frozen=True)
class Told:
    """What was seen at one rate."""

    rate: float
    seconds: float
    outcomes: Sequence[Outcome]
    cores: Mapping[str, float]
    """Part → how many cores it had."""

    @property
    def served(self) -> list[float]:
        return sorted(each.seconds for each in self.outcomes if each.status in (200, 201))

    @property
    def refused(self) -> list[float]:
        return sorted(each.seconds for each in self.outcomes if each.status == 503)

    @property
    def errors(self) -> Counter[tuple[str, int]]:
        return Counter(
            (each.kind, each.status) for each in self.outcomes if each.status not in (200, 201, 503)
        )

    @property
    def held(self) -> bool:
        return not self.refused and not self.errors and 1000 * quantile(self.served, 0.99) <= HELD_MS

    @property
    def saturated(self) -> bool:
        return bool(self.refused) or 1000 * quantile(self.served, 0.99) > SATURATED_MS

    def line(self) -> str:
        quantiles = "".join(f"{1000 * quantile(self.served, part):8.0f}" for part in (0.5, 0.95, 0.99))
        refused = (
            f"{1000 * quantile(self.refused, 0.5):6.0f}{1000 * quantile(self.refused, 0.99):7.0f}"
            if self.refused
            else ""
        )
        busiest = sorted(self.cores.items(), key=lambda part: -part[1])[:5]
        parts = ", ".join(f"{name} {100 * share:.0f}" for name, share in busiest)
        return (
            f"{len(self.outcomes) / self.seconds:8.1f}{len(self.served) / self.seconds:8.1f}{quantiles}"
            f"{len(self.refused):8}{sum(self.errors.values()):8}{refused:>14}  {parts}"
        )


HEAD = (
    f"{'offered':>8}{'done/s':>8}{'p50 ms':>8}{'p95':>8}{'p99':>8}{'503s':>8}{'errors':>8}{'503: p50  p99':>14}"
    "  processor, % of a core"
)


def quantile(ordered: Sequence[float], part: float) -> float:
    """Of values in order, the one below which this part of them lies; NaN of none."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def told(stack: Stack, lines: Lines, town: Town, rate: float, seconds: float = SECONDS) -> Told:
    before, begun = used(stack), time.monotonic()
    outcomes = lines.keep(poisson(rate, seconds, town.chance), town.request)
    took = time.monotonic() - begun
    after = used(stack)
    cores = {name: (after[name] - before.get(name, 0.0)) / took for name in after}
    return Told(rate, seconds, outcomes, cores)


def used(stack: Stack) -> dict[str, float]:
    """Seconds of processor that each part has used, with what it started; and this program."""
    seconds = {name: sum(map(processor, family(stack.pid_of(name)))) for name in stack.parts}
    return {**seconds, "the load itself": processor(os.getpid())}


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def climb(stack: Stack, lines: Lines, town: Town, rates: Sequence[float]) -> tuple[float, float]:
    """Growing rates, until it saturates: the highest rate that was held, and the first that was too much (NaN: none was).

    Raises SystemExit where not even the lowest was held.
    """
    print(HEAD)
    found = []
    for rate in rates:
        found.append(told(stack, lines, town, rate))
        print(found[-1].line(), flush=True)
        for (kind, status), many in found[-1].errors.items():
            print(f"{'':8}{kind}: {many} × {status}")
        if found[-1].saturated:
            break
    held = [each.rate for each in itertools.takewhile(lambda each: each.held, found)]
    if not held:
        raise SystemExit("Not even the lowest rate was held.")
    return held[-1], found[-1].rate if found[-1].saturated else float("nan")


def overload(stack: Stack, lines: Lines, town: Town, held: float) -> None:
    """Three times as much as it can do, and how long it takes afterwards until all is as before."""
    usual = held * USUAL
    before = told(stack, lines, town, usual)
    much = told(stack, lines, town, 3 * held)
    after = [told(stack, lines, town, usual, 1.0) for _ in range(RECOVERS_SECONDS)]
    print(f"\nThe usual rate, three times what was held, and the usual rate again:\n{HEAD}")
    print(f"{before.line()}\n{much.line()}")
    slow = max((second for second, each in enumerate(after, 1) if not each.held), default=0)
    p99s = " ".join(f"{1000 * quantile(each.served, 0.99):.0f}" for each in after)
    print(f"p99 of each second afterwards, in ms: {p99s}")
    print(f"held again after {slow} s" if slow < RECOVERS_SECONDS else "not held again")


# ------------------------------------------------------------------ the stack


@contextmanager
def issuing(issuer_port: int) -> Iterator[str]:
    """Keys of the issuer and, beside them, the one with which the load makes tokens for people who have no password; their URL."""

    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            theirs = httpx.get(f"http://127.0.0.1:{issuer_port}/oidc/jwks", trust_env=False).json()["keys"]
            ours = KeySet([tokens.KEY]).as_dict(private=False)["keys"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [*theirs, *ours]}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def crowded(families: int = FAMILIES) -> Iterator[tuple[Stack, Town]]:
    """A stack with so many families, and the people who come to it."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name:
        folder, port = Path(name), ports.free_base()
        with mongod.running(folder / "stories", free_port()) as url:
            stories = generated.walked(url)
        with generated.alone(folder / "data" / "mongod", free_port()) as url:
            generated.fill(url, "", stories, families)
        with (
            issuing(port + ports.ISSUER) as keys,
            Stack(folder / "data", port, environment={"JWKS_URL": keys}) as stack,
        ):
            yield stack, town(stack.mongo_url, f"{stack.origin}/oidc")


def main(rates: Sequence[float] = RATES) -> int:
    print(f"SEED={SEED}. Filling a stack with {FAMILIES:,} families …", flush=True)
    with crowded() as (stack, people):
        lines = Lines(stack.port)
        told(stack, lines, people, 5, 5.0)  # connections, keys, caches
        held, much = climb(stack, lines, people, rates)
        print(
            f"Held: {held:.0f} requests a second, p99 within {HELD_MS:.0f} ms; too much: {much:.0f}.",
            flush=True,
        )
        overload(stack, lines, people, held)
        lines.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
