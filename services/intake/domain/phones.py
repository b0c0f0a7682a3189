"""Phone numbers: the many ways to write one, and the one way to keep it (E.164).

    phones = Phones.load(POLICY / "phones.toml")        # once, at start
    phones.normalise("8 (701) 123-45-67")               # "+77011234567"
    phones.normalise("8 7172 12 34 56")                 # None: not a mobile number

Which numbers are mobile is policy: `services/intake/policy/phones.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

_SEPARATORS = re.compile(r"[\s().\u2010-\u2015\u2212-]+")
_WRITTEN = re.compile(r"(?:\+7|7|8)(?P<national>[0-9]{10})")


@dataclass(frozen=True)
class Phones:
    """`mobile` matches the ten digits of a mobile number of Kazakhstan after the country code."""

    mobile: re.Pattern[str]

    @classmethod
    def load(cls, path: Path) -> Phones:
        """The policy file with the pattern. Raises OSError, KeyError, re.error, tomllib.TOMLDecodeError."""
        return cls(re.compile(tomllib.loads(path.read_text("utf-8"))["mobile"], re.ASCII))

    def normalise(self, text: str) -> str | None:
        """The number as `+7` and ten digits; None if it is not a mobile number of Kazakhstan.

        Spaces, dashes, dots and parentheses do not count; `8…` (the trunk prefix) and `7…` stand for `+7…`.
        """
        written = _WRITTEN.fullmatch(_SEPARATORS.sub("", text))
        if written is None or not self.mobile.fullmatch(written["national"]):
            return None
        return f"+7{written['national']}"
