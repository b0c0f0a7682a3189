"""Reading a policy file: whatever is wrong with it is told with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec

Source = Annotated[str, msgspec.Meta(min_length=3)]
"""Where a number comes from: every line of a policy has one."""


class PolicyError(Exception):
    """A policy file cannot be used. The text names the file, the rule and what is wrong with it."""


@contextmanager
def blaming(*where: object) -> Iterator[None]:
    """Turns what goes wrong inside (not TOML, a wrong shape, an impossible number) into a PolicyError."""
    try:
        yield
    except (msgspec.DecodeError, ValueError) as error:
        raise PolicyError(": ".join(str(part) for part in (*where, error))) from error
