"""The web application of referrals: `gunicorn "services.referrals.app:create_app()"`."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from services.referrals.api import blueprint
from services.referrals.pages import followed, inbox, new, sent
from services.referrals.service import open_service
from services.referrals.settings import ReferralsSettings
from services.referrals.store import SERVICE
from shared import http, ui
from shared.http.tokens import Verifier
from shared.settings import load
from shared.worker import log_state

HERE = Path(__file__).parent
TRANSLATIONS = HERE / "translations"
PAGES = (sent, new, followed, inbox)


def create_app(settings: ReferralsSettings | None = None, *, verifier: Verifier | None = None) -> Flask:
    """The application; without settings, as the environment describes it."""
    referrals = open_service(settings or load(ReferralsSettings))
    app = http.create_app(
        SERVICE,
        settings=referrals.settings,
        blueprints=[blueprint, *(module.blueprint for module in PAGES)],
        store_check=referrals.store.ping,
        log_state=lambda: log_state(referrals.store.database),
        breaches=referrals.store.breaches,
        translations=TRANSLATIONS,
        verifier=verifier,
    )
    app.extensions[SERVICE] = referrals
    ui.install(app, HERE / "templates", HERE / "policy" / "words.toml")
    return app
