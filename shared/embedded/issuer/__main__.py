"""`python -m shared.embedded.issuer migrate`: the issuer's indexes."""

from __future__ import annotations

import sys

from shared.embedded.issuer.app import open_store
from shared.embedded.issuer.settings import IssuerSettings
from shared.settings import load

if sys.argv[1:] != ["migrate"]:
    sys.exit("Usage: python -m shared.embedded.issuer migrate")
open_store(load(IssuerSettings)).ensure_indexes()
