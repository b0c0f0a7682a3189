"""Patience with wrong passwords."""

from __future__ import annotations

from shared.embedded.issuer.attempts import Attempts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_login_waits_after_too_many_failures_and_is_free_again_later():
    clock = Clock()
    attempts = Attempts(3, 60, clock)
    for _ in range(3):
        assert attempts.wait("a") == 0
        attempts.failed("a")
        clock.now += 10
    assert attempts.wait("a") == 30  # the first failure was 30 s ago
    assert attempts.wait("b") == 0
    clock.now += 30
    assert attempts.wait("a") == 0


def test_a_right_password_forgets_the_failures_before_it():
    attempts = Attempts(2, 60, Clock())
    attempts.failed("a")
    attempts.succeeded("a")
    attempts.failed("a")
    assert attempts.wait("a") == 0
