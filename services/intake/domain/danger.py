"""What a family is in danger of: true, false, or null where nobody has asked yet.

Danger is raised by whoever may read the file and lowered by a supervisor only. *Not asked* never changes what is known.
"""

from __future__ import annotations

from dataclasses import replace

from shared.events import Danger

KINDS = ("life", "child", "domestic_violence")


def after(known: Danger, said: Danger) -> Danger:
    """What is known once `said` was said: a yes or a no replaces what was known, a null does not."""
    return replace(known, **{kind: getattr(said, kind) for kind in KINDS if getattr(said, kind) is not None})


def heightened(known: Danger, said: Danger) -> Danger:
    """The same, but a no does not lower a yes: so it is where an appeal says less than the file."""
    return replace(after(known, said), **dict.fromkeys(lowered(known, said), True))


def raised(known: Danger, said: Danger) -> tuple[str, ...]:
    """Kinds of danger that are said and were not known."""
    return tuple(kind for kind in KINDS if getattr(said, kind) and not getattr(known, kind))


def lowered(known: Danger, said: Danger) -> tuple[str, ...]:
    """Kinds of danger that were known and are said not to be."""
    return tuple(kind for kind in KINDS if getattr(known, kind) and getattr(said, kind) is False)


def present(danger: Danger) -> tuple[str, ...]:
    """Kinds of danger that are there."""
    return tuple(kind for kind in KINDS if getattr(danger, kind))


def all_asked(said: Danger) -> bool:
    """Whether each kind was asked for."""
    return all(getattr(said, kind) is not None for kind in KINDS)


def is_restricted(danger: Danger) -> bool:
    """A file with domestic violence is read by its holders and supervisors only."""
    return danger.domestic_violence is True
