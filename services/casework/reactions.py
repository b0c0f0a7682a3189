"""What events of elsewhere do to cases: the contract's table *What one event does elsewhere*, as far as it is about them.

A reaction goes through `Aggregates.react`: what is not newer than the last event heard of the same appeal, family or referral
changes nothing. Of danger and restriction the highest version of the family's file is right, whoever told it; of referrals see
`domain.referring`. So late and double delivery lead to the same end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from services.casework.domain import opening, referring
from services.casework.domain.case import Case
from services.casework.domain.opening import File
from services.casework.domain.telling import Decision
from services.casework.service import Casework
from services.casework.store import SERVICE
from shared import mongo
from shared.access import FamilyFiles
from shared.aggregate import next_number
from shared.consumer import Subscription
from shared.events import (
    CATALOGUE,
    AppealScreened,
    Danger,
    Event,
    ReferralAccepted,
    ReferralCancelled,
    ReferralCompleted,
    ReferralExpired,
    ReferralFailed,
    ReferralRejected,
    ReferralRequested,
    ReferralStarted,
    topic,
    type_of,
)
from shared.events.cloudevents import Envelope
from shared.events.intake import AppealEvent, FamilyEvent
from shared.events.referrals import ReferralEvent
from shared.ids import derived_id
from shared.rebuild import Model
from shared.refusals import Conflict

Reaction = Callable[[Casework, Envelope], None]
ReadModel = Callable[[Casework, Sequence[Envelope]], None]
ATTEMPTS = 5
"""How often it is looked again for the case that takes an appeal, when cases of the family open and close meanwhile."""


def appeal_screened(casework: Casework, envelope: Envelope) -> None:
    """The first assessment of need is done: after *open-case* the appeal gets a case."""
    if envelope.event().outcome == "open-case":
        open_or_attach(casework, envelope)
    else:
        file_changed(casework, envelope)


def open_or_attach(casework: Casework, envelope: Envelope) -> None:
    """Open the family's case, or attach the appeal to the one that is open.

    The id of a case that is opened comes from the appeal, so that one appeal never opens two. That a family never has two open
    cases is the store's unique index: whoever loses that race finds the other's case, and attaches the appeal to it.
    """
    store, appeal_id, event = casework.store, envelope.subject, envelope.event()

    def decide(case: Case | None) -> Decision | None:
        by, file = _by(casework, event), _newest_file(casework, event)
        if case is not None:
            return opening.attach(case, appeal_id, file, **by)
        if store.open_case_of(event.family_id):
            return None
        return opening.open_case(
            number=_number(casework, event),
            appeal_id=appeal_id,
            family_id=event.family_id,
            person_id=event.person_id,
            center_id=event.center_id,
            file=file,
            holder=store.next_holder(event.center_id) or event.holder,
            **by,
        )

    for _ in range(ATTEMPTS):
        known = store.case_with(appeal_id) or store.open_case_of(event.family_id)
        saved = store.cases.react(known or derived_id("case", appeal_id), decide, envelope)
        if saved is not None and appeal_id in saved.state.appeal_ids:
            return
    raise Conflict


def file_changed(casework: Casework, envelope: Envelope) -> None:
    """What intake says of the family's danger and restriction holds for all its cases, closed ones included."""
    event = envelope.event()

    def decide(case: Case | None) -> Decision | None:
        return opening.hear_of_danger(case, _file(event), **_by(casework, event)) if case else None

    for case_id in casework.store.cases_of(event.family_id):
        casework.store.cases.react(case_id, decide, envelope)


def partner_asked(casework: Casework, envelope: Envelope) -> None:
    """A partner was asked to give a measure: the holder waits for its answer."""
    _hear(casework, envelope, partial(referring.asked, accepted=False))


def partner_accepted(casework: Casework, envelope: Envelope) -> None:
    """The partner will give the measure, or has begun: it is started."""
    _hear(casework, envelope, partial(referring.asked, accepted=True))


def partner_declined(casework: Casework, envelope: Envelope) -> None:
    """The partner will not give the measure after all: another one has to be found."""
    _hear(casework, envelope, referring.ended)


def partner_delivered(casework: Casework, envelope: Envelope) -> None:
    """The partner has given the measure."""
    event = envelope.event()
    given = {"given_on": event.given_on, "condition": event.condition}
    _hear(casework, envelope, partial(referring.completed, **given))


def family_files(casework: Casework, envelopes: Sequence[Envelope]) -> None:
    """Who may read which family."""
    casework.store.files.apply(envelopes)


REACTIONS: Mapping[type[Event], Reaction] = {
    # every event of an appeal or a family tells danger and restriction, as of a version of the family's file
    **{kind: file_changed for kind in CATALOGUE.values() if issubclass(kind, AppealEvent | FamilyEvent)},
    AppealScreened: appeal_screened,
    ReferralRequested: partner_asked,
    ReferralAccepted: partner_accepted,
    ReferralStarted: partner_accepted,
    ReferralCompleted: partner_delivered,
    ReferralRejected: partner_declined,
    ReferralFailed: partner_declined,
    ReferralExpired: partner_declined,
    ReferralCancelled: partner_declined,
}

READ_MODELS: Sequence[ReadModel] = (family_files,)

TOPICS = (topic("intake"), topic("casework"), topic("referrals"))


MODELS: Mapping[str, Model] = {
    "files": Model(("family_files",), lambda at: FamilyFiles(at("family_files")).apply),
}
"""What `rebuild` can make anew, and how."""


def subscription(casework: Casework) -> Subscription:
    """What the worker's consumer listens to."""
    return Subscription(
        group=SERVICE,
        topics=TOPICS,
        reactions={type_of(kind): partial(reaction, casework) for kind, reaction in REACTIONS.items()},
        read_models=[partial(read_model, casework) for read_model in READ_MODELS],
    )


def _hear(casework: Casework, envelope: Envelope, word: Callable[..., Decision | None]) -> None:
    """Let the measure that a referral asks for hear its word. A referral without a measure changes no case."""
    event: ReferralEvent = envelope.event()
    if event.measure is None:
        return

    def decide(case: Case | None) -> Decision | None:
        if case is None:
            return None
        return word(case, event.measure, envelope.subject, **_by(casework, event))

    casework.store.cases.react(event.case_id, decide, envelope)


def _by(casework: Casework, event: Event) -> dict[str, object]:
    """Who caused it, and when it takes effect here: on the database's clock, for deadlines begin now."""
    now = mongo.database_time(casework.store.client)
    return {"actor": event.actor, "now": now, "policy": casework.policy}


def _file(event: AppealEvent | FamilyEvent) -> File:
    return File(danger=event.danger, restricted=event.restricted, version=event.file_version)


def _newest_file(casework: Casework, event: AppealEvent) -> File:
    """What the event says of the family's file, or what was heard before, when there was no case yet to hear it."""
    known = casework.store.files.known(event.family_id)
    if known is None or known.file_version <= event.file_version:
        return _file(event)
    return File(
        danger=Danger(**(known.danger or {})), restricted=known.restricted, version=known.file_version
    )


def _number(casework: Casework, event: Event) -> str:
    """The next number of the center in this year: `71-1-2026-000123`."""
    today = casework.policy.deadlines.calendar.today(mongo.database_time(casework.store.client))
    series = f"{event.center_id.removeprefix('center-')}-{today.year}"
    return f"{series}-{next_number(casework.store.database, f'case/{series}'):06d}"
