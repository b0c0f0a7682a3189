"""`python -m tests.system.standin.run`: what `make run` does, with the two tiny services in place of the real ones."""

from __future__ import annotations

import sys

from shared.embedded import runner
from shared.embedded.parts import Service

SERVICES = (
    Service(name="intake", package="tests.system.standin.intake"),
    Service(name="casework", package="tests.system.standin.casework", client="service-referrals"),
)

if __name__ == "__main__":
    sys.exit(runner.main(sys.argv[1:], SERVICES))
