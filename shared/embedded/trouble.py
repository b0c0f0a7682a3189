"""What stops the embedded stack and a person can mend: said in one line, never as a traceback."""

from __future__ import annotations


class Trouble(Exception):
    """`str(trouble)` is one line: what is wrong, and what to do about it."""
