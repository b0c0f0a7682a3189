"""The stories: a few families walked through the product, and what each of them has left in the four databases."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from shared.embedded.ports import free_base
from shared.embedded.stack import Stack
from shared.settings import Settings
from tests.callers import Callers
from tests.generated.ways import DONE, STILL
from tests.oracle import World
from tests.system.family import People

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
        tempfile.TemporaryDirectory(prefix="stories-") as folder,
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
