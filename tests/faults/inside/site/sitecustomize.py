"""Python runs this at the start of every process of a stack under test: `PYTHONPATH` names this folder (see `tests/faults/rig.py`).

A process in which the harness could not be set up must not run as if nothing were the matter, and `site` only prints what goes
wrong here: so it ends the process.
"""

import os
import traceback

try:
    from tests.faults.inside import entry

    entry.enter()
except BaseException:
    traceback.print_exc()
    os._exit(70)
