"""Hostile access tokens at every running service: none of them gets in, and a flood of them costs the issuer next to nothing.

`tests/unit/http/test_tokens.py` asks the verifier itself. Here the tokens are made with the stack's own key, where only a claim is to
be wrong, and with keys of our own, where the signature is.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.embedded.log_ins import STAFF_PAGES
from shared.embedded.token import user_tokens
from shared.http.tokens import BETWEEN_FETCHES
from tests.attacks.pages import browser
from tests.callers import appeal, until
from tests.system.interface import SERVICES

LISTS = {
    "intake": "/intake/v1/worklist",
    "casework": "/casework/v1/cases",
    "referrals": "/referrals/v1/referrals",
    "notifications": "/notifications/v1/messages",
}
PAGES = {
    "intake": "/intake/worklist",
    "casework": "/casework/cases",
    "referrals": "/referrals/sent",
    "notifications": "/notifications/messages",
}
WORKER = "worker.astana"
OURS = {"Sec-Fetch-Site": "same-origin"}
FETCHED = "keys of the issuer cannot be fetched"


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read(token: str, part: int = 1) -> dict[str, Any]:
    text = token.split(".")[part]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.fixture(scope="module")
def tokens(stack) -> dict[str, Any]:
    """All that the issuer gives to somebody who logs in: an access token, a refresh token, an ID token."""
    secrets = stack.secrets
    return user_tokens(stack.origin, WORKER, secrets.users[WORKER], secrets.clients[STAFF_PAGES])


@pytest.fixture(scope="module")
def key(stack) -> ECKey:
    """The issuer's own, with which only the issuer signs."""
    return ECKey.import_key(json.loads((stack.data_dir / "oidc-key.json").read_text()))


@pytest.fixture(scope="module")
def anybody(stack):
    with httpx.Client(base_url=stack.origin, trust_env=False, timeout=20) as http:
        yield http


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def statuses(http: httpx.Client, token: str) -> dict[str, int]:
    """What a token is answered with: in the header and in the cookie, by each service, at a route of programs and at a page."""
    found = {}
    for service in SERVICES:
        for path in (LISTS[service], PAGES[service]):
            cookie = {"Cookie": f"bt_access={token}", **OURS}
            found[f"{path} by header"] = http.get(path, headers=bearer(token)).status_code
            found[f"{path} by cookie"] = http.get(path, headers=cookie).status_code
    found["search"] = http.post(
        "/intake/v1/persons/search", json={"q": "Nobody"}, headers=bearer(token)
    ).status_code
    return found


def until_keys_are_looked_for(http: httpx.Client, token: str) -> set[int]:
    """The statuses of a token that is sent for as long as a service may go without looking for an unknown key, and once more."""
    end, found, is_last = time.monotonic() + BETWEEN_FETCHES, set[int](), False
    while not is_last:
        is_last = time.monotonic() > end
        found |= set(statuses(http, token).values())
    return found


# -- the set of hostile tokens


NOW = int(time.time())
CLAIMS: dict[str, Mapping[str, Any]] = {
    "expired": {"exp": NOW - 1},
    "expired long ago": {"exp": 1, "iat": 0},
    "without exp": {"exp": None},
    "exp as a text": {"exp": str(NOW + 900)},
    "exp in a list": {"exp": [NOW + 900]},
    "issued tomorrow": {"iat": NOW + 86400},
    "without iat": {"iat": None},
    "not yet valid": {"nbf": NOW + 86400},
    "for another audience": {"aud": "another"},
    "for the pages' client": {"aud": STAFF_PAGES},
    "for nobody": {"aud": None},
    "for an empty list": {"aud": []},
    "by another issuer": {"iss": "https://another.example/oidc"},
    "by an issuer that begins alike": {"iss": "{iss}/"},
    "by nobody": {"iss": None},
    "of nobody": {"sub": None},
    "of nobody named": {"sub": ""},
    "of no client": {"client_id": None},
    "without jti": {"jti": None},
    "roles as a text": {"roles": "worker"},
    "roles as an operator": {"roles": {"$ne": ""}},
    "a center as an operator": {"center_id": {"$gt": ""}},
}
"""Signed by the issuer's own key; wrong is only what is said."""


def with_claims(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    said = {**claims, **changes}
    if said["iss"] == "{iss}/":
        said["iss"] = f"{claims['iss']}/"
    return {name: value for name, value in said.items() if value is not None}


def es256(key: ECKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Signed by hand, under headers that no library signs."""
    signed = f"{segment(header)}.{segment(claims)}"
    r, s = decode_dss_signature(key.get_op_key("sign").sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{segment(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def hs256(secret: bytes, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(hmac.digest(secret, signed.encode(), 'sha256'))}"


def rs256(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    signed = f"{segment(header)}.{segment(claims)}"
    own = rsa.generate_private_key(65537, 2048)
    return f"{signed}.{segment(own.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def public_forms(key: ECKey) -> dict[str, bytes]:
    """The public key in all the ways in which it could be taken for a secret."""
    public = key.get_op_key("verify")
    shapes = {
        "PEM": (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        "DER": (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        "point": (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
    }
    found = {name: public.public_bytes(*shape) for name, shape in shapes.items()}
    return {**found, "JWK": json.dumps(key.as_dict(private=False)).encode(), "nothing": b""}


def hostile(tokens: Mapping[str, Any], key: ECKey, elsewhere: str) -> Iterator[tuple[str, str]]:
    """(what is wrong, token). `elsewhere`: an address of our own, where a verifier might look for keys."""
    good, own = tokens["access_token"], ECKey.generate_key("P-256")
    header, claims = read(good, 0), read(good)
    head, payload, signature = good.split(".")
    raised = {**claims, "roles": ["supervisor", "national", "service"]}
    for what, changes in CLAIMS.items():
        yield what, jwt.encode(header, with_claims(claims, changes), key)
    for alg in ("none", "None", "NONE", ""):
        unsigned = f"{segment({**header, 'alg': alg})}.{segment(raised)}"
        yield f"alg {alg!r}", f"{unsigned}."
        yield f"alg {alg!r}, with the signature of another", f"{unsigned}.{signature}"
    for shape, secret in public_forms(key).items():
        yield f"HS256 with the public key ({shape})", hs256(secret, {**header, "alg": "HS256"}, raised)
    yield "RS256 of our own", rs256({**header, "alg": "RS256"}, raised)
    yield "RS256, said to be ES256", rs256(header, raised)
    yield "our own key under the issuer's kid", es256(own, header, raised)
    yield "our own key in the header", es256(own, {**header, "jwk": own.as_dict(private=False)}, raised)
    yield "our own key under its own kid", es256(own, {**header, "kid": own.thumbprint()}, raised)
    for name in ("jku", "x5u", "iss"):
        yield (
            f"keys elsewhere ({name})",
            es256(own, {**header, name: f"{elsewhere}/jwks", "kid": "elsewhere"}, raised),
        )
    for signer, name in ((own, "our own key"), (key, "the issuer's key")):
        yield (
            f"issued elsewhere, {name}",
            es256(signer, {**header, "kid": "elsewhere"}, {**raised, "iss": elsewhere}),
        )
    yield "another type", es256(key, {**header, "typ": "JWT"}, claims)
    yield "no type", es256(key, {name: each for name, each in header.items() if name != "typ"}, claims)
    yield "no kid", es256(key, {name: each for name, each in header.items() if name != "kid"}, claims)
    for kid in ("../../../dev/null", "' or 1=1 --", "\u0000", "x" * 500, 5, ["k"], {"$ne": ""}):
        yield f"kid {str(kid)[:30]!r}", es256(own, {**header, "kid": kid}, raised)
    yield "something critical", es256(key, {**header, "crit": ["exp"]}, claims)
    yield "an unencoded body", es256(key, {**header, "b64": False, "crit": ["b64"]}, claims)
    yield "a packed body", es256(key, {**header, "zip": "DEF"}, claims)
    yield "a role more", f"{head}.{segment(raised)}.{signature}"
    yield "another person", f"{head}.{segment({**claims, 'sub': 'national'})}.{signature}"
    yield "no signature", f"{head}.{payload}."
    yield "no third part", f"{head}.{payload}"
    yield "a signature of zeros", f"{head}.{payload}.{segment(bytes(64))}"
    yield "a signature cut short", f"{head}.{payload}.{signature[:-2]}"
    yield "a signature and more", f"{good}AA"
    yield "four parts", f"{good}.{signature}"
    yield "a list of tokens", f"{good},{good}"
    yield "the ID token", tokens["id_token"]
    yield "the refresh token", tokens["refresh_token"]
    yield (
        "as JSON",
        json.dumps({"payload": payload, "signatures": [{"protected": head, "signature": signature}]}),
    )
    yield "too long", es256(key, header, {**claims, "more": "x" * 5000})


@pytest.fixture(scope="module")
def elsewhere():
    """An address of our own, and how often somebody came to it."""
    visits: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    visitor, address = server.accept()
                    visitor.close()
                    visits.append(address)

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", visits
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(scope="module")
def attempts(tokens, key, elsewhere) -> dict[str, str]:
    return dict(hostile(tokens, key, elsewhere[0]))


def test_what_is_made_here_is_right_where_nothing_is_made_wrong(anybody, tokens, key):
    """So that those below are refused for what is wrong with them."""
    header, claims = read(tokens["access_token"], 0), read(tokens["access_token"])
    for good in (tokens["access_token"], jwt.encode(header, claims, key), es256(key, header, claims)):
        assert set(statuses(anybody, good).values()) == {200}


def test_no_hostile_token_gets_in_anywhere(anybody, attempts):
    assert len(attempts) > 60
    wrong = []
    for what, token in attempts.items():
        by_cookie = token.isascii() and not set(token) & set('",; {}')
        for path, status in statuses(anybody, token).items():
            if status != 401 and (by_cookie or not path.endswith("cookie")):
                wrong.append(f"{what}: {path} answers {status}")
    assert not wrong, "\n".join(wrong)


def test_who_is_refused_is_told_nothing_but_that(anybody, attempts):
    for what, token in attempts.items():
        for path in LISTS.values():
            answer = anybody.get(path, headers={**bearer(token), "Accept-Language": "en"})
            assert answer.json()["type"] == "/problems/unauthenticated", what
            told = {"The access token is not valid.", "The access token has expired."}
            assert answer.json()["detail"] in told, what
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="birtereze", error="invalid_token"', (
                what
            )
            assert "set-cookie" not in answer.headers, what


def test_nobody_looks_for_keys_where_a_token_says(anybody, attempts, elsewhere):
    """Each token is sent until it is the one for which a service looks for keys: right after another, none is looked for."""
    address, visits = elsewhere
    leading = [token for what, token in attempts.items() if "elsewhere" in what]
    assert len(leading) == 5
    for token in leading:
        assert until_keys_are_looked_for(anybody, token) == {401}
    assert not visits
    socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
    until(lambda: visits, "the trap hears who comes")


# -- roles, and whose token it is


def test_a_client_gets_no_role_that_it_does_not_have(stack, anybody):
    """Whatever it asks the issuer for."""
    secret = stack.secrets.clients["agency-police-astana"]
    for more in ({"scope": "supervisor"}, {"scope": "openid"}, {"scope": "roles"}):
        form = {"grant_type": "client_credentials", **more}
        answer = anybody.post("/oidc/token", data=form, auth=("agency-police-astana", secret))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), more
    more = {
        "roles": "supervisor",
        "role": "supervisor",
        "center_id": "center-71-1",
        "sub": "supervisor.astana",
    }
    form = {"grant_type": "client_credentials", **more, "claims": json.dumps(more), "audience": "another"}
    answer = anybody.post("/oidc/token", data=form, auth=("agency-police-astana", secret))
    assert answer.status_code == 200
    claims = read(answer.json()["access_token"])
    assert (claims["roles"], claims["sub"], claims["aud"]) == (
        ["partner"],
        "agency-police-astana",
        "birtereze",
    )
    assert "center_id" not in claims
    for path in (LISTS["intake"], LISTS["casework"], LISTS["notifications"], *PAGES.values()):
        assert anybody.get(path, headers=bearer(answer.json()["access_token"])).status_code == 403, path


def test_a_role_without_its_place_reads_nothing(anybody, tokens, key):
    """Signed by the issuer: a worker of no center, an agency that is none; roles that nobody knows."""
    header, claims = read(tokens["access_token"], 0), read(tokens["access_token"])
    for roles in (["worker"], ["supervisor"], ["partner"]):
        said = {**claims, "roles": roles, "center_id": None, "agency_id": None}
        nowhere = jwt.encode(header, {name: each for name, each in said.items() if each is not None}, key)
        for path in LISTS.values():
            answer = anybody.get(path, headers=bearer(nowhere), params={"limit": 200})
            assert answer.status_code == 403 or answer.json()["items"] == [], (
                f"{roles} {path}: {answer.text[:200]}"
            )
    for roles in ([], ["root"], ["WORKER"], ["worker "], ["*"]):
        nobody = jwt.encode(header, {**claims, "roles": roles}, key)
        assert set(statuses(anybody, nobody).values()) == {403}, roles


# -- header and cookie


def test_a_cookie_alone_changes_nothing_by_the_api_of_programs(stack, tokens, world):
    """No page of ours says that it has sent this: another site could have."""
    before = world.database("intake")["appeals"].count_documents({})
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://127.0.0.1:1"}):
        with httpx.Client(
            base_url=stack.origin, cookies={"bt_access": tokens["access_token"]}, trust_env=False
        ) as http:
            key = {"Idempotency-Key": uuid.uuid4().hex}
            answer = http.post("/intake/v1/appeals", json=appeal(), headers={**key, **headers})
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
            assert (
                http.patch(f"/intake/v1/persons/{uuid.uuid4()}", json={}, headers=headers).status_code == 403
            )
    assert world.database("intake")["appeals"].count_documents({}) == before


def test_of_header_and_cookie_the_header_counts_also_when_it_is_wrong(stack, tokens, people):
    other = people("worker.almaty").http.headers["Authorization"].removeprefix("Bearer ")
    good, mine = tokens["access_token"], "/casework/v1/staff"
    with browser(stack.origin, good, Accept="application/json") as http:
        assert {each["center_id"] for each in http.get(mine).json()["items"]} == {"center-71-1"}
        both = http.get(mine, headers=bearer(other))
        assert {each["center_id"] for each in both.json()["items"]} == {"center-75-1"}
        for wrong in (
            f"Bearer {good}x",
            "Bearer",
            "Basic eDp4",
            "",
            f"Token {good}",
            f"Bearer\t{good}",
            f"Bearer{good}",
        ):
            answer = http.get(mine, headers={"Authorization": wrong})
            assert answer.status_code == 401, wrong
            assert "set-cookie" not in answer.headers, wrong


def test_two_headers_are_none(anybody, tokens, people):
    other = people("worker.almaty").http.headers["Authorization"]
    mine = f"Bearer {tokens['access_token']}"
    for first, second in ((mine, other), (other, mine), (mine, "Bearer x"), ("Bearer x", mine)):
        for path in LISTS.values():
            answer = anybody.get(path, headers=[("Authorization", first), ("Authorization", second)])
            assert answer.status_code == 401, f"{path}: {answer.status_code}"


# -- a flood


MANY = 100


def lines_of(stack, service: str) -> int:
    """How often a service has looked for keys in vain."""
    return stack.log_file(service).read_text().count(FETCHED)


def test_a_flood_of_unknown_keys_makes_each_service_ask_the_issuer_once_a_second_at_most(stack, tokens):
    """Counted while the issuer is away, for then each look-up leaves a line. Those who are known go on working."""
    own, header = ECKey.generate_key("P-256"), read(tokens["access_token"], 0)
    flood = [
        es256(own, {**header, "kid": uuid.uuid4().hex}, read(tokens["access_token"])) for _ in range(MANY)
    ]
    before = {service: lines_of(stack, service) for service in SERVICES}
    stack.stop_part("issuer")
    try:
        begun = time.monotonic()
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            found = list(pool.map(pouring(stack, flood, tokens["access_token"]), SERVICES))
        took = time.monotonic() - begun
        looked = {service: lines_of(stack, service) - before[service] for service in SERVICES}
    finally:
        stack.start_part("issuer")
    assert found == [({401}, {200})] * len(SERVICES)
    assert all(1 <= times <= took + 2 for times in looked.values()), f"{looked} in {took:.1f} s"


def pouring(stack, flood: list[str], good: str) -> Callable[[str], tuple[set[int], set[int]]]:
    def pour(service: str) -> tuple[set[int], set[int]]:
        """What the flood is answered with, and somebody with a good token in the middle of it."""
        with httpx.Client(base_url=stack.origin, trust_env=False, timeout=20) as http:
            refused, known = set(), set()
            for n, token in enumerate(flood):
                refused.add(http.get(LISTS[service], headers=bearer(token)).status_code)
                if n % 20 == 0:
                    known.add(http.get(LISTS[service], headers=bearer(good)).status_code)
            return refused, known

    return pour


def test_no_token_stands_in_a_log(stack, tokens, attempts):
    texts = {path.name: path.read_text(errors="replace") for path in (stack.data_dir / "logs").glob("*.log")}
    assert len(texts) >= 10
    secret = [tokens["access_token"], tokens["refresh_token"], tokens["id_token"], *attempts.values()]
    parts = {part for token in secret for part in token.split(".") if len(part) > 40}
    assert len(parts) > 60
    assert not [name for name, text in texts.items() for part in parts if part in text]
