"""JSON Schemas of the events, frozen in files, and the rule by which an event may change.

`golden/<type>.json` is what other people's programs were promised. A class may change only so that
- *backward*: a reader of today reads every event of yesterday (nothing new is required);
- *forward*: a reader of yesterday reads every event of today (nothing it needs is gone, nothing it knows has another shape).
What does not fit gets a new major version, as an event of its own beside the old one.

    python -m shared.events.schemas check      compares; exit 1 and one line for each difference
    python -m shared.events.schemas write      freezes additions and rewrites docs/events.md; refuses what would break a reader
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from shared.events import CATALOGUE, declared

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs" / "events.md"


def schema(type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's data, derived from its class; parts that it refers to are put in place."""
    kind = CATALOGUE[type]
    (reference,), components = msgspec.json.schema_components([kind])
    body = _inlined(reference, components)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type,
        "description": " ".join((kind.__doc__ or "").split()),
        **{key: body[key] for key in ("type", "properties", "required")},
    }


def _inlined(node: Any, components: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, components) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = components[node["$ref"].rpartition("/")[2]]
    return {
        key: _inlined(value, components) for key, value in node.items() if key not in ("title", "default")
    }


def golden(type: str) -> dict[str, Any] | None:
    """The frozen schema, or None for an event that was never frozen."""
    path = GOLDEN / f"{type}.json"
    return json.loads(path.read_text()) if path.exists() else None


def breaks_backward(old: dict[str, Any], new: dict[str, Any], at: str = "") -> list[str]:
    """Why a reader that knows `new` could not read data of `old`: one line each."""
    found = [
        f"{at}{name} is required now and was not before"
        for name in set(new.get("required", ())) - set(old.get("required", ()))
    ]
    return sorted(found) + _different_shapes(old, new, at, breaks_backward)


def breaks_forward(old: dict[str, Any], new: dict[str, Any], at: str = "") -> list[str]:
    """Why a reader that knows only `old` could not read data of `new`: one line each."""
    found = [
        f"{at}{name} was required before and may be absent now"
        for name in set(old.get("required", ())) - set(new.get("required", ()))
    ]
    found += [
        f"{at}{name} is gone" for name in set(old.get("properties", ())) - set(new.get("properties", ()))
    ]
    return sorted(found) + _different_shapes(old, new, at, breaks_forward)


def _different_shapes(old: dict[str, Any], new: dict[str, Any], at: str, compare: Any) -> list[str]:
    """Fields that both know and that look different; objects and lists of objects are compared inside."""
    found = []
    for name in sorted(set(old.get("properties", ())) & set(new.get("properties", ()))):
        before, after = old["properties"][name], new["properties"][name]
        here = f"{at}{name}"
        if before.get("type") == after.get("type") == "array":
            before, after, here = before.get("items", {}), after.get("items", {}), f"{here}[]"
        if before.get("type") == after.get("type") == "object" and "properties" in before:
            found += compare(before, after, f"{here}.")
        elif _shape(before) != _shape(after):
            found.append(f"{here} has another shape")
    return found


def _shape(node: Any) -> Any:
    """A schema without its prose."""
    if isinstance(node, dict):
        return {key: _shape(value) for key, value in node.items() if key != "description"}
    return [_shape(item) for item in node] if isinstance(node, list) else node


def differences() -> list[str]:
    """What stands between the classes and the frozen files, one line each; empty when they agree."""
    found = []
    for type in CATALOGUE:
        frozen = golden(type)
        if frozen is None:
            found.append(f"{type} is not frozen yet")
        elif frozen != schema(type):
            found.append(f"{type} differs from its frozen schema")
    known = {f"{type}.json" for type in CATALOGUE}
    found += [
        f"{path.stem} is frozen but not declared" for path in GOLDEN.glob("*.json") if path.name not in known
    ]
    if not DOCS.exists() or DOCS.read_text() != document():
        found.append("docs/events.md is not what the catalogue says")
    return found


def breaks() -> list[str]:
    """Changes that some reader could not live with, one line each."""
    found = [f"{path.stem} is gone" for path in GOLDEN.glob("*.json") if path.stem not in CATALOGUE]
    for type in CATALOGUE:
        frozen = golden(type)
        if frozen is not None:
            new = schema(type)
            found += [
                f"{type}: {line}" for line in breaks_backward(frozen, new) + breaks_forward(frozen, new)
            ]
    return found


def document() -> str:
    """The text of docs/events.md."""
    lines = [
        "# Events",
        "",
        "Made from the catalogue by `python -m shared.events.schemas write`; do not edit.",
        "",
        "Every event carries `family_id, person_id, center_id, actor, occurred_at, holder` and `open`, all open items of its",
        "aggregate after it. The tables name what an event says beside these; `?` marks what may be absent. Each travels as",
        "CloudEvents 1.0 (binary mode) on the topic of its service, keyed by its subject.",
        "",
    ]
    common = set(schema_of_base()["properties"])
    by_topic: dict[str, list[str]] = {}
    for type, kind in CATALOGUE.items():
        by_topic.setdefault(declared(kind).topic, []).append(_row(type, common))
    for topic, rows in by_topic.items():
        lines += [f"## `{topic}`", "", "| event | of | what it says | when |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(type: str, common: set[str]) -> str:
    body = schema(type)
    names = [name for name in body["properties"] if name not in common]
    fields = ", ".join(f"`{name}`" if name in body["required"] else f"`{name}?`" for name in names)
    short = type.removeprefix("kz.birtereze.")
    return f"| `{short}` | {declared(CATALOGUE[type]).subject} | {fields or '–'} | {body['description']} |"


def schema_of_base() -> dict[str, Any]:
    from shared.events import Event

    (reference,), components = msgspec.json.schema_components([Event])
    return _inlined(reference, components)


def write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for type in CATALOGUE:
        text = json.dumps(schema(type), indent=2, ensure_ascii=False) + "\n"
        (GOLDEN / f"{type}.json").write_text(text)
    DOCS.parent.mkdir(exist_ok=True)
    DOCS.write_text(document())


def main(arguments: list[str]) -> int:
    if arguments == ["write"]:
        found = breaks()
        if not found:
            write()
    elif arguments == ["check"]:
        found = breaks() + differences()
    else:
        sys.stderr.write("usage: python -m shared.events.schemas check|write\n")
        return 2
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
