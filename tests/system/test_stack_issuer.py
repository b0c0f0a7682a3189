"""The issuer on a real database: what it gives, and everything that it has to refuse."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pymongo import MongoClient

from shared import mongo
from shared.embedded.issuer.app import create_app
from shared.embedded.issuer.settings import IssuerSettings
from shared.embedded.issuer.store import Store
from shared.embedded.issuer.texts import LANGUAGES, TEXTS
from shared.embedded.log_ins import STAFF_PAGES, make_secrets

ORIGIN = "http://127.0.0.1:8000"
CALLBACK = f"{ORIGIN}/session/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CLIENT = "agency-health-astana"


class Issuer:
    """The app with a test client, and the ways of asking that the tests vary."""

    def __init__(self, settings: IssuerSettings, client: MongoClient) -> None:
        self.secrets = make_secrets(Path(settings.data_dir))
        store = Store(mongo.database(client, settings.database("issuer")))
        store.ensure_indexes()
        self.http = create_app(settings, store).test_client()
        self.nonces = 0

    def query(self, **changes) -> dict:
        self.nonces += 1
        asked = {
            "response_type": "code",
            "client_id": STAFF_PAGES,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": "s1",
            "nonce": f"n{self.nonces}",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asked.update(changes)
        return {name: value for name, value in asked.items() if value is not None}

    def log_in(self, login="worker.astana", password=None, form=None, **changes):
        form = form or {"login": login, "password": password or self.secrets.users[login]}
        return self.http.post("/oidc/authorize", query_string=self.query(**changes), data=form)

    def code(self, login="worker.astana") -> str:
        return parse_qs(urlsplit(self.log_in(login).headers["Location"]).query)["code"][0]

    def token(self, client=STAFF_PAGES, secret=None, headers=None, **form):
        secret = secret if secret is not None else self.secrets.clients[client]
        return self.http.post("/oidc/token", data=form, headers=headers or basic(client, secret))

    def exchange(self, code: str, /, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.token(**{**form, **changes})

    def refresh(self, refresh_token: str, **changes):
        return self.token(**{"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    def decode(self, token: str):
        return jwt.decode(
            token, KeySet.import_key_set(self.http.get("/oidc/jwks").json), algorithms=["ES256"]
        )


def basic(client: str, secret: str) -> dict:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


@pytest.fixture
def settings(prefix: str, tmp_path: Path) -> IssuerSettings:
    return IssuerSettings(database_prefix=prefix, data_dir=str(tmp_path), origin=ORIGIN, wrong_passwords=3)


@pytest.fixture
def issuer(settings: IssuerSettings, mongo_client) -> Issuer:
    return Issuer(settings, mongo_client)


# -- what it gives


def test_discovery_names_what_the_contract_names(issuer: Issuer):
    found = issuer.http.get("/oidc/.well-known/openid-configuration").json
    assert found["issuer"] == f"{ORIGIN}/oidc"
    assert found["jwks_uri"] == f"{ORIGIN}/oidc/jwks"
    assert found["authorization_endpoint"] == f"{ORIGIN}/oidc/authorize"
    assert found["token_endpoint"] == f"{ORIGIN}/oidc/token"
    assert found["end_session_endpoint"] == f"{ORIGIN}/oidc/end-session"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["token_endpoint_auth_methods_supported"] == ["client_secret_basic"]


def test_the_public_key_is_public_only(issuer: Issuer):
    (key,) = issuer.http.get("/oidc/jwks").json["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}


def test_a_person_gets_the_claims_of_the_contract(issuer: Issuer):
    answer = issuer.exchange(issuer.code("worker.astana"))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = issuer.decode(answer.json["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert token.header["kid"]
    claims = dict(token.claims)
    assert claims.pop("exp") - claims.pop("iat") == 900
    assert len(claims.pop("jti")) == 32
    assert claims == {
        "iss": f"{ORIGIN}/oidc",
        "sub": "worker.astana",
        "aud": "birtereze",
        "client_id": STAFF_PAGES,
        "roles": ["worker"],
        "center_id": "center-71-1",
        "region": "71",
        "name": "Дежурный специалист, Астана",
    }
    id_token = issuer.decode(answer.json["id_token"])
    assert id_token.claims["aud"] == STAFF_PAGES
    assert id_token.claims["nonce"] == f"n{issuer.nonces}"
    assert id_token.header.get("typ") != "at+jwt"


def test_a_program_gets_the_claims_of_the_contract(issuer: Issuer):
    answer = issuer.token(CLIENT, grant_type="client_credentials")
    assert "refresh_token" not in answer.json
    claims = issuer.decode(answer.json["access_token"]).claims
    assert claims["sub"] == claims["client_id"] == claims["agency_id"] == CLIENT
    assert claims["roles"] == ["partner"]
    assert "center_id" not in claims
    assert "scope" not in claims


def test_a_refresh_token_is_kept_and_is_good_for_many_at_once(issuer: Issuer):
    tokens = issuer.exchange(issuer.code()).json
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(issuer.refresh(tokens["refresh_token"]).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200, 200, 200]


def test_the_key_and_the_log_ins_outlive_a_restart(issuer: Issuer, settings: IssuerSettings, mongo_client):
    tokens = issuer.exchange(issuer.code()).json
    again = Issuer(settings, mongo_client)
    assert again.decode(tokens["access_token"]).claims["sub"] == "worker.astana"
    assert again.refresh(tokens["refresh_token"]).status_code == 200


def test_the_database_holds_no_code_and_no_token(
    issuer: Issuer, settings: IssuerSettings, mongo_client, prefix: str
):
    code, tokens = issuer.code(), issuer.exchange(issuer.code()).json
    database = mongo_client[f"{prefix}issuer"]
    everything = json.dumps(
        [list(database[name].find()) for name in ("codes", "refresh_tokens")], default=str
    )
    assert "worker.astana" in everything
    assert code not in everything
    assert tokens["refresh_token"] not in everything
    for name in ("codes", "refresh_tokens"):
        assert any(
            index.get("expireAfterSeconds") == 0 for index in database[name].index_information().values()
        )
    for name in ("oidc-key.json", "demo-secrets.json"):
        assert (Path(settings.data_dir) / name).stat().st_mode & 0o777 == 0o600


# -- the log-in page


@pytest.mark.parametrize(
    ("languages", "locales", "title"),
    [
        ("kk-KZ,ru;q=0.5", "", "Кіру"),
        ("en", "", "Log in"),
        ("de", "", "Вход"),
        ("", "", "Вход"),
        ("ru", "en", "Log in"),
    ],
)
def test_the_page_speaks_three_languages(issuer: Issuer, languages: str, locales: str, title: str):
    query = issuer.query(ui_locales=locales or None)
    page = issuer.http.get("/oidc/authorize", query_string=query, headers={"Accept-Language": languages})
    assert f"<h1>{title}</h1>" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_the_language_is_changed_without_losing_the_way(issuer: Issuer):
    page = issuer.log_in(password="no")  # the parameters outlive a wrong password
    links = {code: unescape(address) for code, address in re.findall(r'hreflang="(..)" href="([^"]+)"', page.text)}
    assert list(links) == ["kk", "ru", "en"]
    asked = parse_qs(links["kk"].removeprefix("?"))
    assert asked.pop("ui_locales") == ["kk"]
    assert {name: [value] for name, value in issuer.query(nonce=asked["nonce"][0]).items()} == asked
    changed = issuer.http.get(f"/oidc/authorize{links['kk']}")
    assert "<h1>Кіру</h1>" in changed.text
    password = issuer.secrets.users["worker.astana"]
    form = {"login": "worker.astana", "password": password}
    assert issuer.http.post(f"/oidc/authorize{links['kk']}", data=form).headers["Location"].startswith(CALLBACK)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_things(language: str):
    assert TEXTS[language].keys() == TEXTS[LANGUAGES[0]].keys()
    assert all(TEXTS[language].values())


def test_after_logging_out_there_is_a_way_back(issuer: Issuer):
    page = issuer.http.get("/oidc/end-session")
    assert page.status_code == 200
    assert 'href="/"' in page.text


def test_the_style_of_the_page_is_there(issuer: Issuer):
    with issuer.http.get("/oidc/static/login.css") as style:
        assert style.mimetype == "text/css"


def test_a_wrong_password_is_told_and_the_login_kept(issuer: Issuer):
    page = issuer.log_in(password="no")
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert "<title>Ошибка: " in page.text
    assert page.text.count('aria-invalid="true" aria-describedby="error"') == 2
    assert 'value="worker.astana"' in page.text


def test_what_was_typed_cannot_become_markup(issuer: Issuer):
    page = issuer.log_in(form={"login": '"><script>x</script>', "password": "no"})
    assert "<script>" not in page.text


def test_after_wrong_passwords_the_login_waits_and_others_do_not(issuer: Issuer):
    assert [issuer.log_in(password="no").status_code for _ in range(3)] == [401, 401, 401]
    waiting = issuer.log_in()
    assert waiting.status_code == 429
    assert 0 < int(waiting.headers["Retry-After"]) <= 300
    assert issuer.log_in("supervisor.astana").status_code == 302


@pytest.mark.parametrize(
    "form", [{"login": "nobody", "password": "x"}, {"login": "worker.astana"}, {"x": "y"}]
)
def test_nobody_gets_in_without_a_password(issuer: Issuer, form: dict):
    assert issuer.log_in(form=form).status_code == 401


def test_the_login_comes_from_the_form_only(issuer: Issuer):
    password = issuer.secrets.users["worker.astana"]
    assert issuer.log_in(form={"x": "y"}, login="worker.astana", password=password).status_code == 401


# -- what it refuses on the way to a code


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "short"},
        {"nonce": None},
        {"redirect_uri": "http://127.0.0.1:9999/session/callback"},
        {"redirect_uri": f"{CALLBACK}/more"},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": CLIENT},
        {"client_id": None},
        {"response_type": "token"},
        {"response_type": None},
        {"scope": "openid persons.disclosure"},
        {"scope": None},
        {"scope": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_code_for(issuer: Issuer, method: str, changes: dict):
    form = {"login": "worker.astana", "password": issuer.secrets.users["worker.astana"]}
    options = {"data": form} if method == "POST" else {}
    answer = issuer.http.open(
        "/oidc/authorize", method=method, query_string=issuer.query(**changes), **options
    )
    place = urlsplit(answer.headers.get("Location", ""))
    assert "code" not in parse_qs(place.query)
    if answer.status_code == 302:  # told to the client, at its own address only
        assert answer.headers["Location"].startswith(f"{CALLBACK}?")
        assert parse_qs(place.query)["error"]
    else:
        assert answer.status_code in (400, 401)


def test_parameters_of_the_log_in_come_from_the_query_only(issuer: Issuer):
    form = {"login": "worker.astana", "password": issuer.secrets.users["worker.astana"], **issuer.query()}
    assert issuer.http.post("/oidc/authorize", data=form).status_code in (400, 401)


def test_a_repeated_parameter_is_refused(issuer: Issuer):
    query = [*issuer.query().items(), ("redirect_uri", "http://evil.example/")]
    form = {"login": "worker.astana", "password": issuer.secrets.users["worker.astana"]}
    answer = issuer.http.post("/oidc/authorize", query_string=query, data=form)
    assert "code=" not in answer.headers.get("Location", "")
    assert "evil.example" not in answer.headers.get("Location", "")


def test_a_nonce_is_used_once(issuer: Issuer):
    assert "code=" in issuer.log_in(nonce="same").headers["Location"]
    assert "code=" not in issuer.log_in(nonce="same").headers.get("Location", "")


# -- what it refuses on the way to a token


def test_a_code_is_used_once(issuer: Issuer):
    code = issuer.code()
    assert issuer.exchange(code).status_code == 200
    again = issuer.exchange(code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")


def test_a_code_is_used_once_also_under_a_race(issuer: Issuer):
    code, answers = issuer.code(), []
    threads = [
        threading.Thread(target=lambda: answers.append(issuer.exchange(code).status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 400, 400, 400, 400, 400]


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},
        {"redirect_uri": f"{ORIGIN}/elsewhere"},
        {"redirect_uri": ""},
        {"code": "guessed"},
        {"client": CLIENT},
    ],
    ids=str,
)
def test_a_code_is_worth_nothing_with(issuer: Issuer, changes: dict):
    code = issuer.code()
    assert issuer.exchange(code, **changes).status_code in (400, 401)
    if "code" not in changes and changes != {"client": CLIENT}:
        assert issuer.exchange(code).status_code == 400  # the failed exchange has used it up


def test_an_old_code_is_worth_nothing(mongo_client, prefix: str, tmp_path: Path):
    settings = IssuerSettings(database_prefix=prefix, data_dir=str(tmp_path), origin=ORIGIN, code_seconds=0)
    issuer = Issuer(settings, mongo_client)
    assert issuer.exchange(issuer.code()).status_code == 400


def test_the_secret_has_to_be_right_and_in_the_header(issuer: Issuer):
    secret = issuer.secrets.clients[CLIENT]
    wrong = issuer.token(CLIENT, "wrong", grant_type="client_credentials")
    assert wrong.status_code == 401
    assert wrong.json["error"] == "invalid_client"
    assert issuer.token("nobody", "x", grant_type="client_credentials").status_code == 401
    body = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": secret}
    assert issuer.http.post("/oidc/token", data=body).status_code == 401
    assert (
        issuer.http.post(
            "/oidc/token", data={"grant_type": "client_credentials", "client_id": CLIENT}
        ).status_code
        == 401
    )


def test_parameters_of_the_token_come_from_the_body_only(issuer: Issuer):
    secret = issuer.secrets.clients[CLIENT]
    answer = issuer.http.post("/oidc/token?grant_type=client_credentials", headers=basic(CLIENT, secret))
    assert answer.status_code == 400


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", ""])
def test_other_grants_do_not_exist(issuer: Issuer, grant: str):
    form = {
        "grant_type": grant,
        "username": "worker.astana",
        "password": issuer.secrets.users["worker.astana"],
    }
    assert issuer.token(**form).status_code == 400


def test_a_client_has_its_own_grants_only(issuer: Issuer):
    assert issuer.token(STAFF_PAGES, grant_type="client_credentials").json["error"] == "unauthorized_client"
    assert issuer.exchange("any", client=CLIENT).json["error"] == "unauthorized_client"


def test_a_foreign_scope_is_refused(issuer: Issuer):
    answer = issuer.token(CLIENT, grant_type="client_credentials", scope="persons.disclosure")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    refresh_token = issuer.exchange(issuer.code()).json["refresh_token"]
    assert issuer.refresh(refresh_token, scope="openid more").status_code == 400


@pytest.mark.parametrize(
    "header", ["Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), "Basic !!", "Basic", "Bearer x"]
)
def test_an_unreadable_header_is_no_error_of_ours(issuer: Issuer, header: str):
    answer = issuer.token(headers={"Authorization": header}, grant_type="client_credentials")
    assert answer.status_code in (400, 401)


def test_an_error_never_tells_the_way_inside(issuer: Issuer):
    for path in ("/oidc/nothing", "/oidc/token"):
        answer = issuer.http.get(path)
        assert answer.status_code in (404, 405)
        assert answer.json["error"] == "invalid_request"


# -- the end of a log-in


def test_a_revoked_refresh_token_is_worth_nothing(issuer: Issuer):
    refresh_token = issuer.exchange(issuer.code()).json["refresh_token"]
    secret = issuer.secrets.clients[STAFF_PAGES]
    assert issuer.http.post("/oidc/revoke", data={"token": refresh_token}).status_code == 401
    other = basic(CLIENT, issuer.secrets.clients[CLIENT])
    assert issuer.http.post("/oidc/revoke", data={"token": refresh_token}, headers=other).status_code == 400
    assert issuer.refresh(refresh_token).status_code == 200
    own = basic(STAFF_PAGES, secret)
    assert issuer.http.post("/oidc/revoke", data={"token": refresh_token}, headers=own).status_code == 200
    assert issuer.refresh(refresh_token).json["error"] == "invalid_grant"


def test_logging_out_ends_all_log_ins_of_that_person_only(issuer: Issuer):
    first, second = issuer.exchange(issuer.code()).json, issuer.exchange(issuer.code()).json
    other = issuer.exchange(issuer.code("worker.almaty")).json
    query = {
        "id_token_hint": first["id_token"],
        "post_logout_redirect_uri": f"{ORIGIN}/intake/",
        "state": "x",
    }
    answer = issuer.http.get("/oidc/end-session", query_string=query)
    assert answer.headers["Location"] == f"{ORIGIN}/intake/?state=x"
    assert issuer.refresh(first["refresh_token"]).status_code == 400
    assert issuer.refresh(second["refresh_token"]).status_code == 400
    assert issuer.refresh(other["refresh_token"]).status_code == 200


def test_a_link_without_a_hint_ends_nothing_and_leads_nowhere_else(issuer: Issuer):
    tokens = issuer.exchange(issuer.code()).json
    answer = issuer.http.get(
        "/oidc/end-session",
        query_string={"client_id": STAFF_PAGES, "post_logout_redirect_uri": "http://evil.example/"},
    )
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert issuer.refresh(tokens["refresh_token"]).status_code == 200


def test_an_access_token_is_no_hint(issuer: Issuer):
    tokens = issuer.exchange(issuer.code()).json
    issuer.http.get("/oidc/end-session", query_string={"id_token_hint": tokens["access_token"]})
    assert issuer.refresh(tokens["refresh_token"]).status_code == 200


# -- without a database


def test_without_a_database_programs_still_get_tokens_and_people_a_clear_answer(tmp_path: Path):
    settings, secrets = IssuerSettings(data_dir=str(tmp_path), origin=ORIGIN), make_secrets(tmp_path)
    with MongoClient("mongodb://127.0.0.1:9/", serverSelectionTimeoutMS=200) as nowhere:
        http = create_app(settings, Store(nowhere["issuer"])).test_client()
        program, people = (
            basic(CLIENT, secrets.clients[CLIENT]),
            basic(STAFF_PAGES, secrets.clients[STAFF_PAGES]),
        )
        form = {"grant_type": "client_credentials"}
        assert http.post("/oidc/token", data=form, headers=program).status_code == 200
        form = {"grant_type": "refresh_token", "refresh_token": "x"}
        answer = http.post("/oidc/token", data=form, headers=people)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
