"""What happens elsewhere, and what it means here: `HEARD`, `TOLD` and `READ_MODELS` are the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from services.notifications import sending
from services.notifications.domain import message as domain
from services.notifications.domain.message import Decision, Message
from services.notifications.reading import holder_now
from services.notifications.service import Notifications
from services.notifications.store import SERVICE, message_id
from shared import mongo, telemetry
from shared.access import FamilyFiles
from shared.consumer import Subscription
from shared.events import (
    CATALOGUE,
    TOPICS,
    AppealRegistered,
    Event,
    MeasureDelivered,
    ReferralAccepted,
    type_of,
)
from shared.events.casework import CaseEvent
from shared.events.cloudevents import Envelope
from shared.events.intake import AppealEvent, FamilyEvent
from shared.events.referrals import ReferralEvent
from shared.rebuild import Model

log_lines = telemetry.logger()

Reaction = Callable[[Notifications, Envelope], None]
ReadModel = Callable[[Notifications, Sequence[Envelope]], None]


def tell(template: str, fact: Callable[[Any], str]) -> Reaction:
    """The citizen is told of it once, by this template. `fact`: which fact about the event's subject it is.

    The message is saved first, and then tried at once, for somebody waits for it.
    """

    def react(service: Notifications, envelope: Envelope) -> None:
        event = envelope.event()
        if event.person_id is None:
            return
        id = message_id(template, envelope.subject, fact(event))

        def decide(message: Message | None) -> Decision | None:
            return None if message else _create(service, template, envelope.subject, event)

        service.store.messages.react(id, decide, envelope)
        _try_at_once(service, id)

    return react


def hand_over(service: Notifications, envelope: Envelope) -> None:
    """Whoever holds the family's case (or, before there is one, what the message is about) answers for its messages."""
    event = envelope.base()
    known = service.store.files.known(event.family_id)

    def decide(message: Message | None) -> Decision | None:
        if message is None:
            return None
        holder = holder_now(known, message.about, message.holder)
        return domain.assign(message, holder, event.actor, event.occurred_at)

    for id in service.store.ids({"family_id": event.family_id}):
        service.store.messages.react(id, decide, envelope)


def restrict(service: Notifications, envelope: Envelope) -> None:
    """The messages of a family are restricted as its file is: each of these events says so, and as of which version."""
    event = envelope.event()
    service.store.restrict(event.family_id, event.restricted, event.file_version)


def all_of(*reactions: Reaction) -> Reaction:
    """Several reactions to one event, in this order."""

    def react(service: Notifications, envelope: Envelope) -> None:
        for reaction in reactions:
            reaction(service, envelope)

    return react


def know_file(service: Notifications, envelopes: Sequence[Envelope]) -> None:
    """Who may read the family's file (read model)."""
    service.store.files.apply(envelopes)


def kinds_of(*bases: type[Event]) -> list[type[Event]]:
    """All events of the catalogue that are one of these."""
    return [kind for kind in CATALOGUE.values() if issubclass(kind, bases)]


TOLD: Mapping[type[Event], tuple[str, Callable[[Any], str]]] = {
    AppealRegistered: ("appeal-registered", lambda event: "registered"),
    ReferralAccepted: ("referral-accepted", lambda event: "accepted"),
    MeasureDelivered: ("help-given", lambda event: f"measure-{event.n}"),
}
"""What the family is told of, once for each fact: event → the template, and which fact about the event's subject it is."""

HEARD: Mapping[type[Event], Reaction] = {
    **dict.fromkeys(kinds_of(FamilyEvent), restrict),
    **dict.fromkeys(kinds_of(AppealEvent), all_of(restrict, hand_over)),
    **dict.fromkeys(kinds_of(CaseEvent, ReferralEvent), hand_over),
}
"""What is taken note of whether or not the family is told."""

REACTIONS: Mapping[type[Event], Reaction] = {
    **HEARD,
    **{kind: all_of(*filter(None, [HEARD.get(kind)]), tell(*told)) for kind, told in TOLD.items()},
}
READ_MODELS: Sequence[ReadModel] = (know_file,)
"""They take a batch before the reactions do: a message that is created knows its family's file."""


MODELS: Mapping[str, Model] = {
    "files": Model(("files",), lambda at: FamilyFiles(at("files")).apply),
}
"""What `rebuild` can make anew, and how."""


def subscription(service: Notifications) -> Subscription:
    """What the worker's consumer has to do. Its own topic too: who holds a message that asks for something may read the file."""
    return Subscription(
        group=SERVICE,
        topics=TOPICS,
        reactions={type_of(kind): partial(reaction, service) for kind, reaction in REACTIONS.items()},
        read_models=[partial(model, service) for model in READ_MODELS],
    )


def _create(service: Notifications, template: str, about: str, event: Event) -> Decision:
    kind = service.policy.templates[template]
    restricted, file_version = _restriction(service, event)
    return domain.create(
        template=template,
        message_class=kind.message_class,
        about=about,
        person_id=event.person_id,
        family_id=event.family_id,
        center_id=event.center_id,
        holder=holder_now(service.store.files.known(event.family_id), about, event.holder),
        restricted=restricted,
        file_version=file_version,
        expires_at=event.occurred_at + kind.expires_after,
        now=service.store.now(),
    )


def _restriction(service: Notifications, event: Any) -> tuple[bool, int]:
    """Whether the family's file is restricted, and which version of it says so. What has not arrived is treated as restricted."""
    known = service.store.files.known(event.family_id)
    if known is None or known.file_version < 0:
        return True, -1
    return known.restricted, known.file_version


def _try_at_once(service: Notifications, id: str) -> None:
    """Whatever goes wrong is left to the clock: a message that cannot leave must not hold up what is behind it."""
    try:
        sending.attempt(service, id)
    except Exception as error:
        if mongo.is_away(error):
            raise
        log_lines.error("message could not be tried at once", message_id=id, exc_info=error)
