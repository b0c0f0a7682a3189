"""`python -m shared.embedded.demo`: both families, and the SMS that they got."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.embedded.demo.callers import People, Resource
from shared.embedded.demo.messages import with_texts
from shared.embedded.demo.teller import Teller, local
from shared.embedded.demo.way import Way
from shared.embedded.log_ins import read_secrets
from shared.embedded.trouble import Trouble


def run(people: People, data_dir: Path, tell: Teller) -> None:
    """Both families. What is printed ends with the SMS in Kazakh and in Russian."""
    kazakh = Way(people, tell).walk("kk")
    tell.step("A second family, which speaks Russian, goes the same way")
    silent = Teller(silent=True)
    try:
        russian = Way(people, silent).walk("ru")
    except Trouble as trouble:
        raise Trouble(f"{silent.now}: {trouble}") from None
    tell.part("casework", f"case {russian['number']} ({russian['id']}), held by {russian['holder']}")
    for language, case in (("Kazakh", kazakh), ("Russian", russian)):
        tell.step(f"What stands on the family's telephone, in {language}")
        show(people, case, data_dir, tell)


def show(people: People, case: Resource, data_dir: Path, tell: Teller) -> None:
    """The texts of the SMS, and which message each of them is."""
    for message, sms in with_texts(people, case["family_id"], data_dir):
        tell.part(f"{local(sms['at']):%H:%M:%S}", f"{message['template']} ({message['id']})")
        tell.part("", f"«{sms['text']}»")


def main(environment: Mapping[str, str] = os.environ) -> int:
    data_dir = Path(environment.get("DATA_DIR") or ".data")
    tell = Teller()
    people = None
    try:
        people = People(f"http://127.0.0.1:{environment.get('PORT') or 8000}", read_secrets(data_dir))
        run(people, data_dir, tell)
    except Trouble as trouble:
        print(f"{tell.now}: {trouble}" if tell.now else trouble, file=sys.stderr)
        return 1
    except (LookupError, TypeError, ValueError) as error:
        print(f"{tell.now}: an answer is not as the contract says ({error!r}).", file=sys.stderr)
        return 1
    finally:
        if people:
            people.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
