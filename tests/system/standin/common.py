"""Two tiny services with which the runner is tested, whatever the real ones are doing: a web process, a worker, two commands."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from flask import Flask, Response, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

from shared import mongo, telemetry
from shared.settings import Settings, load
from tests.callers import until

LET_GO = "let-go"


def create_app(name: str) -> Flask:
    settings = load(Settings)
    app = Flask(__name__)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)

    @app.get(f"/{name}/healthz")
    def healthz():
        return jsonify(status="ok")

    @app.route(f"/{name}/echo", methods=["GET", "POST"])
    def echo():
        body = len(request.get_data())
        answer = jsonify(
            path=request.path, remote=request.remote_addr, headers=dict(request.headers), body=body
        )
        answer.headers["ETag"] = '"7"'
        return answer

    @app.post(f"/{name}/unmeasured")
    def unmeasured():
        """Refuses a body without a length, as the real services do, but has read it."""
        request.get_data()
        return Response(status=411)

    @app.get(f"/{name}/settings")
    def shown():
        fields = ("client_id", "intake_url", "keys_url", "tokens_url", "issuer_url", "synthetic_iins", "log")
        return jsonify({field: getattr(settings, field) for field in fields})

    @app.get(f"/{name}/slow")
    def slow():
        (Path(settings.data_dir) / "slow-began").touch()
        time.sleep(0.8)
        return Response("done")

    @app.get(f"/{name}/held")
    def held():
        """Answers when the test lets it go."""
        until((Path(settings.data_dir) / LET_GO).exists, "the test lets go", 30)
        return Response("done")

    return app


def command(name: str, arguments: list[str]) -> None:
    settings = load(Settings)
    marks = mongo.connect(settings.mongo_url)[settings.database(name)]["marks"]
    match arguments:
        case ["migrate"]:
            marks.create_index("at")
        case ["seed"]:
            marks.update_one({"_id": "seed"}, {"$inc": {"times": 1}}, upsert=True)
        case ["worker"]:
            if (Path(settings.data_dir) / "worker-must-fail").exists():
                sys.exit(3)
            telemetry.serve_metrics(settings.worker_metrics_port)
            signal.sigwait([signal.SIGTERM])
        case _:
            sys.exit(f"What is {arguments}?")
