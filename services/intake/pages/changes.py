"""What happened to a thing since somebody opened a form on it: shown beside what was typed, so that nobody overwrites anybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.intake import texts
from services.intake.api.here import intake
from shared.aggregate import Saved
from shared.i18n import request_language
from shared.ui.forms import Form

LATEST = 50
"""How many events of the family are looked through."""


def meanwhile(form: Form, family_id: str, saved: Saved[Any]) -> list[dict[str, Any]]:
    """What others have done with `saved` since the form was first shown: `{at, actor, text}`, newest first; nothing where nobody
    was faster. The form can then be sent again, on what is there now, with all that was typed."""
    if not form.stale:
        return []
    changes = _heard(form.loaded_at, family_id, saved.id) if form.loaded_at else []
    form.renew(saved.version)
    return changes


def _heard(since: datetime, family_id: str, subject: str) -> list[dict[str, Any]]:
    return [
        {
            "at": event["occurred_at"],
            "actor": event["actor"],
            "text": texts.sentence(event["name"], event["said"], request_language()),
        }
        for event in intake().store.timeline.find(family_id, None, LATEST)
        if event["subject"] == subject and event["occurred_at"] >= since
    ]
