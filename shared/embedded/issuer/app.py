"""The issuer's routes. `create_app()` is what gunicorn starts; it needs the secrets that the runner made under DATA_DIR."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from flask import Flask, Response, jsonify, render_template, request
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import mongo
from shared.embedded.issuer.accounts import load_accounts
from shared.embedded.issuer.attempts import Attempts
from shared.embedded.issuer.keys import load_keys
from shared.embedded.issuer.server import Server
from shared.embedded.issuer.settings import IssuerSettings
from shared.embedded.issuer.store import Store
from shared.embedded.issuer.texts import LANGUAGES, NAMES, TEXTS
from shared.embedded.log_ins import read_secrets
from shared.settings import load

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
}
RETRY_AFTER = 5


def open_store(settings: IssuerSettings) -> Store:
    client = mongo.connect(settings.mongo_url)
    return Store(mongo.database(client, settings.database("issuer")))


def create_app(settings: IssuerSettings | None = None, store: Store | None = None) -> Flask:
    """The app; settings and store come from the environment where they are not given."""
    settings = settings or load(IssuerSettings)
    data_dir = Path(settings.data_dir)
    accounts = load_accounts(read_secrets(data_dir), settings.origin)
    keys = load_keys(data_dir)
    attempts = Attempts(settings.wrong_passwords, settings.locked_seconds)
    app = Flask(__name__, static_url_path="/oidc/static")
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)
    server = Server(app, settings, accounts, store or open_store(settings), keys)
    metadata = _metadata(settings.issuer_url)

    @app.get("/oidc/.well-known/openid-configuration")
    def configuration():
        return jsonify(metadata)

    @app.get("/oidc/jwks")
    def jwks():
        return jsonify(keys.as_dict(private=False))

    @app.get("/oidc/healthz")
    def healthz():
        return jsonify(status="ok")

    @app.route("/oidc/authorize", methods=["GET", "POST"])
    def authorize():
        try:
            grant = server.get_consent_grant(end_user=None)
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        if request.method == "GET":
            return _page(form=True)
        login, password = request.form.get("login", "").strip(), request.form.get("password", "")
        counted = login if login in accounts.users else ""  # so that made-up logins cannot fill the memory
        if wait := attempts.wait(counted):
            return _page(form=True, login=login, wait=wait)
        user = accounts.user_with(login, password)
        if user is None:
            attempts.failed(counted)
            return _page(form=True, login=login, wrong=True)
        attempts.succeeded(counted)
        return server.create_authorization_response(grant=grant, grant_user=user)

    @app.post("/oidc/token")
    def token():
        return server.create_token_response()

    @app.post("/oidc/revoke")
    def revoke():
        return server.create_endpoint_response("revocation")

    @app.route("/oidc/end-session", methods=["GET", "POST"])
    def end_session():
        return server.create_endpoint_response("end_session") or _page(form=False)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    _answer_errors_as_oauth(app)
    return app


def _answer_errors_as_oauth(app: Flask) -> None:
    @app.errorhandler(UnicodeError)  # Authlib lets a Basic header that is not UTF-8 end in a 500
    def not_text(error: UnicodeError):
        return jsonify(error="invalid_request"), 400

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException):
        response = error.get_response()  # keeps Allow and the like
        response.data = jsonify(error="invalid_request", error_description=error.name).data
        response.content_type = "application/json"
        return response

    @app.errorhandler(PyMongoError)
    def away(error: PyMongoError):
        app.logger.warning("issuer: the database does not answer (%s)", type(error).__name__)
        return jsonify(error="temporarily_unavailable"), 503, {"Retry-After": str(RETRY_AFTER)}


def _page(*, form: bool, login: str = "", wrong: bool = False, wait: int = 0) -> Response:
    language = _language()
    text = TEXTS[language]
    status, headers, message = 200, dict(PAGE_HEADERS), ""
    if wrong:
        status, message = 401, text["wrong"]
    if wait:
        status, message = 429, text["wait"].format(minutes=-(-wait // 60))
        headers["Retry-After"] = str(wait)
    page = render_template(
        "login.html",
        language=language,
        languages=[(code, *name, _in_language(code)) for code, name in NAMES.items()],
        text=text,
        form=form,
        login=login,
        message=message,
        wrong=wrong,
    )
    return Response(page, status, headers, content_type="text/html; charset=utf-8")


def _language() -> str:
    """The first of ours that the caller names; OIDC's `ui_locales` goes before `Accept-Language`."""
    asked = [*request.args.get("ui_locales", "").split(), *request.accept_languages.values()]
    return next((tag[:2].lower() for tag in asked if tag[:2].lower() in LANGUAGES), LANGUAGES[0])


def _in_language(code: str) -> str:
    """The address of this page in another language: the same request, with its parameters."""
    return "?" + urlencode({**request.args.to_dict(), "ui_locales": code})


def _metadata(issuer: str) -> dict:
    metadata = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/end-session",
        "revocation_endpoint": f"{issuer}/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic"],
        "scopes_supported": ["openid"],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "name",
            "roles",
            "center_id",
            "region",
            "agency_id",
        ],
        "ui_locales_supported": list(LANGUAGES),
    }
    AuthorizationServerMetadata(metadata).validate()
    return metadata
