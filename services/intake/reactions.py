"""What events of elsewhere do in intake: its part of the contract's table *What one event does elsewhere*.

The read models take every event of every topic, intake's own included: who may read a family (`files`, first, since the worklist
asks it), the worklist, the timeline, and which referrals are known at the disclosure's door.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from pymongo.collection import Collection

from services.intake.read_models import KnownReferrals, Timeline, Worklist
from services.intake.service import Intake
from services.intake.use_cases.appeals import appeal_has_case
from services.intake.use_cases.families import file_assigned
from shared.access import FamilyFiles
from shared.consumer import Subscription
from shared.events import TOPICS as ALL_TOPICS
from shared.events import AppealAttached, CaseAssigned, CaseOpened, CaseReopened, Event, type_of
from shared.events.cloudevents import Envelope
from shared.rebuild import Apply, Model

Reaction = Callable[[Intake, Envelope], None]
ReadModel = Callable[[Intake, Sequence[Envelope]], None]


def case_opened(intake: Intake, envelope: Envelope) -> None:
    """The appeal has its case: it is closed when nothing else is open. The case's holder answers for the file."""
    appeal_has_case(intake, envelope)
    file_assigned(intake, envelope)


REACTIONS: Mapping[type[Event], Reaction] = {
    CaseOpened: case_opened,
    AppealAttached: case_opened,
    CaseAssigned: file_assigned,
    CaseReopened: file_assigned,
}

READ_MODELS: Sequence[ReadModel] = (
    lambda intake, envelopes: intake.store.files.apply(envelopes),
    lambda intake, envelopes: intake.store.worklist.apply(envelopes),
    lambda intake, envelopes: intake.store.timeline.apply(envelopes),
    lambda intake, envelopes: intake.store.known_referrals.apply(envelopes),
)

TOPICS = ALL_TOPICS


def worklist_anew(at: Callable[[str], Collection]) -> Apply:
    """The worklist asks who may read a family: of files that have taken in the same events."""
    files = FamilyFiles(at("files"))
    worklist = Worklist(at("worklist_subjects"), at("worklist"), files)
    worklist.ensure_indexes()

    def apply(envelopes: Sequence[Envelope]) -> None:
        files.apply(envelopes)
        worklist.apply(envelopes)

    return apply


MODELS: Mapping[str, Model] = {
    "files": Model(("files",), lambda at: FamilyFiles(at("files")).apply),
    "worklist": Model(("worklist_subjects", "worklist"), worklist_anew),
    "timeline": Model(("timeline",), lambda at: Timeline(at("timeline")).apply),
    "known-referrals": Model(("known_referrals",), lambda at: KnownReferrals(at("known_referrals")).apply),
}
"""What `rebuild` can make anew, and how."""


def subscription(intake: Intake) -> Subscription:
    """What the worker's consumer listens to."""
    return Subscription(
        group="intake",
        topics=TOPICS,
        reactions={type_of(kind): partial(reaction, intake) for kind, reaction in REACTIONS.items()},
        read_models=[partial(read_model, intake) for read_model in READ_MODELS],
    )
