"""Ids that are derived: the same on every machine, for ever.

What is created from a request, from an event or for a reason gets an id that its cause determines, so that doing it again makes
nothing new.
"""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("7a0c4b2e-6f0d-5c55-9c1e-4b6972746572")
"""Root of all derived ids."""


def derived_id(*parts: str) -> str:
    """An id that the parts determine (UUID version 5)."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def creation_id(subject: str, sub: str, key: str) -> str:
    """Id of what `sub` creates with this Idempotency-Key."""
    return derived_id("create", subject, sub, key)
