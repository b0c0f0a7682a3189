"""The web application of casework: `gunicorn "services.casework.app:create_app()"`."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from services.casework.api import blueprint
from services.casework.pages import PAGES
from services.casework.service import open_service
from services.casework.settings import CaseworkSettings
from services.casework.store import SERVICE
from shared import http, ui
from shared.http.tokens import Verifier
from shared.settings import load
from shared.worker import log_state

HERE = Path(__file__).parent
TRANSLATIONS = HERE / "translations"


def create_app(settings: CaseworkSettings | None = None, *, verifier: Verifier | None = None) -> Flask:
    """The application; without settings, as the environment describes it."""
    casework = open_service(settings or load(CaseworkSettings))
    app = http.create_app(
        SERVICE,
        settings=casework.settings,
        blueprints=[blueprint, *PAGES],
        store_check=casework.store.ping,
        log_state=lambda: log_state(casework.store.database),
        breaches=casework.store.breaches,
        translations=TRANSLATIONS,
        verifier=verifier,
    )
    app.extensions[SERVICE] = casework
    ui.install(app, HERE / "templates", HERE / "policy" / "words.toml")
    return app
