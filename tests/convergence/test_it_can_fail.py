"""The histories show something only if they fail where something is wrong: here it is broken on purpose, and they must find it.

Each of these is a mistake that somebody could make; each is found within the first few histories.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pymongo import ReplaceOne

from services.intake.read_models import worklist
from services.notifications import reactions as notifications
from services.referrals.domain import referral as referrals
from shared.aggregate import Aggregates
from shared.relay import Due, Relay
from tests.convergence.machine import HISTORIES, Convergence
from tests.convergence.transport import Group
from tests.convergence.world import death_of

Break = Callable[[pytest.MonkeyPatch], None]


def reactions_forget_what_they_have_seen(patch: pytest.MonkeyPatch) -> None:
    react = Aggregates.react

    def forgetful(self, id, decide, cause, session=None):
        self.collection.update_one({"_id": id}, {"$unset": {f"seen.{cause.subject}": ""}}, session=session)
        return react(self, id, decide, cause, session)

    patch.setattr(Aggregates, "react", forgetful)


def worklist_takes_what_comes_last(patch: pytest.MonkeyPatch) -> None:
    def subject(envelope):
        row = {"_id": envelope.subject, "sequence": envelope.sequence}
        return ReplaceOne({"_id": envelope.subject}, row, upsert=True)

    patch.setattr(worklist, "_newer_subject", subject)
    patch.setattr(worklist, "_newer_row", lambda row: ReplaceOne({"_id": row["_id"]}, row, upsert=True))


def consumer_commits_before_it_handles(patch: pytest.MonkeyPatch) -> None:
    def deliver(self, reach: Sequence[int], first: int = 0, writes: int | None = None, commits: bool = True):
        batch, ends = self.next(reach, first)
        self.read |= ends
        died = death_of(lambda: self.part.handle(batch), writes) if batch else None
        return len(batch), died

    patch.setattr(Group, "deliver", deliver)


def relay_takes_the_newest_event_first(patch: pytest.MonkeyPatch) -> None:
    due = Relay.due

    def newest(self) -> list[Due]:
        return [
            replace(one, entry=one.collection.find_one({"_id": one.id})["outbox"][-1]) for one in due(self)
        ]

    patch.setattr(Relay, "due", newest)


def message_gets_a_new_id_each_time(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    patch.setattr(notifications, "message_id", lambda *fact: f"{'/'.join(fact)}/{next(numbers)}")


def restriction_is_whatever_was_heard_last(patch: pytest.MonkeyPatch) -> None:
    def restrict(referral, restricted, file_version):
        return replace(referral, restricted=restricted, file_version=file_version), []

    patch.setattr(referrals, "restrict", restrict)


BREAKS: Mapping[Break, str | None] = {
    reactions_forget_what_they_have_seen: "delivered again",
    worklist_takes_what_comes_last: "delivered again|worklist",
    consumer_commits_before_it_handles: None,
    relay_takes_the_newest_event_first: "something is missing",
    message_gets_a_new_id_each_time: "not one message for each reason",
    restriction_is_whatever_was_heard_last: "delivered again|not restricted",
}
"""What is broken → what the check says of it (losing events may show anywhere)."""
BROKEN = settings(
    HISTORIES, max_examples=19, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False
)
"""More than usual, so that a change elsewhere, which makes other histories of the same seeds, does not fail here by chance."""


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.__name__)
def test_what_is_broken_is_found(world, monkeypatch, broken):
    broken(monkeypatch)
    with pytest.raises(AssertionError, match=BREAKS[broken]):
        run_state_machine_as_test(partial(Convergence, world), settings=BROKEN)
