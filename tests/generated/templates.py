"""A story in a center, as it is multiplied: its bytes, and the places in them at which families differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

from tests.generated.differences import Slot, places, values
from tests.generated.stories import Document

Generated = tuple[str, str, RawBSONDocument]
"""Service, collection, document: of a family that was never walked."""


@dataclass(frozen=True)
class Template:
    """A story in a center: its documents one behind the other. `cuts`: service, collection, where a document begins and ends;
    `places`: where something differs, and which of the `slots` it is."""

    blob: bytes
    cuts: Sequence[tuple[str, str, int, int]]
    slots: Sequence[Slot]
    places: Sequence[tuple[int, int, int]]
    is_open: bool


def in_center(story: Sequence[Document], cast: Mapping[str, str], *, is_open: bool) -> Template:
    """The story as it would stand in the stores if the people of `cast` had been in it."""
    wanted = re.compile("|".join(map(re.escape, cast)))

    def said(value: Any) -> Any:
        if isinstance(value, str):
            return wanted.sub(lambda found: cast[found[0]], value)
        if isinstance(value, dict):
            return {key: said(member) for key, member in value.items()}
        return [said(member) for member in value] if isinstance(value, list) else value

    blob, cuts, documents = b"", [], []
    for service, name, raw in story:
        documents.append(said(bson.decode(raw)))
        encoded = bson.encode(documents[-1])
        cuts.append((service, name, len(blob), len(blob) + len(encoded)))
        blob += encoded
    found = places(blob, documents)
    slots = list(dict.fromkeys(slot for *_, slot in found))
    numbers = {slot: n for n, slot in enumerate(slots)}
    return Template(blob, cuts, slots, [(begin, end, numbers[slot]) for begin, end, slot in found], is_open)


def family(template: Template, n: int, chance: Random) -> Iterator[Generated]:
    """The documents of the n-th family."""
    differing = values(template.slots, n, chance, is_open=template.is_open)
    blob = bytearray(template.blob)
    for begin, end, slot in template.places:
        blob[begin:end] = differing[slot]
    for service, name, begin, end in template.cuts:
        yield service, name, RawBSONDocument(bytes(blob[begin:end]))
