"""Who walks this way: people who do not exist, and what the worker at the window writes down of them."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

CENTER = "center-71-1"
CHANCE = random.SystemRandom()


def iin(born: date, serial: int) -> str | None:
    """The number with that serial of somebody born then who does not exist (7th digit 9); None where it has no check digit."""
    eleven = f"{born:%y%m%d}9{serial:04d}"
    for weights in (range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)):
        rest = sum(int(digit) * weight for digit, weight in zip(eleven, weights, strict=True)) % 11
        if rest < 10:
            return f"{eleven}{rest}"
    return None


def somebody(language: str) -> dict[str, Any]:
    """A person who was never seen before."""
    born = date(1975, 1, 1) + timedelta(days=CHANCE.randrange(10_000))
    number = None
    while number is None:
        number = iin(born, CHANCE.randrange(10_000))
    return {
        "iin": number,
        "family_name": "Демо-" + "".join(CHANCE.choices("абвгдежзиклмнопрст", k=8)),
        "given_name": {"kk": "Үлгі", "ru": "Пример"}[language],
        "birth_date": born.isoformat(),
        "sex": "female",
        "phone": f"+7700{CHANCE.randrange(10**7):07d}",
        "language": language,
        "address": {"kato": "710000000"},
    }


def appeal_of(person: dict[str, Any]) -> dict[str, Any]:
    """What the worker at the window writes down."""
    return {
        "center_id": CENTER,
        "channel": "window",
        "applicant": person,
        "safe_contact": {"sms": "yes"},
        "household": [{"relation": "child", "family_name": person["family_name"], "given_name": "Бала"}],
        "grounds": ["homelessness", "disease"],
        "danger": {"life": False, "child": False, "domestic_violence": False},
        "need": "The family has lost its home, and the mother needs treatment (a demo).",
        "consent": {"given": True, "scopes": ["processing", "sms", "statistics", "share:health"]},
    }
