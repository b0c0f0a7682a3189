"""The promises of the catalogue, for every event at once."""

from __future__ import annotations

import contextlib
import copy
from datetime import UTC, date, datetime

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import CATALOGUE, Event, declared, schemas
from shared.events.cloudevents import Envelope, data_of, from_message, to_message

TYPES = sorted(CATALOGUE)
REMEDY = "run .venv/bin/python -m shared.events.schemas write, and commit golden/ and docs/events.md"


def frozen(type: str) -> dict:
    """Its frozen schema; where there is none, the failure says what to do."""
    schema = schemas.golden(type)
    assert schema is not None, f"{type} is not frozen yet: {REMEDY}"
    return schema


def example(type: str) -> Event:
    """An event with every field filled, made from its class."""
    return msgspec.convert(_value(schemas.schema(type), "x"), CATALOGUE[type])


def _value(node: dict, name: str):
    if "anyOf" in node:
        return _value(next(n for n in node["anyOf"] if n.get("type") != "null"), name)
    kind = node["type"]
    if kind == "object":
        return {key: _value(child, key) for key, child in node.get("properties", {}).items()}
    if kind == "array":
        return [_value(node["items"], name)]
    if kind == "string":
        formats = {
            "date-time": datetime(2026, 3, 2, 4, 5, 6, 7000, UTC).isoformat(),
            "date": date(2026, 3, 2).isoformat(),
        }
        return formats.get(node.get("format"), f"{name}-1")
    return {"integer": 3, "boolean": True, "number": 1.5}[kind]


def test_frozen_schemas_and_docs_are_those_of_the_classes():
    found = schemas.differences()
    assert not found, f"{found}: {REMEDY}"


@pytest.mark.parametrize("type", TYPES)
def test_backward_compatible(type):
    assert schemas.breaks_backward(frozen(type), schemas.schema(type)) == []


@pytest.mark.parametrize("type", TYPES)
def test_forward_compatible(type):
    assert schemas.breaks_forward(frozen(type), schemas.schema(type)) == []


@pytest.mark.parametrize("type", TYPES)
def test_what_is_written_fits_the_frozen_schema_and_is_read_again(type):
    event = example(type)
    envelope = Envelope(
        id="e1",
        type=type,
        source=f"/{declared(CATALOGUE[type]).service}",
        subject="a1",
        time=event.occurred_at,
        sequence="0001-000000000001",
        partitionkey="a1",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data_of(event),
    )
    again = from_message(to_message(envelope))
    assert again == envelope
    assert again.event() == event
    validator = jsonschema.Draft202012Validator(
        frozen(type), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(again.data)


@pytest.mark.parametrize("type", TYPES)
def test_unknown_fields_of_tomorrow_are_passed_over(type):
    data = data_of(example(type))
    assert msgspec.convert({**data, "of_tomorrow": {"deep": [1]}}, CATALOGUE[type]) == example(type)


TELLING = {
    "name",
    "family_name",
    "given_name",
    "patronymic",
    "iin",
    "phone",
    "address",
    "line",
    "code_word",
    "need",
    "note",
    "notes",
    "text",
    "reason",
    "findings",
    "decision",
    "summary",
    "goals",
    "reference",
}
"""Names of fields in which bodies have what a person is called, how he is reached, or what somebody has written."""
CODE = (
    "a code of ours, why a message waits or has not left: a person's own words are only in its `acknowledge`"
)
CODED = {
    ("kz.birtereze.notifications.message-held.v1", "reason"): CODE,
    ("kz.birtereze.notifications.message-undeliverable.v1", "reason"): CODE,
    ("kz.birtereze.notifications.message-suppressed.v1", "reason"): CODE,
    ("kz.birtereze.notifications.message-expired.v1", "reason"): CODE,
    ("kz.birtereze.notifications.message-failed.v1", "reason"): CODE,
}
"""Event and field of such a name that holds none of it, and why."""


def test_no_event_has_a_field_for_personal_data_or_free_text():
    """But those whose field is a code, and of these every one."""
    found = {(type, name) for type in TYPES for name in TELLING & _names(schemas.schema(type))}
    assert found == set(CODED)


@pytest.mark.parametrize("name", sorted(TELLING))
def test_such_a_field_is_found_however_deep(name):
    listed = {"type": "array", "items": {"type": "object", "properties": {name: {"type": "string"}}}}
    new = changed(lambda schema: schema["properties"].update(more={"anyOf": [listed, {"type": "null"}]}))
    assert TELLING & _names(new) == {name}


def _names(node) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_names, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    return set(node.get("properties", ())) | set().union(set(), *map(_names, node.values()))


# The rule itself must be able to fail.

FIRST = schemas.golden(TYPES[0])


def changed(change):
    new = copy.deepcopy(FIRST)
    change(new)
    return new


def test_a_new_required_field_breaks_old_events():
    new = changed(lambda s: (s["properties"].update(more={"type": "string"}), s["required"].append("more")))
    assert schemas.breaks_backward(FIRST, new) == ["more is required now and was not before"]
    assert schemas.breaks_forward(FIRST, new) == []


def test_a_field_that_is_gone_breaks_old_readers():
    new = changed(lambda s: (s["properties"].pop("actor"), s["required"].remove("actor")))
    assert "actor is gone" in schemas.breaks_forward(FIRST, new)


def test_a_field_of_another_shape_breaks_both():
    new = changed(lambda s: s["properties"].update(actor={"type": "integer"}))
    assert (
        schemas.breaks_forward(FIRST, new)
        == schemas.breaks_backward(FIRST, new)
        == ["actor has another shape"]
    )


def test_a_change_inside_open_items_is_seen():
    new = changed(lambda s: s["properties"]["open"]["items"]["properties"].pop("rule"))
    assert "open[].rule is gone" in schemas.breaks_forward(FIRST, new)


def test_an_optional_field_breaks_nobody():
    new = changed(lambda s: s["properties"].update(more={"type": "string"}))
    assert schemas.breaks_forward(FIRST, new) + schemas.breaks_backward(FIRST, new) == []


@given(st.dictionaries(st.text(), st.text()), st.binary())
def test_any_message_is_read_or_named_unreadable(headers, value):
    from shared.events.cloudevents import UnreadableEnvelope
    from shared.log import Message

    good = {
        "ce_id": "1", "ce_type": "t", "ce_source": "/s", "ce_subject": "a", "ce_sequence": "0001-000000000001",
        "ce_time": "2026-03-02T04:05:06Z", "ce_specversion": "1.0",
    }  # fmt: skip
    for h in (headers, {**good, **headers}):
        with contextlib.suppress(UnreadableEnvelope):
            from_message(Message("k", h, value))
