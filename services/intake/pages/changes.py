"""What happened to a thing since somebody opened a form on it: shown beside what was typed, so that nobody overwrites anybody."""

from __future__ import annotations

from typing import Any

from services.intake import texts
from services.intake.api.here import intake
from shared.i18n import request_language
from shared.ui.forms import Form

LATEST = 50
"""How many events of the family are looked through."""


def since_opened(form: Form, family_id: str, subject: str) -> list[dict[str, Any]]:
    """What the timeline has heard of `subject` since the form was first shown: `{at, actor, text}`, newest first."""
    if not form.stale or form.loaded_at is None:
        return []
    return [
        {
            "at": event["occurred_at"],
            "actor": event["actor"],
            "text": texts.sentence(event["name"], event["said"], request_language()),
        }
        for event in intake().store.timeline.find(family_id, None, LATEST)
        if event["subject"] == subject and event["occurred_at"] >= form.loaded_at
    ]
