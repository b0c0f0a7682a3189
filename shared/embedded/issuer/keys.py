"""The issuer's signing key: made once for each DATA_DIR, so that tokens outlive a restart."""

from __future__ import annotations

import json
from pathlib import Path

from joserfc.jwk import ECKey, KeySet

from shared.embedded.log_ins import write_private


def load_keys(data_dir: Path) -> KeySet:
    """The key under `data_dir/oidc-key.json` (readable by its owner only), made now where there is none.

    A set of one and not a bare key: only then does Authlib write a `kid` into the tokens' headers.
    """
    path = data_dir / "oidc-key.json"
    if path.exists():
        return KeySet([ECKey.import_key(json.loads(path.read_text()))])
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
    key.ensure_kid()
    write_private(path, json.dumps(key.as_dict(private=True)))
    return KeySet([key])
