"""The web application: `gunicorn "services.notifications.app:create_app()"`."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from services.notifications import pages
from services.notifications.api import blueprint
from services.notifications.service import open_service
from services.notifications.settings import NotificationsSettings
from services.notifications.store import SERVICE
from shared import http, ui
from shared.http.tokens import Verifier
from shared.settings import load
from shared.worker import log_state

HERE = Path(__file__).parent
TRANSLATIONS = HERE / "translations"


def create_app(settings: NotificationsSettings | None = None, *, verifier: Verifier | None = None) -> Flask:
    """The application; without settings, as the environment describes it."""
    service = open_service(settings or load(NotificationsSettings))
    app = http.create_app(
        SERVICE,
        settings=service.settings,
        blueprints=[blueprint, pages.blueprint],
        store_check=service.store.ping,
        log_state=lambda: log_state(service.store.database),
        breaches=service.store.breaches,
        translations=TRANSLATIONS,
        verifier=verifier,
    )
    app.extensions[SERVICE] = service
    ui.install(app, HERE / "templates", HERE / "policy" / "words.toml")
    return app
