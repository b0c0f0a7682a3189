"""Level of wellbeing (A well off … E emergency) and score of a family, as the policy counts them.

An assessment says for each domain how bad it is, from 0 (no need) to 4 (crisis). Every step takes points from a start; the
thresholds of the Digital Family Map turn the points into a letter. Danger only ever raises a level: who is in danger is at least at
the letter that the policy names for it, however good the rest is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events import Danger

LETTERS = "ABCDE"
"""From the best to the worst."""
DOMAINS = (
    "housing",
    "income",
    "health",
    "parenting",
    "safety",
    "documents",
    "employment",
    "education",
    "relations",
    "addictions",
)
"""What is looked at when need is assessed."""
WORST = 4
"""Each domain is rated 0 (no need) to 4 (crisis)."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """`start` minus, for each domain, `step` times its rating is the score; `least` is the lowest score of A, B, C and D.

    `at_least`: kind of danger → the level of a family in it. `crisis`: levels at which a plan starts again and goals are not met.
    """

    start: int
    step: Mapping[str, int]
    least: Mapping[str, int]
    at_least: Mapping[str, str]
    crisis: frozenset[str]

    def score(self, ratings: Mapping[str, int]) -> int:
        """The points of an assessment: the more, the better off."""
        return self.start - sum(self.step[domain] * rating for domain, rating in ratings.items())

    def of(self, score: int) -> str:
        """The level of a score."""
        return next((letter for letter, least in self.least.items() if score >= least), LETTERS[-1])

    def assessed(self, ratings: Mapping[str, int], danger: Danger) -> tuple[int, str]:
        """Score and level of an assessment of a family in this danger."""
        score = self.score(ratings)
        return score, self.raised(self.of(score), danger) or self.of(score)

    def raised(self, level: str | None, danger: Danger) -> str | None:
        """`level`, or the level of the danger where that is worse. None: not assessed, and nobody is known to be in danger."""
        letters = [letter for kind, letter in self.at_least.items() if getattr(danger, kind)]
        return max([*letters, *([level] if level else [])], default=None)
