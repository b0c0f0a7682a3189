"""What events of elsewhere do to referrals: the contract's table *What one event does elsewhere*, as far as it is about them.

Each reaction first takes the event into the read model that it is about (taking it in twice changes nothing), then goes to the
referrals concerned. A referral that is being made at that moment locks the case's row, which that writes as well: so it is either
there to be found, or was decided on what the event says.

Referrals take a holder from what is known of the case by now, and a restriction only with a higher version of the family's file:
late and double delivery lead to the same end. What ends a measure or a case ends the referrals that were made before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.referrals.domain import referral as domain
from services.referrals.domain.referral import Decision, Referral
from services.referrals.service import Referrals
from services.referrals.store import SERVICE, KnownCases
from shared import mongo
from shared.access import FamilyFiles
from shared.consumer import Subscription
from shared.events import (
    CATALOGUE,
    CaseAssigned,
    CaseClosed,
    CaseReopened,
    Event,
    MeasureCancelled,
    topic,
    type_of,
)
from shared.events.cloudevents import Envelope
from shared.events.intake import AppealEvent, FamilyEvent
from shared.rebuild import Model

Reaction = Callable[[Referrals, Envelope], None]
ReadModel = Callable[[Referrals, Sequence[Envelope]], None]


def holder_changed(referrals: Referrals, envelope: Envelope) -> None:
    """Whoever holds the case by now answers for its referrals, ended ones included."""
    referrals.store.cases.apply([envelope])
    case = referrals.store.cases.find(envelope.subject)
    event = envelope.base()

    def decide(referral: Referral, now: datetime) -> Decision | None:
        return domain.assign(referral, case.holder, actor=event.actor, now=now)

    _each(referrals, envelope, {"case_id": envelope.subject}, decide)


def measure_cancelled(referrals: Referrals, envelope: Envelope) -> None:
    """A measure will not be given: its referrals end, and with them the partner's sight of the client."""
    concerned = {"case_id": envelope.subject, "measure": envelope.event().n}
    _withdraw(referrals, envelope, concerned, "measure-cancelled")


def case_closed(referrals: Referrals, envelope: Envelope) -> None:
    """A case is closed: its referrals end, and with them the partner's sight of the client."""
    _withdraw(referrals, envelope, {"case_id": envelope.subject}, "case-closed")


def file_changed(referrals: Referrals, envelope: Envelope) -> None:
    """What intake says of the family's restriction holds for all its referrals, ended ones included."""
    event = envelope.event()
    referrals.store.files.apply([envelope])
    referrals.store.cases.touch_family(event.family_id)

    def decide(referral: Referral, now: datetime) -> Decision | None:
        return domain.restrict(referral, event.restricted, event.file_version)

    _each(referrals, envelope, {"family_id": event.family_id}, decide)


def family_files(referrals: Referrals, envelopes: Sequence[Envelope]) -> None:
    """Who may read which family."""
    referrals.store.files.apply(envelopes)


def known_cases(referrals: Referrals, envelopes: Sequence[Envelope]) -> None:
    """What has to be known of a case in order to refer from it."""
    referrals.store.cases.apply(envelopes)


REACTIONS: Mapping[type[Event], Reaction] = {
    CaseAssigned: holder_changed,
    CaseReopened: holder_changed,  # the old holder may have left
    MeasureCancelled: measure_cancelled,
    CaseClosed: case_closed,
    # every event of an appeal or a family says the family's restriction, as of a version of its file
    **{kind: file_changed for kind in CATALOGUE.values() if issubclass(kind, AppealEvent | FamilyEvent)},
}

READ_MODELS: Sequence[ReadModel] = (family_files, known_cases)

TOPICS = (topic("intake"), topic("casework"))


MODELS: Mapping[str, Model] = {
    "files": Model(("family_files",), lambda at: FamilyFiles(at("family_files")).apply),
    "known-cases": Model(("known_cases",), lambda at: KnownCases(at("known_cases")).apply),
}
"""What `rebuild` can make anew, and how."""


def subscription(referrals: Referrals) -> Subscription:
    """What the worker's consumer listens to."""
    return Subscription(
        group=SERVICE,
        topics=TOPICS,
        reactions={type_of(kind): partial(reaction, referrals) for kind, reaction in REACTIONS.items()},
        read_models=[partial(read_model, referrals) for read_model in READ_MODELS],
    )


def _withdraw(
    referrals: Referrals, envelope: Envelope, concerned: Mapping[str, Any], reason_code: str
) -> None:
    referrals.store.cases.apply([envelope])
    event = envelope.base()

    def decide(referral: Referral, now: datetime) -> Decision | None:
        if referral.case_sequence >= envelope.sequence:
            return None  # asked after the ending, in a case that was opened again
        return domain.withdraw(
            referral,
            reason_code=reason_code,
            actor=event.actor,
            now=now,
            deadlines=referrals.policy.deadlines,
        )

    _each(referrals, envelope, concerned, decide)


def _each(
    referrals: Referrals,
    envelope: Envelope,
    concerned: Mapping[str, Any],
    decide: Callable[[Referral, datetime], Decision | None],
) -> None:
    """Let every referral concerned react, each in a write of its own (a saga: what is left undone is done on redelivery)."""
    now = mongo.database_time(referrals.store.client)
    store = referrals.store.referrals
    for found in list(store.collection.find(concerned, {"_id": 1})):
        store.react(found["_id"], lambda referral: decide(referral, now) if referral else None, envelope)
