"""Who may read a case, who may act on it, and who may act on it as the head of its center."""

from __future__ import annotations

from services.casework.domain.case import Case
from services.casework.service import Casework
from shared.access import Actor, File, may_act, may_read, with_word_of
from shared.aggregate import Saved
from shared.refusals import Forbidden, NotFound


def readable(casework: Casework, actor: Actor, id: str) -> Saved[Case]:
    """The case, if the caller may read it. Else NotFound, whether it exists or not."""
    saved = casework.store.cases.get(id)
    if not may_read(actor, file_of(casework, saved.state)):
        raise NotFound
    return saved


def actable(casework: Casework, actor: Actor, id: str) -> Saved[Case]:
    """The case, for its holder and the supervisors of its center. Raises NotFound, Forbidden."""
    saved = readable(casework, actor, id)
    if not may_act(actor, saved.state.holder, saved.state.center_id):
        raise Forbidden
    return saved


def headed(casework: Casework, actor: Actor, id: str) -> Saved[Case]:
    """The case, for the supervisors of its center. Raises NotFound, Forbidden."""
    saved = readable(casework, actor, id)
    if not (actor.is_a("supervisor") and actor.center_id == saved.state.center_id):
        raise Forbidden
    return saved


def file_of(casework: Casework, case: Case) -> File:
    """What is known of the family's file, and what the case says itself: its word is never older.

    A family of which nothing was heard but the case is taken for restricted.
    """
    return with_word_of(
        casework.store.files.file(case.family_id),
        center_id=case.center_id,
        restricted=case.restricted,
        holder=case.holder,
        holds=True,
    )
