from __future__ import annotations

import sys

from tests.system.standin.common import command

command("casework", sys.argv[1:])
