"""The service behind the request."""

from __future__ import annotations

from flask import current_app

from services.intake.service import Intake


def intake() -> Intake:
    """The service that this application serves."""
    return current_app.extensions["intake"]
