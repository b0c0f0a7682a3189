"""`make bench-pages`: how long each page takes to answer, warm, in a center with two hundred families.

A stack of its own is started and filled through the public APIs; then each page is asked for over HTTP, through the gateway, with
the session's cookie of somebody who reads it, one request after another. Before each of them goes one for a route that does
nothing: what that takes is the floor, and a page is also told as a multiple of it, for the machine may be busy.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from shared.embedded.demo.callers import People, Resource, until
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.demo.teller import Teller, today
from shared.embedded.demo.way import HEAD, NEEDS, WORKER, Way, case_path
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from tests.callers import reader

FAMILIES = 200
REQUESTS = 200
WARM = 20
PARTNER = "partner.health.astana"
FLOOR = "/intake/healthz"
FRAGMENT = re.compile("/(identity|names|panel)")
"""What a page fetches to put into itself."""


@dataclass(frozen=True)
class Timing:
    """Seconds of each request, and of the one for the floor that went before it."""

    page: list[float]
    floor: list[float]

    def line(self, name: str) -> str:
        half, most = quantiles(self.page)
        floor, _ = quantiles(self.floor)
        return f"{name:24}{half * 1000:9.1f}{most * 1000:9.1f}{half / floor:9.1f}{most / floor:9.1f}"


def pages(case: Resource, referral: Resource, message: Resource) -> dict[str, tuple[str, str]]:
    """Name → (who reads it, address). The family is one with which everything has happened."""
    family, of_family = case["family_id"], f"families/{case['family_id']}"
    return {
        "worklist": (WORKER, "/intake/worklist"),
        "worklist of the center": (HEAD, "/intake/worklist?view=center"),
        "register": (WORKER, "/intake/register"),
        "appeals": (WORKER, "/intake/appeals"),
        "appeal": (WORKER, f"/intake/appeals/{case['appeal_ids'][0]}"),
        "family": (WORKER, f"/intake/{of_family}"),
        "identity": (WORKER, f"/intake/{of_family}/identity"),
        "names": (WORKER, f"/intake/families/names?ids={family}"),
        "person": (WORKER, f"/intake/persons/{case['person_id']}"),
        "cases": (WORKER, "/casework/cases"),
        "case": (WORKER, f"/casework/cases/{case['id']}"),
        "panel of the case": (WORKER, f"/casework/{of_family}/panel"),
        "referrals": (WORKER, "/referrals/sent"),
        "referral": (WORKER, f"/referrals/referrals/{referral['id']}"),
        "panel of referrals": (WORKER, f"/referrals/{of_family}/panel"),
        "inbox": (PARTNER, "/referrals/inbox"),
        "referral in the inbox": (PARTNER, f"/referrals/inbox/{referral['id']}"),
        "messages": (WORKER, "/notifications/messages"),
        "message": (WORKER, f"/notifications/messages/{message['id']}"),
        "panel of messages": (WORKER, f"/notifications/{of_family}/panel"),
    }


# ------------------------------------------------------------------ a center with families


def fill(people: People) -> tuple[Resource, Resource, Resource]:
    """Families that have come so or so far. Returns case, referral and message of one that has gone the whole way."""
    case = Way(people, Teller(silent=True)).walk("kk")
    for n in range(FAMILIES - 1):
        appeal = people(WORKER).create("/intake/v1/appeals", appeal_of(somebody("kk" if n % 2 else "ru")))
        if n % 4:
            further(people, appeal, n)
    head = people(HEAD)
    of_family = {"family_id": case["family_id"]}
    return (
        case,
        head.get("/referrals/v1/referrals", **of_family)["items"][0],
        head.get("/notifications/v1/messages", **of_family)["items"][0],
    )


def further(people: People, appeal: Resource, n: int) -> None:
    """A case of the appeal; of every other one also an assessment and a plan."""
    path = f"/intake/v1/appeals/{appeal['id']}"
    people(WORKER).command(path, "screening", {"outcome": "open-case", "note": "Жоспар керек."})
    if n % 2:
        return

    def opened() -> Resource | None:
        found = people(HEAD).get("/casework/v1/cases", appeal_id=appeal["id"])["items"]
        return found[0] if found else None

    case = until(opened, "casework opens the case")
    due_on = (today() + timedelta(days=30)).isoformat()
    measures = [{"kind": "housing", "responsible": {"type": "center"}, "due_on": due_on}]
    holder = people(case["holder"])
    holder.command(case_path(case), "assessment", {"domains": NEEDS})
    holder.command(case_path(case), "plan", {"goals": ["Қысқа баспана"], "measures": measures})


# ------------------------------------------------------------------ measuring


def measured(http: httpx.Client, address: str) -> Timing:
    """A page asked for again and again. Raises SystemExit where it does not answer as it should."""
    timing = Timing([], [])
    for n in range(WARM + REQUESTS):
        floor, page = asked(http, FLOOR), asked(http, address)
        if n >= WARM:
            timing.floor.append(floor)
            timing.page.append(page)
    return timing


def asked(http: httpx.Client, address: str) -> float:
    headers = {"HX-Request": "true"} if FRAGMENT.search(address) else {}
    begun = time.perf_counter()
    answer = http.get(address, headers=headers)
    took = time.perf_counter() - begun
    if answer.status_code != 200:
        raise SystemExit(f"{address} answers {answer.status_code}")
    return took


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    return statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def table(stack: Stack, wanted: Mapping[str, tuple[str, str]]) -> None:
    print(f"{'page':24}{'p50 ms':>9}{'p95 ms':>9}{'p50 ×':>9}{'p95 ×':>9}")
    floors: list[float] = []
    for name, (login, address) in wanted.items():
        with reader(stack, login) as http:  # a new log-in each time: an access token is good for minutes only
            timing = measured(http, address)
        floors += timing.floor
        print(timing.line(name), flush=True)
    half, most = quantiles(floors)
    print(f"{'floor: ' + FLOOR:24}{half * 1000:9.1f}{most * 1000:9.1f}")
    print(
        f"{REQUESTS} requests for each page, one after another, {FAMILIES} families. ×: multiples of the floor's median."
    )


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="bench-pages-") as folder,
        Stack(Path(folder) / "data", free_base()) as stack,
    ):
        people = People(stack.origin, stack.secrets)
        print(f"Filling a center with {FAMILIES} families …", flush=True)
        case, referral, message = fill(people)
        people.close()
        table(stack, pages(case, referral, message))
    return 0


if __name__ == "__main__":
    sys.exit(main())
