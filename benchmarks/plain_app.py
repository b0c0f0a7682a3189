"""The floor of `benchmarks.appeal`: what a plain service does with the same request, and nothing more.

Flask, the token checked (signature, issuer, audience, end), the body checked by the same schema, one durable insert of as many
bytes as an appeal has, and an answer. It promises nothing else: no person is looked for, no event is told, no reading is logged,
and the same request again makes another thing.
"""

from __future__ import annotations

import os
import uuid
from types import SimpleNamespace
from typing import Any

import bson
import httpx
from flask import Flask, request
from joserfc import jwt
from joserfc.jwk import KeySet

from services.intake.schemas.commands import AppealIn
from services.intake.settings import IntakeSettings
from shared import mongo
from shared.settings import load


def create_app() -> Flask:
    settings = load(IntakeSettings)
    size = int(os.environ["APPEAL_BYTES"])
    appeals = mongo.database(mongo.connect(settings.mongo_url), "plain")["appeals"]
    schema = AppealIn()
    keys = KeySet.import_key_set(httpx.get(settings.keys_url, trust_env=False).json())
    claims = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": settings.issuer_url},
        aud={"essential": True, "value": "birtereze"},
        exp={"essential": True},
    )
    app = Flask("plain")
    app.extensions["intake"] = SimpleNamespace(settings=settings)  # the schema asks which IINs it takes

    @app.get("/plain/healthz")
    def healthz() -> Any:
        return {}

    @app.post("/plain/v1/appeals")
    def register() -> Any:
        text = request.headers["Authorization"].removeprefix("Bearer ")
        token = jwt.decode(text, keys, algorithms=["ES256"])
        claims.validate(token.claims)
        body = request.get_json()
        schema.load(body)
        appeal = {"_id": str(uuid.uuid4()), "holder": token.claims["sub"], **body}
        filler = "x" * max(0, size - len(bson.encode(appeal)))
        appeals.insert_one({**appeal, "filler": filler})
        return appeal, 201

    return app
