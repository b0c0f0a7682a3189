from __future__ import annotations

import sys

from tests.system.standin.common import command

command("intake", sys.argv[1:])
