"""Handing an SMS to a gateway: a port, with one adapter so far (`file`).

    sender = open_sender(settings)
    sender.send(Sms(reference=message_id, phone=…, text=…, language=…), before=time.monotonic() + 5)
    sender.find(message_id)                 # Receipt, or None: it has never been taken

What an adapter guarantees
- A reference is taken once: `send` for one that the gateway has already says so and hands over nothing. That holds between
  processes too, and when one of them is paused in the middle.
- What `send` or `find` has told of is kept: it stays through a crash.
- Nothing is handed over after `before` (`time.monotonic()`): the caller's leave to send has run out by then.
- When `send` has come back, however it came back, nothing of it is under way any more.

Phone and text are for the gateway alone: they are not in the `repr`, in an exception or in a log line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from services.notifications.settings import NotificationsSettings


@dataclass(frozen=True, kw_only=True)
class Sms:
    """What is handed over. `reference`: the message's id; `phone`: E.164."""

    reference: str
    phone: str = field(repr=False)
    text: str = field(repr=False)
    language: str


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The gateway has it, in this language, since `at`."""

    language: str
    at: datetime


class SenderAway(Exception):
    """Not handed over, as far as can be told: ask `find` before trying again."""


class TooLate(SenderAway):
    """The leave to send ran out before it could be handed over."""


class Refused(Exception):
    """The gateway will never take this one. `reason`: a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender(Protocol):
    """A gateway. Used by any number of threads and processes at once."""

    def send(self, sms: Sms, before: float) -> Receipt:
        """Hand it over, or tell since when the gateway has it. Raises SenderAway, TooLate, Refused."""

    def find(self, reference: str) -> Receipt | None:
        """What became of a reference. Raises SenderAway."""


def open_sender(settings: NotificationsSettings) -> Sender:
    """The sender that the settings name."""
    from services.notifications.sender.file import FileSender

    return FileSender(Path(settings.data_dir) / "sms" / "outbox.jsonl")
