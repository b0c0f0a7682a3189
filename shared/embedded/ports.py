"""Where the embedded stack listens: the gateway on PORT, everything else at fixed distances above it, on loopback only."""

from __future__ import annotations

import random
import socket

from shared.embedded.trouble import Trouble

HOLD = 100
"""Nothing listens there: it is kept by whoever runs the block, see `hold`."""
ISSUER = 105
MONGOD = 117
WEB = {"intake": 101, "casework": 102, "referrals": 103, "notifications": 104}
METRICS = {"intake": 121, "casework": 122, "referrals": 123, "notifications": 124}
OFFSETS = (0, HOLD, ISSUER, MONGOD, *WEB.values(), *METRICS.values())
HIGHEST = 65_535
FREE_RANGE = range(10_000, 32_000, 200)
"""Below the ports that Linux gives to outgoing connections (from 32768), which come and go."""


def check_base(port: int) -> None:
    """Whether a stack fits above `port`. Raises Trouble."""
    last = max(METRICS.values())
    if not 1 <= port <= HIGHEST - last:
        raise Trouble(f"PORT {port} cannot be used: choose one from 1 to {HIGHEST - last}.")


def check_free(port: int, name: str) -> None:
    """Raises Trouble, with the port's number and whom it is for, if something else listens there."""
    try:
        _bind(port)
    except PermissionError:
        raise Trouble(f"Port {port} ({name}) needs more rights: choose a PORT above 1023.") from None
    except OSError:
        raise Trouble(
            f"Port {port} ({name}) is in use: end what listens there, or choose another PORT (PORT=8400 make run)."
        ) from None


def free_base() -> int:
    """A PORT whose whole block is free now. Drawn at random, so that runs side by side rarely want the same one."""
    bases = list(FREE_RANGE)
    random.SystemRandom().shuffle(bases)
    for base in bases:
        if all(_is_free(base + offset) for offset in OFFSETS):
            return base
    raise Trouble("No block of free ports was found.")


def hold(base: int) -> socket.socket:
    """Keep the block above `base` until the socket is closed, so that `free_base` gives it to nobody while a part of it is down.

    Raises Trouble where somebody else keeps it.
    """
    held = socket.socket()
    try:
        held.bind(("127.0.0.1", base + HOLD))
    except OSError:
        held.close()
        raise Trouble(f"Port {base + HOLD} (kept by a stack) is in use: choose another PORT.") from None
    return held


def _is_free(port: int) -> bool:
    try:
        _bind(port)
    except OSError:
        return False
    return True


def _bind(port: int) -> None:
    # Without SO_REUSEPORT on purpose: a Caddy shares its port with another Caddy, and both would answer.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
