"""`python -m shared.embedded.demo`: both families, and the SMS that they got."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from shared.embedded.demo.callers import People, Resource, until
from shared.embedded.demo.teller import Teller, local
from shared.embedded.demo.way import HEAD, TOLD, Way
from shared.embedded.issuer.accounts import read_secrets
from shared.embedded.trouble import Trouble


def told(people: People, case: Resource, data_dir: Path) -> list[tuple[Resource, Resource]]:
    """The messages of a family and the SMS that left, in the order in which they left."""

    def messages() -> list[Resource]:
        found = people(HEAD).get("/notifications/v1/messages", family_id=case["family_id"], limit=200)[
            "items"
        ]
        stopped = [m for m in found if m["state"] not in ("created", "held", "sending", "sent", "delivered")]
        if stopped:
            raise Trouble(
                f"The message {stopped[0]['template']} is {stopped[0]['state']}: {stopped[0]['reason']}."
            )
        return found

    def left() -> list[Resource] | None:
        sent = [message for message in messages() if message["state"] in ("sent", "delivered")]
        return sent if sorted(m["template"] for m in sent) == sorted(TOLD) else None

    sent = until(left, f"{len(TOLD)} SMS leave")
    outbox = {sms["reference"]: sms for sms in read_outbox(data_dir)}
    missing = [message["id"] for message in sent if message["id"] not in outbox]
    if missing:
        raise Trouble(
            f"SMS {missing[0]} is not in the outbox of {data_dir}: is it the DATA_DIR of this stack?"
        )
    pairs = [(message, outbox[message["id"]]) for message in sent]
    return sorted(pairs, key=lambda pair: pair[1]["at"])


def read_outbox(data_dir: Path) -> Iterable[Resource]:
    """What the file sender wrote: one SMS a line."""
    path = data_dir / "sms" / "outbox.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise Trouble(f"{path} cannot be read: is it the DATA_DIR of this stack?") from None


def show(tell: Teller, title: str, pairs: Iterable[tuple[Resource, Resource]]) -> None:
    """The texts, as they stand on the family's telephone."""
    tell.step(title)
    for message, sms in pairs:
        tell.line(f"{local(sms['at']):%H:%M:%S}  {message['template']} ({message['id']}), {message['state']}")
        tell.line(f"          «{sms['text']}»")


def run(people: People, data_dir: Path, tell: Teller) -> None:
    """Both families. What is printed ends with the SMS in Kazakh and in Russian."""
    kazakh = Way(people, tell).walk("kk")
    tell.step("A second family, which speaks Russian, goes the same way")
    silent = Teller(silent=True)
    try:
        russian = Way(people, silent).walk("ru")
    except Trouble as trouble:
        raise Trouble(f"{silent.step_now}: {trouble}") from None
    tell.line(f"case {russian['number']} ({russian['id']}), held by {russian['holder']}")
    show(tell, "What the first family has read, in Kazakh", told(people, kazakh, data_dir))
    show(tell, "What the second family has read, in Russian", told(people, russian, data_dir))


def main(environment: Mapping[str, str] = os.environ) -> int:
    data_dir = Path(environment.get("DATA_DIR") or ".data")
    tell = Teller()
    people = None
    try:
        people = People(f"http://127.0.0.1:{environment.get('PORT') or 8000}", read_secrets(data_dir))
        run(people, data_dir, tell)
    except Trouble as trouble:
        print(f"{tell.step_now}: {trouble}" if tell.step_now else trouble, file=sys.stderr)
        return 1
    except LookupError as missing:
        print(f"{tell.step_now}: the answer lacks {missing}.", file=sys.stderr)
        return 1
    finally:
        if people:
            people.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
