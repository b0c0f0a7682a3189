"""Settings of notifications, beside those that every service has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class NotificationsSettings(Settings):
    """How SMS leave."""

    client_id: str = "service-notifications"
    """The OAuth client that this service is when it asks intake's contact door."""
    sender: Literal["file"] = "file"
    """Who carries the SMS; `file` writes them to `<data_dir>/sms/outbox.jsonl`."""
