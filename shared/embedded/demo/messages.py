"""The SMS of a family: what notifications says of them, and what the file sender wrote."""

from __future__ import annotations

import json
from pathlib import Path

from shared.embedded.demo.callers import People, Resource, until
from shared.embedded.trouble import Trouble

READER = "supervisor.astana"
GONE = ("sent", "delivered")
STUCK = ("suppressed", "expired", "failed", "undeliverable")


def wait_for(people: People, family_id: str, template: str, count: int = 1) -> Resource:
    """The newest message of this template, once `count` of them have been sent. Raises Trouble for one that will not be."""

    def newest() -> Resource | None:
        gone = [message for message in of_family(people, family_id) if message["template"] == template]
        gone = [message for message in gone if message["state"] in GONE]
        return gone[0] if len(gone) >= count else None

    return until(newest, f"SMS {template} leaves")


def of_family(people: People, family_id: str) -> list[Resource]:
    """All messages of a family, the newest first. Raises Trouble for one that will not be sent."""
    path = "/notifications/v1/messages"
    messages = people(READER).get(path, family_id=family_id, limit=200)["items"]
    for message in messages:
        if message["state"] in STUCK:
            raise Trouble(f"The message {message['template']} is {message['state']}: {message['reason']}.")
    return messages


def with_texts(people: People, family_id: str, data_dir: Path) -> list[tuple[Resource, Resource]]:
    """A family's messages, each with its SMS, in the order in which they left."""
    outbox = {sms["reference"]: sms for sms in read_outbox(data_dir)}
    pairs = [(message, outbox.get(message["id"])) for message in of_family(people, family_id)]
    for message, sms in pairs:
        if sms is None:
            raise Trouble(f"SMS {message['id']} is not in {data_dir}: is it the DATA_DIR of this stack?")
    return sorted(pairs, key=lambda pair: pair[1]["at"])


def read_outbox(data_dir: Path) -> list[Resource]:
    """What the file sender wrote: one SMS a line. Raises Trouble."""
    path = data_dir / "sms" / "outbox.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise Trouble(f"{path} cannot be read: is it the DATA_DIR of this stack?") from None
