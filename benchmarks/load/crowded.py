"""The stack that is asked: with the nation's open work in it, and tokens for all of its people."""

from __future__ import annotations

import http.server
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import KeySet

from benchmarks.load.town import Town, town
from shared.embedded import mongod, ports
from shared.embedded.stack import Stack
from tests import tokens
from tests.generated import filling
from tests.generated.stories import walked

FAMILIES = 153 * filling.OPEN
"""All that is open, and nothing that is done: how much is done makes no difference (`sizes`)."""


@contextmanager
def issuing(issuer_port: int) -> Iterator[str]:
    """Keys of the issuer and, beside them, the one with which the load makes tokens for people who have no password; their URL."""

    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            theirs = httpx.get(f"http://127.0.0.1:{issuer_port}/oidc/jwks", trust_env=False).json()["keys"]
            ours = KeySet([tokens.KEY]).as_dict(private=False)["keys"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"keys": [*theirs, *ours]}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def crowded(families: int = FAMILIES) -> Iterator[tuple[Stack, Town]]:
    """A stack with so many families, and the people who come to it."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name:
        folder = Path(name)
        with mongod.running(folder / "stories", ports.free_base()) as url:
            stories = walked(url)
        with filling.alone(folder / "data" / "mongod", ports.free_base()) as url:
            filling.fill(url, "", stories, families)
        port = ports.free_base()
        with (
            issuing(port + ports.ISSUER) as keys,
            Stack(folder / "data", port, environment={"JWKS_URL": keys}) as stack,
        ):
            yield stack, town(stack.mongo_url, f"{stack.origin}/oidc")
