"""Writes `centers.json`, `agencies.json` and `services.json`: the demo spread over the regions.

    python -m shared.reference.generate

The same input gives the same files; a test compares. The totals are the client's (153 centers; 27 social adaptation
centers with 2,402 beds), the rest is made up so that nothing can be taken for a real place: see `MARK`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.reference import FOLDER, Names, Region, ServiceKind, regions, service_kinds

VERSION = "2026.1"
SOURCE = (
    "Totals: 153 family support centers, 27 social adaptation centers with 2,402 beds in all (the client's document). "
    "Written by python -m shared.reference.generate."
)
MARK = (
    "Demo spread by population, not the real list: no real place, address, phone or number of free beds. "
    "Phones have the area code 000, which is not assigned."
)
CENTERS = 153
ADAPTATION_CENTERS = 27
BEDS = 2402
BEDS_UPDATED_AT = "2026-01-01T09:00:00+05:00"
CENTER = Names(kk="Отбасын қолдау орталығы", ru="Центр поддержки семьи", en="Family Support Center")


def main() -> None:
    """Writes the three files beside this module."""
    for file, text in files().items():
        (FOLDER / file).write_text(text, "utf-8")


def files() -> dict[str, str]:
    """The three files: name → text."""
    pairs = [pair for region in regions() for kind in service_kinds() for pair in _offers(region, kind)]
    beds = iter(spread(BEDS, [1] * ADAPTATION_CENTERS))
    services = [service | _capacity(service, beds) for _, service in pairs]
    return {
        "centers.json": _text("centers", _centers()),
        "agencies.json": _text("agencies", [agency for agency, _ in pairs]),
        "services.json": _text("services", services),
    }


def spread(total: int, weights: Sequence[int], least: int = 0) -> list[int]:
    """`total` in whole parts by weight, each at least `least`: the rest by the method of the largest remainder."""
    rest = total - least * len(weights)
    quotas = [rest * weight for weight in weights]
    parts = [least + quota // sum(weights) for quota in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda i: quotas[i] % sum(weights), reverse=True)
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def _by_population(total: int) -> dict[str, int]:
    parts = spread(total, [region.population for region in regions()], least=1)
    return {region.code: part for region, part in zip(regions(), parts, strict=True)}


def _centers() -> list[dict[str, Any]]:
    numbers = _by_population(CENTERS)
    return [
        {
            "id": f"center-{region.code}-{n}",
            "number": n,
            "name": _names(CENTER, region, f" № {n}"),
            "kato": region.kato,
            "address": f"{region.capital.ru}, demo",
            "phone": f"+7000000{region.code}{n:02}",
        }
        for region in regions()
        for n in range(1, numbers[region.code] + 1)
    ]


def _offers(region: Region, kind: ServiceKind) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The agencies of that kind in the region, each with its service."""
    how_many = _by_population(ADAPTATION_CENTERS)[region.code] if kind.code == "social-adaptation" else 1
    offers = []
    for n in range(1, how_many + 1):
        tail = f"{kind.code}-{region.slug}" + (f"-{n}" if n > 1 else "")
        number = f" № {n}" if how_many > 1 else ""
        agency = {
            "id": f"agency-{tail}",
            "kind": kind.code,
            "name": _names(kind.agency, region, number),
            "kato": region.kato,
        }
        service = {
            "id": f"service-{tail}",
            "agency_id": agency["id"],
            "kind": kind.code,
            "name": _names(kind.name, region, number),
            "kato": region.kato,
        }
        offers.append((agency, service))
    return offers


def _capacity(service: dict[str, Any], beds: Any) -> dict[str, Any]:
    """The beds of a social adaptation center; none is free in the second one of a region, so that this is seen too."""
    if service["kind"] != "social-adaptation":
        return {}
    total = next(beds)
    free = 0 if service["id"].endswith("-2") else total // 5
    return {"capacity": {"unit": "bed", "total": total, "free": free, "updated_at": BEDS_UPDATED_AT}}


def _names(what: Names, region: Region, number: str) -> dict[str, str]:
    return {
        "kk": f"{what.kk}{number}, {region.name.kk}",
        "ru": f"{what.ru}{number}, {region.name.ru}",
        "en": f"{what.en}{number.replace('№', 'No.')}, {region.name.en}",
    }


def _text(table: str, rows: list[dict[str, Any]]) -> str:
    """JSON with one row a line, so that a change is one line of a diff."""
    head = {"version": VERSION, "source": SOURCE, "mark": MARK}
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    top = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    return f"{{\n{top}  {json.dumps(table)}: [\n{lines}\n  ]\n}}\n"


if __name__ == "__main__":
    main()
