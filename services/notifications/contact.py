"""The contact door of intake: whether this person may be written to, where, and when. Asked when a message is about to leave.

    door = ContactDoor(ServiceClient(settings.intake_url, tokens))
    contact = door.ask(person_id, message_id, template)         # Contact, or Unavailable

Consent, safe contact and danger are looked at there, at that moment. What comes back lives as long as the attempt: phone and hours
are never stored, and the phone is not in the `repr`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import time as Time
from typing import Annotated, Any

import msgspec

from services.notifications.domain.hours import Window
from shared import telemetry
from shared.clients import ServiceClient
from shared.refusals import Unavailable

log_lines = telemetry.logger()

NOT_ALLOWED = "not-allowed"
"""Reason where the door gives none."""
SLOW = 0.5
"""A failure that took longer than this many seconds is not waited for again at once."""
CLOSED = 5.0
"""For how many seconds nobody knocks after such a failure."""

_Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
_Time = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$")]


class Hours(msgspec.Struct, frozen=True, rename={"opens": "from", "closes": "to"}):
    """Between which local times of the day it is safe, on every day; they may pass midnight."""

    opens: _Time
    closes: _Time

    def window(self) -> Window:
        return Window(opens=Time.fromisoformat(self.opens), closes=Time.fromisoformat(self.closes))


class Contact(msgspec.Struct, frozen=True):
    """The door's answer. Where `allowed` is true there is a phone."""

    allowed: bool
    reason: _Code | None = None
    phone: str | None = None
    language: str | None = None
    hours: Hours | None = None

    def __repr__(self) -> str:
        return f"Contact(allowed={self.allowed}, reason={self.reason})"

    @property
    def windows(self) -> tuple[Window, ...]:
        """What the citizen has said is safe: one window, or none."""
        return (self.hours.window(),) if self.hours else ()


class ContactDoor:
    """Asks the door. While intake hangs, one caller finds out and the others are told at once: nobody's thread waits in a queue."""

    def __init__(self, intake: ServiceClient) -> None:
        self._intake = intake
        self._closed_until = 0.0

    def ask(self, person_id: str, message_id: str, template: str) -> Contact:
        """The answer of this moment. Raises Unavailable: intake is away, or did not answer as the contract says."""
        question = {"purpose": "sms", "message_id": message_id, "template": template}
        status, body = self._knock(f"/intake/v1/persons/{person_id}/contact", question)
        if status != 200:
            log_lines.error("contact door refused", status=status, message_id=message_id)
            raise Unavailable
        try:
            contact = msgspec.convert(body, Contact)
        except msgspec.ValidationError:  # its text may quote what is in the body
            log_lines.error("contact door answered strangely", message_id=message_id)
            raise Unavailable from None
        if contact.allowed and not contact.phone:
            log_lines.error("contact door gave no phone", message_id=message_id)
            raise Unavailable
        return contact

    def _knock(self, path: str, question: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        if began < self._closed_until:
            raise Unavailable
        try:
            return self._intake.post(path, question)
        except Unavailable:
            if time.monotonic() - began > SLOW:
                self._closed_until = time.monotonic() + CLOSED
            raise
