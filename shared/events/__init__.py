"""The catalogue of all events, and their envelope.

    from shared.events import AppealRegistered, type_of, topic_of
    from shared.events.cloudevents import Envelope

An event says what has happened, in ids, codes, dates and numbers. Whoever publishes it also says who answers for the thing
(`holder`) and everything that is still to be done about it (`open`): the worklist is made of nothing else.
"""

from shared.events.base import (
    CATALOGUE,
    TOPICS,
    Danger,
    Event,
    Moment,
    OpenItem,
    Owner,
    cut,
    declared,
    topic,
    topic_of,
    type_of,
)
from shared.events.casework import *  # noqa: F403  the catalogue is the sum of its four files
from shared.events.intake import *  # noqa: F403
from shared.events.notifications import *  # noqa: F403
from shared.events.referrals import *  # noqa: F403

__all__ = [
    "CATALOGUE",
    "TOPICS",
    "Danger",
    "Event",
    "Moment",
    "OpenItem",
    "Owner",
    "cut",
    "declared",
    "topic",
    "topic_of",
    "type_of",
    *(kind.__name__ for kind in CATALOGUE.values()),
]
