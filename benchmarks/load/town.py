"""Who asks for what: the staff of all centers and the health agencies of all regions, in the mix of a national year."""

from __future__ import annotations

import json
import queue
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pymongo import MongoClient

from benchmarks.load.lines import Request
from benchmarks.rounds import SEED
from shared import reference
from shared.embedded.demo.people import appeal_of, somebody
from shared.http.session import ACCESS
from shared.i18n import LANGUAGE_COOKIE
from tests import tokens
from tests.generated.centers import staff_of
from tests.system.family import today

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
        worker = self.chance.choice([member for member in staff_of(center) if member.role == "worker"])
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
