"""python -m shared.i18n update | check  [shared | intake | casework | …]

update    collects the marked sentences of a part into its `.po` files, keeping the translations there are
check     lists the sentences without a translation, and those translated that nobody says any more; exit 1 if there are any

Without a name, all parts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from shared.i18n import catalogues

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in ("update", "check"):
        print(__doc__)
        return 2
    command, *names = arguments
    parts = [folder.name for folder, _ in catalogues.places(ROOT)]
    if unknown := [name for name in names if name not in parts]:
        print(f"There is no part {', '.join(unknown)}. Parts: {', '.join(parts)}", file=sys.stderr)
        return 2
    findings = 0
    for folder, translations in catalogues.places(ROOT):
        if names and folder.name not in names:
            continue
        if command == "update":
            catalogues.update(folder, translations)
            continue
        for finding in catalogues.findings(folder, translations):
            findings += 1
            print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
