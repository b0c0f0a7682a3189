"""Families by the ten thousand, straight into the stores: as many as some years of the nation leave there.

    with mongod.running(folder, port) as url:
        stories = walked(url)                                    # a few families, walked through the product
    with alone(other_folder, port) as url:
        fill(url, "large_", stories, families=300_000)           # and multiplied

What a family leaves in the four databases is not made up here. A stack is started, a few families are taken through the public
APIs, each as far as its story goes, and what the product has then stored of them is read and multiplied, byte for byte but for what
must differ: ids, the numbers of the journal, names, dates of birth, IINs, telephones, center and staff, and all moments, which are
moved together. So a document that is stored otherwise tomorrow is generated otherwise tomorrow.

The people are marked: their family names begin with `Сынақ` (a trial), and the 7th digit of their IINs is 9. Families are spread
evenly over the 153 centers. What is open is as much as the staff of a center can carry, `OPEN` in each, however many families there
are; all else is done, and lies weeks to four years back. Of what is done a quarter are cases with a plan, the others were helped by
advice: so the year has 111 thousand services for 76 thousand citizens, if a case has three and advice is one. Of the access log
there is nothing: it is a line for each reading.
"""

from __future__ import annotations

import itertools
import re
import struct
import subprocess
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

import services.casework.policy
import services.casework.store
import services.intake.policy
import services.intake.store
import services.notifications.policy
import services.notifications.store
import services.referrals.policy
import services.referrals.store
from services.casework.store import StaffList
from services.intake.domain import names
from services.intake.domain.iin import check_digit, synthetic_iin
from shared import reference
from shared.embedded import mongod
from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.reference import Center, Staff
from shared.settings import Settings
from tests.callers import Callers
from tests.oracle import World
from tests.system.family import People, opened, planned, referred, registered, today

SEED = 7
OPEN = 30
"""Families of a center that something is to be done for: fifteen of each of its two workers."""
YEARS = 4
WRITERS = 2
AT_ONCE = 2_000
"""Documents of one insert."""
FIRST, HIGHEST = 1_001, 900_000
"""The numbers of the journals: what was walked has lower ones, and the product goes on with higher ones."""

WORKER, COLLEAGUE, HEAD, AGENCY = (
    "worker.astana",
    "worker2.astana",
    "supervisor.astana",
    "agency-health-astana",
)
SURNAME = "Сынақ"
"""A trial: the beginning of all family names here."""
SYLLABLES = [(c + v, names.fold(c + v)) for c, v in itertools.product("бвдзлмпрст", "аеиоу")]
"""A syllable of a name as it is written, and as it stands in a key: each letter is one."""

KEPT: Mapping[str, Sequence[str]] = {
    "intake": (
        "appeals",
        "families",
        "persons",
        "files",
        "worklist",
        "timeline",
        "known_referrals",
    ),
    "casework": ("cases", "family_files"),
    "referrals": ("referrals", "known_cases", "family_files"),
    "notifications": ("messages", "files"),
}
"""Service → collections whose documents name the family that they are of."""
Document = tuple[str, str, bytes]
"""Service, collection, document."""
Generated = tuple[str, str, RawBSONDocument]
Way = Callable[[People, World], str]
"""Takes a family so or so far; returns its id."""

# ------------------------------------------------------------------ stories


@dataclass(frozen=True)
class Stories:
    """What a family has left for which something is still to be done, and one for which all is done, of each kind. `journals`: the
    series of numbers of each service."""

    still: Sequence[Sequence[Document]]
    done: Sequence[Sequence[Document]]
    journals: Mapping[str, Sequence[str]]


def walked(mongo_url: str) -> Stories:
    """The stories, walked through a stack of their own on this database."""
    environment = {"DATABASE_PREFIX": "story_"}
    with (
        tempfile.TemporaryDirectory(prefix="bench-stories-") as folder,
        Stack(Path(folder) / "data", free_base(), mongo_url=mongo_url, environment=environment) as stack,
        closing(Callers(stack)) as people,
        closing(World(stack, settings=Settings(mongo_url=mongo_url, database_prefix="story_"))) as world,
    ):
        return walk(people, world)


def walk(people: People, world: World) -> Stories:
    """The stories, walked through a stack that is there."""
    families = {way: way(people, world) for way in dict.fromkeys((*STILL, *DONE))}
    world.at_rest()
    left = {way: _left_by(world, family_id) for way, family_id in families.items()}
    for way in DONE:
        waits = [name for _, name, raw in left[way] if bson.decode(raw).get("wake_at")]
        assert not waits, f"{way.__name__} is not done: something waits in {waits}"
    journals = {service: [row["_id"] for row in world.documents(service, "numbers")] for service in KEPT}
    return Stories([left[way] for way in STILL], [left[way] for way in DONE], journals)


def _come(people: People, **more: Any) -> dict[str, Any]:
    """An appeal of a mother with a child, whose name can be replaced letter by letter."""
    chance = Random()
    born = date(1970, 1, 1) + timedelta(days=chance.randrange(9_000))
    name = SURNAME + "".join(written for written, _ in chance.choices(SYLLABLES, k=4))
    child = {
        "relation": "child",
        "family_name": name,
        "given_name": "Бала",
        "birth_year": 2018,
        "sex": "female",
    }
    applicant = {
        "family_name": name,
        "birth_date": born.isoformat(),
        "iin": synthetic_iin(born, chance.randrange(9_000)),
    }
    return registered(people, WORKER, applicant=applicant, household=[child], **more)


def _new(people: People, world: World) -> str:
    return _come(people)["family_id"]


def _consulted(people: People, world: World) -> str:
    appeal = _come(people)
    people(WORKER).command(
        f"/intake/v1/appeals/{appeal['id']}",
        "screening",
        {"outcome": "consultation", "note": "Кеңес берілді."},
    )
    return appeal["family_id"]


def _case(people: People, world: World, **more: Any) -> dict[str, Any]:
    case = opened(people, _come(people, **more))
    world.at_rest()  # else what casework hears of the family makes the versions stale on which the plan is written
    return case


def _assessing(people: People, world: World) -> str:
    return _case(people, world)["family_id"]


def _asked(people: People, world: World) -> str:
    case = planned(people, _case(people, world))
    referred(people, case)
    return case["family_id"]


def _accepted(people: People, world: World) -> str:
    case = planned(people, _case(people, world))
    people(AGENCY).command(f"/referrals/v1/referrals/{referred(people, case)['id']}", "accept", {})
    return case["family_id"]


def _helped(people: People, world: World, **more: Any) -> str:
    """The whole way, until the case is closed."""
    case = planned(people, _case(people, world, **more))
    path, at = f"/casework/v1/cases/{case['id']}", f"/referrals/v1/referrals/{referred(people, case)['id']}"
    given = {"given_on": today().isoformat(), "condition": "home"}
    for command, body in (
        ("accept", {}),
        ("start", {}),
        ("complete", {"result": {"summary": "Көмек берілді.", **given}}),
    ):
        people(AGENCY).command(at, command, body)
    world.at_rest()
    holder = people(case["holder"])
    holder.command(path, "measures/2/deliver", given)
    holder.command(path, "review", {"outcome": "keep", "level": "B", "note": "Жақсарды."})
    holder.command(path, "closure", {"reason": "goals-met", "note": "Мақсатқа жетті."})
    people(HEAD).command(path, "closure/approve", {})
    _notices(people, f"/intake/v1/appeals/{case['appeal_ids'][0]}")
    return case["family_id"]


def _notices(people: People, appeal: str) -> None:
    """The bodies that have to be told of a danger are told."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for item in people(WORKER).get(appeal)["open"]:
        told = {"body": item["item"].removeprefix("notice-"), "told_at": now, "how": "phone"}
        people(WORKER).command(appeal, "notices", told)


def _helped_in_danger(people: People, world: World) -> str:
    return _helped(people, world, danger={"life": False, "child": False, "domestic_violence": True})


STILL: Sequence[Way] = (_new, _assessing, _asked, _accepted)
"""How far families have gone for whom something is to be done. They take turns, and so do those of DONE."""
DONE: Sequence[Way] = (
    _consulted,
    _helped,
    _consulted,
    _consulted,
    _consulted,
    _helped_in_danger,
    _consulted,
    _consulted,
)


def _left_by(world: World, family_id: str) -> list[Document]:
    """All that the product has stored of a family."""
    found: list[Document] = []
    subjects: list[str] = []

    def keep(service: str, name: str, query: Mapping[str, Any]) -> None:
        collection = world.database(service)[name].with_options(CodecOptions(document_class=RawBSONDocument))
        for document in collection.find(query):
            found.append((service, name, document.raw))
            subjects.append(document["_id"])

    for service, collections in KEPT.items():
        for name in collections:
            keep(service, name, {"$or": [{"_id": family_id}, {"family_id": family_id}]})
    keep("intake", "worklist_subjects", {"_id": {"$in": subjects}})
    return found


# ------------------------------------------------------------------ one story in a center


UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
PATTERNS = {
    "id": UUID,
    "name": SURNAME.encode() + rb"[\x80-\xd1]{16}",
    "key": names.fold(SURNAME).encode() + rb"[a-z]{8}",
    "phone": rb"\+7701[0-9]{7}",
    "iin": rb"(?<![0-9])[0-9]{6}9[0-9]{5}(?![0-9])",
    "born": rb"(?<![0-9-])19[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9-])",
    "day": rb"(?<![0-9-])202[0-9]-[0-9]{2}-[0-9]{2}(?![0-9-])",
    "number": rb"(?<=-202[0-9]-)[0-9]{6}(?![0-9])",
}
"""What differs between two families of the same story, by how it looks. Each has the length that it had."""
Slot = tuple[str, bytes]
"""A kind of PATTERNS (or `moment`), and what stands there in the story."""


@dataclass(frozen=True)
class Template:
    """A story in a center: its documents one behind the other. `cuts`: service, collection, where a document begins and ends;
    `places`: where something differs, and which of the `slots` it is."""

    blob: bytes
    cuts: Sequence[tuple[str, str, int, int]]
    slots: Sequence[Slot]
    places: Sequence[tuple[int, int, int]]
    is_open: bool


def staff_of(center: Center) -> list[Staff]:
    """Two workers and a supervisor: the demo users, where the center has them."""
    known = [member for member in reference.staff() if member.center_id == center.id]
    for role, many in (("worker", 2), ("supervisor", 1)):
        there = sum(member.role == role for member in known)
        known += [
            Staff(
                id=f"{role}{n}.{center.id}", name=f"{role} {n}", center_id=center.id, role=role, active=True
            )
            for n in range(there + 1, many + 1)
        ]
    return known


def _cast(center: Center, turn: int) -> dict[str, str]:
    """What stands in a story of Astana → what stands there in this center. Its two workers take turns."""
    of_role = {role: [m.id for m in staff_of(center) if m.role == role] for role in ("worker", "supervisor")}
    first, second = of_role["worker"] if turn % 2 else of_role["worker"][::-1]
    return {
        "center-71-1": center.id,
        "71-1-20": f"{center.region}-{center.number}-20",
        WORKER: first,
        COLLEAGUE: second,
        HEAD: of_role["supervisor"][0],
        "health-astana": f"health-{reference.region(center.region).slug}",
    }


def _in_center(story: Sequence[Document], cast: Mapping[str, str], *, is_open: bool) -> Template:
    wanted = re.compile("|".join(map(re.escape, cast)))

    def said(value: Any) -> Any:
        if isinstance(value, str):
            return wanted.sub(lambda found: cast[found[0]], value)
        if isinstance(value, dict):
            return {key: said(member) for key, member in value.items()}
        return [said(member) for member in value] if isinstance(value, list) else value

    blob, cuts, moments = b"", [], set()
    for service, name, raw in story:
        document = said(bson.decode(raw))
        moments |= set(_moments(document))
        encoded = bson.encode(document)
        cuts.append((service, name, len(blob), len(blob) + len(encoded)))
        blob += encoded
    patterns = PATTERNS | {"moment": b"|".join(re.escape(_moment(each)) for each in moments)}
    found = [
        (match.start(), match.end(), (kind, match[0]))
        for kind, pattern in patterns.items()
        for match in re.finditer(pattern, blob, re.DOTALL)
    ]
    slots = list(dict.fromkeys(slot for *_, slot in found))
    numbers = {slot: n for n, slot in enumerate(slots)}
    return Template(blob, cuts, slots, [(begin, end, numbers[slot]) for begin, end, slot in found], is_open)


def _moments(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _moments(member)


def _moment(at: datetime) -> bytes:
    """As BSON has it: milliseconds."""
    return struct.pack("<q", round((at - datetime(1970, 1, 1)) / timedelta(milliseconds=1)))  # noqa: DTZ001  UTC, as bson decodes it


# ------------------------------------------------------------------ one family more


def _family(template: Template, n: int, chance: Random) -> Iterator[Generated]:
    """The documents of the n-th family."""
    values = _values(template, n, chance)
    blob = bytearray(template.blob)
    for begin, end, slot in template.places:
        blob[begin:end] = values[slot]
    for service, name, begin, end in template.cuts:
        yield service, name, RawBSONDocument(bytes(blob[begin:end]))


def _values(template: Template, n: int, chance: Random) -> list[bytes]:
    weeks = 0 if template.is_open else 1 + chance.randrange(52 * YEARS)
    back = timedelta(weeks=weeks, seconds=chance.randrange(7_200))
    syllables = chance.choices(SYLLABLES, k=4)
    born = n % 365
    make: Mapping[str, Callable[[bytes], bytes]] = {
        "id": lambda _: _id(chance),
        "name": lambda _: (SURNAME + "".join(written for written, _ in syllables)).encode(),
        "key": lambda _: (names.fold(SURNAME) + "".join(folded for _, folded in syllables)).encode(),
        "phone": lambda _: b"+7701%07d" % chance.randrange(10**7),
        "iin": lambda said: _iin(date(1900 + int(said[:2]), 1, 1) + timedelta(days=born), n // 365),
        "born": lambda said: str(date(int(said[:4]), 1, 1) + timedelta(days=born)).encode(),
        "day": lambda said: str(date.fromisoformat(said.decode()) - timedelta(weeks=weeks)).encode(),
        "number": lambda _: b"%06d" % (FIRST + n),
        "moment": lambda said: struct.pack(
            "<q", struct.unpack("<q", said)[0] - round(back.total_seconds() * 1000)
        ),
    }
    return [make[kind](said) for kind, said in template.slots]


def _id(chance: Random) -> bytes:
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-a{digits[17:20]}-{digits[20:]}".encode()


def _iin(born: date, serial: int) -> bytes:
    """The number with that serial of somebody born then who does not exist (7th digit 9)."""
    for each in (serial, serial + 3_000, serial + 6_000):  # some have no check digit
        eleven = f"{born:%y%m%d}9{each:04d}"
        digit = check_digit(eleven)
        if digit is not None:
            return f"{eleven}{digit}".encode()
    raise ValueError("no number with this serial")


# ------------------------------------------------------------------ all of them


@contextmanager
def alone(folder: Path, port: int) -> Iterator[str]:
    """A mongod without a replica set, which keeps no second copy of what is written: to fill a folder that `mongod.running` then
    takes over. Yields its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (
        "--dbpath",
        str(folder),
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--wiredTigerCacheSizeGB",
        "1",
    )
    server = subprocess.Popen(
        [mongod.binary(), *options, "--nounixsocket", "--quiet"], stdout=subprocess.DEVNULL
    )
    try:
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        server.terminate()
        server.wait()


def fill(
    mongo_url: str,
    prefix: str,
    stories: Stories,
    families: int,
    centers: Sequence[Center] = reference.centers(),
) -> int:
    """Families in the databases with this prefix, with the indexes of the services, ready for a stack. Returns how many documents.

    What is there already is not looked at: fill a prefix once.
    """
    many = 0
    with MongoClient(mongo_url) as client, ThreadPoolExecutor(WRITERS) as writers:
        under_way: deque[Future[Any]] = deque()
        for service, name, documents in _batches(_families(stories, families, centers)):
            many += len(documents)
            under_way.append(
                writers.submit(client[prefix + service][name].insert_many, documents, ordered=False)
            )
            if len(under_way) > WRITERS:
                under_way.popleft().result()
        for each in under_way:
            each.result()
        for store in _stores(client, prefix):
            store.ensure_indexes()
        _finish(client, prefix, stories.journals, centers)
    return many


def _families(stories: Stories, families: int, centers: Sequence[Center]) -> Iterator[Generated]:
    """They lie beside each other as they come: the first of a center are those for whom something is still to be done."""
    chance = Random(SEED)

    @cache
    def template(is_open: bool, story: int, center: int, turn: int) -> Template:
        told = (stories.still if is_open else stories.done)[story]
        return _in_center(told, _cast(centers[center], turn), is_open=is_open)

    for n in range(families):
        of_center, center = divmod(n, len(centers))
        is_open = of_center < OPEN
        turn, story = divmod(of_center, len(stories.still if is_open else stories.done))
        yield from _family(template(is_open, story, center, turn % 2), n, chance)


def _batches(documents: Iterator[Generated]) -> Iterator[tuple[str, str, list[RawBSONDocument]]]:
    waiting: dict[tuple[str, str], list[RawBSONDocument]] = defaultdict(list)
    for service, name, document in documents:
        waiting[service, name].append(document)
        if len(waiting[service, name]) == AT_ONCE:
            yield service, name, waiting.pop((service, name))
    for (service, name), rest in waiting.items():
        yield service, name, rest


def _stores(client: MongoClient, prefix: str) -> Iterator[Any]:
    """The stores of the four services, on a client that waits as long as an index takes."""
    settings: dict[str, Any] = {"database_prefix": prefix}
    policy = services.casework.policy.load()
    yield services.intake.store.open_store(client, Settings(**settings), services.intake.policy.load())
    yield services.casework.store.open_store(client, Settings(**settings), policy.deadlines)
    yield services.referrals.store.open_store(
        client, Settings(**settings), services.referrals.policy.load_policy().deadlines
    )
    yield services.notifications.store.open_store(
        client, Settings(**settings), services.notifications.policy.Policy.load()
    )


def _finish(
    client: MongoClient, prefix: str, journals: Mapping[str, Sequence[str]], centers: Sequence[Center]
) -> None:
    """Who works in the centers, and the numbers from which the journals go on."""
    StaffList(client[prefix + "casework"]["staff"]).seed(
        [member for center in centers for member in staff_of(center)]
    )
    for service, series in journals.items():
        counters = client[prefix + service]["numbers"]
        for center in centers if series else ():
            here = [name.replace("71-1", f"{center.region}-{center.number}") for name in series]
            for name in here:
                counters.update_one({"_id": name}, {"$max": {"n": HIGHEST}}, upsert=True)
