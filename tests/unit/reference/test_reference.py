"""Reference data: complete, consistent, and no demo row that could be taken for a real one."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import reference
from shared.reference import generate

FOLDER = Path(reference.__file__).parent
CODES = [
    "10",
    "11",
    "15",
    "19",
    "23",
    "27",
    "31",
    "33",
    "35",
    "39",
    "43",
    "47",
    "55",
    "59",
    "61",
    "62",
    "63",
    "71",
    "75",
    "79",
]
FILES = [
    file
    for file in sorted(FOLDER.glob("*.*"))
    if file.suffix in (".toml", ".json") and file.stem != "demo_users"
]
LISTS = [
    reference.regions,
    reference.centers,
    reference.agencies,
    reference.services,
    reference.service_kinds,
    reference.grounds,
    reference.measure_kinds,
    reference.levels,
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_says_its_version_source_and_mark(file: Path):
    text = file.read_text("utf-8")
    document = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    assert all(document[key] for key in ("version", "source", "mark"))


@pytest.mark.parametrize("rows", LISTS, ids=lambda rows: rows.__name__)
def test_every_name_is_there_in_three_languages(rows):
    for row in rows():
        for language in ("kk", "ru", "en"):
            assert row.name[language].strip()
        assert row.name["fr"] == row.name.ru


def test_the_twenty_regions():
    assert [region.code for region in reference.regions()] == CODES
    assert all(region.kato == f"{region.code}0000000" for region in reference.regions())
    assert len({region.slug for region in reference.regions()}) == 20
    assert reference.region("75").slug == "almaty"
    assert reference.region("19").slug == "almaty-region"


@pytest.mark.parametrize(
    ("kato", "code"),
    [
        ("710000000", "71"),
        ("751110000", "75"),
        ("720000000", None),
        ("71", None),
        ("71000000x", None),
        ("٧١٠٠٠٠٠٠٠", None),
    ],
)
def test_a_kato_lies_in_a_region_or_nowhere(kato, code):
    region = reference.region_of(kato)
    assert (region and region.code) == code


def test_the_153_centers():
    centers = reference.centers()
    assert len(centers) == len({center.id for center in centers}) == 153
    assert {center.region for center in centers} == set(CODES)
    for code in CODES:
        here = [center for center in centers if center.region == code]
        assert [center.id for center in here] == [f"center-{code}-{n}" for n in range(1, len(here) + 1)]
        assert [center.number for center in here] == list(range(1, len(here) + 1))
    assert reference.center("center-71-1").kato == "710000000"
    assert reference.center("center-71-99") is None


def test_no_demo_address_or_phone_can_be_taken_for_a_real_one():
    assert all(center.address.endswith("demo") for center in reference.centers())
    assert all(center.phone.startswith("+7000") and len(center.phone) == 12 for center in reference.centers())
    assert len({center.phone for center in reference.centers()}) == 153


def test_every_region_has_an_agency_and_a_service_of_every_kind():
    offered = Counter((service.region, service.kind) for service in reference.services())
    wanted = {(code, kind) for code in CODES for kind in reference.SERVICE_KINDS}
    assert set(offered) == wanted
    for service in reference.services():
        agency = reference.agency(service.agency_id)
        assert (agency.kind, agency.kato) == (service.kind, service.kato)
        assert reference.service(service.id) is service


def test_the_contract_names_the_kinds_of_services():
    assert set(reference.SERVICE_KINDS) == {
        "health", "police", "employment", "guardianship", "education", "crisis-center", "social-adaptation",
        "legal-aid", "documents", "leisure", "fire-safety", "ngo",
    }  # fmt: skip


@pytest.mark.parametrize(
    "id",
    [
        "agency-health-astana",
        "agency-police-astana",
        "agency-employment-astana",
        "agency-guardianship-astana",
        "agency-crisis-center-almaty",
        "agency-crisis-center-almaty-region",
    ],
)
def test_agencies_have_readable_ids(id):
    assert reference.agency(id).id == id


def test_27_social_adaptation_centers_have_2402_beds():
    beds = [service.capacity for service in reference.services() if service.kind == "social-adaptation"]
    assert len(beds) == 27
    assert sum(capacity.total for capacity in beds) == 2402
    assert all(capacity.unit == "bed" and 0 <= capacity.free <= capacity.total for capacity in beds)
    assert {capacity.free > 0 for capacity in beds} == {True, False}
    assert all(capacity.updated_at.tzinfo for capacity in beds)


def test_the_lists_of_codes():
    assert [level.letter for level in reference.levels()] == list("ABCDE")
    assert {ground.code for ground in reference.grounds()} == {
        "orphanhood", "no-parental-care", "neglect", "special-institution", "early-development", "disability",
        "disease", "old-age", "cruel-treatment", "homelessness", "release-from-prison", "probation",
        "domestic-violence",
    }  # fmt: skip
    assert [kind.code for kind in reference.measure_kinds() if kind.special] == [
        "household", "medical", "psychological", "pedagogical", "labour", "cultural", "economic", "legal",
    ]  # fmt: skip
    assert [kind.code for kind in reference.measure_kinds() if not kind.special] == [
        "employment", "benefit", "housing", "documents", "leisure", "fire-detector", "prevention", "other",
    ]  # fmt: skip


def test_staff_are_the_workers_and_supervisors_of_known_centers():
    staff = {member.id: member for member in reference.staff()}
    assert set(staff) == {
        "worker.astana", "worker2.astana", "supervisor.astana", "worker.almaty", "supervisor.almaty",
    }  # fmt: skip
    assert staff["supervisor.astana"].role == "supervisor"
    assert all(reference.center(member.center_id) for member in staff.values())
    assert all(member.active for member in staff.values())


def test_the_agencies_of_demo_users_and_clients_exist():
    demo = tomllib.loads((FOLDER / "demo_users.toml").read_text("utf-8"))
    named = [row["agency_id"] for row in demo["user"] + demo["client"] if "agency_id" in row]
    assert named
    assert all(reference.agency(id) for id in named)


@pytest.mark.parametrize("file", ["centers.json", "agencies.json", "services.json"])
def test_the_generated_files_are_what_the_generator_writes(file):
    assert (FOLDER / file).read_text("utf-8") == generate.files()[file]


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=30).filter(any),
    st.integers(0, 3),
    st.integers(0, 500),
)
def test_a_spread_loses_nothing_and_is_fair(weights, least, more):
    total = least * len(weights) + more
    parts = generate.spread(total, weights, least)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - least - more * weight / sum(weights)) < 1
