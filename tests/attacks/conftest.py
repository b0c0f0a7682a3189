"""A stack of its own for attacks: whoever breaks it breaks nothing that other tests stand on.

The fixtures are those of `tests/system`; a tier is a session of its own, so they are made anew here.
"""

from __future__ import annotations

import pytest

from shared.embedded.stack import Stack
from tests.system.conftest import families, live, openapi, people, routes, world

__all__ = ["families", "live", "openapi", "people", "routes", "stack", "world"]


@pytest.fixture(scope="session")
def stack(live: Stack) -> Stack:
    return live
