"""Settings of the issuer, beside those that every process has."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class IssuerSettings(Settings):
    """Lifetimes of what the issuer hands out, and its patience with wrong passwords."""

    access_token_seconds: int = 900
    """How long an access token is good. Nothing revokes one, so it is short."""
    refresh_token_seconds: int = 28_800
    """How long a log-in lasts without a new password: one working day."""
    code_seconds: int = 60
    """How long an authorization code waits to be exchanged."""
    wrong_passwords: int = 10
    """Wrong passwords for one login within `LOCKED_SECONDS`, after which the login waits."""
    locked_seconds: int = 300
    """For how long wrong passwords are remembered."""
