"""The web application of intake: `gunicorn "services.intake.app:create_app()"`."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from services.intake.api import appeals, centers, doors, families, history, persons, search, worklist
from services.intake.pages import appeals as appeals_pages
from services.intake.pages import families as families_pages
from services.intake.pages import household as household_pages
from services.intake.pages import names as names_pages
from services.intake.pages import persons as persons_pages
from services.intake.pages import register as register_pages
from services.intake.pages import registered as registered_pages
from services.intake.pages import search as search_pages
from services.intake.pages import worklist as worklist_page
from services.intake.service import open_service
from services.intake.settings import IntakeSettings
from shared import http, ui
from shared.http.tokens import Verifier
from shared.settings import load
from shared.ui import Pages, log_in
from shared.worker import log_state

PAGES: tuple[Pages, ...] = (
    log_in.blueprint,
    worklist_page.blueprint,
    register_pages.blueprint,
    registered_pages.blueprint,
    appeals_pages.blueprint,
    search_pages.blueprint,
    names_pages.blueprint,
    families_pages.blueprint,
    household_pages.blueprint,
    persons_pages.blueprint,
)
ROUTES = (appeals, families, persons, worklist, history, search, doors, centers)
HERE = Path(__file__).parent
TRANSLATIONS = HERE / "translations"


def create_app(settings: IntakeSettings | None = None, *, verifier: Verifier | None = None) -> Flask:
    """The application; without settings, as the environment describes it. It also shows the pages of all problems."""
    intake = open_service(settings or load(IntakeSettings))
    app = http.create_app(
        "intake",
        settings=intake.settings,
        blueprints=[*(module.blueprint for module in ROUTES), *PAGES, http.problem_pages()],
        store_check=intake.store.ping,
        log_state=lambda: log_state(intake.store.database),
        breaches=intake.store.breaches,
        translations=TRANSLATIONS,
        verifier=verifier,
    )
    app.extensions["intake"] = intake
    ui.install(app, HERE / "templates", HERE / "policy" / "words.toml")
    return app
