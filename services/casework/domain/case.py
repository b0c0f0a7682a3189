"""What is kept of a case. The fields are those of the stored document, and most of them those of the contract.

A case belongs to a family and to the center where it was opened. It has one holder from its first moment on, also when it is
closed. `danger`, `restricted` and `file_version` are what intake says of the family's file; the highest version is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from shared.events import Danger, Moment, OpenItem
from shared.refusals import NotFound

CONDITIONS = ("residence", "day-centre", "home", "temporary-stay")
"""Where special social services are given: the forms of the Social Code (background knowledge, to be checked)."""
GROUPS = ("education", "health", "internal-affairs")
"""Of whom a mobile group consists (rules of the centers, п.20-22)."""
RESPONSIBLE = ("center", "agency", "family")
OUTCOMES = ("keep", "change")
SIGNERS = ("worker", "family")
METHODS = ("paper", "code")
CLOSING_REASONS = ("goals-met", "moved", "refused", "died", "other")
OTHER = "other"
"""The kind of measure or help that says nothing by itself: it needs words beside it."""
REMARKS_KEPT = 300


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The newest assessment of need. `domains`: each of the ten → 0 … 4."""

    domains: dict[str, int]
    note: str | None = None
    at: Moment
    by: str


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who signed the plan: `by` worker or family, `actor` the member of staff who recorded it."""

    by: str
    actor: str
    person_id: str | None = None
    method: str
    at: Moment


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The newest version of the plan; a draft until it is approved.

    `returned_at`: the head sent this draft back. `dropped_at`: the case was closed with this draft, which is history now.
    """

    version: int
    goals: tuple[str, ...]
    reason: str | None = None
    drafted_by: str
    drafted_at: Moment
    signatures: tuple[Signature, ...] = ()
    returned_at: Moment | None = None
    dropped_at: Moment | None = None
    approved_at: Moment | None = None
    approved_by: str | None = None

    @property
    def is_draft(self) -> bool:
        return self.approved_at is None and self.dropped_at is None

    def signed_by(self, by: str) -> Signature | None:
        return next((signature for signature in self.signatures if signature.by == by), None)


@dataclass(frozen=True, kw_only=True)
class Responsible:
    """Who gives a measure. `agency_id` may wait until an agency has been chosen."""

    type: str
    agency_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An open referral that asks a partner for the measure, by its newest word."""

    referral_id: str
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One line of a plan. `n` is never used again in this case; `plan` is the version that brought it.

    `asked`: all open referrals for it. `referral_id`: the one that counts (`referring`). `was_referred` outlasts them: who looked
    for a partner once has to look for another one.
    """

    n: int
    plan: int
    kind: str
    text: str | None = None
    responsible: Responsible
    due_on: date
    state: str = "planned"
    referral_id: str | None = None
    asked: tuple[Asked, ...] = ()
    was_referred: bool = False
    given_on: date | None = None
    condition: str | None = None
    quantity: int | None = None
    note: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in ("planned", "started")


@dataclass(frozen=True, kw_only=True)
class Help:
    """Help given without a plan."""

    kind: str
    given_on: date
    condition: str
    note: str | None = None
    at: Moment
    by: str


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A mobile group with the family: the record that has to be kept, with its times (rules of the centers, п.20-22)."""

    members: tuple[str, ...]
    left_at: Moment
    arrived_at: Moment
    departed_at: Moment
    findings: str
    decision: str
    at: Moment
    by: str


@dataclass(frozen=True, kw_only=True)
class Review:
    """A look back at the plan. `outcome`: keep or change."""

    outcome: str
    level: str
    note: str
    at: Moment
    by: str


@dataclass(frozen=True, kw_only=True)
class Closure:
    """The newest proposal to close the case. `state` and `open`: where it was, and what waits meanwhile and comes back if the
    proposal is returned."""

    reason: str
    note: str
    at: Moment
    by: str
    state: str
    open: tuple[OpenItem, ...]
    approved_at: Moment | None = None
    approved_by: str | None = None
    returned_at: Moment | None = None


@dataclass(frozen=True, kw_only=True)
class Remark:
    """The words that came with a command and have no other place (why a plan was sent back, why the case was reopened)."""

    command: str
    text: str
    at: Moment
    by: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case as it is stored."""

    number: str
    center_id: str
    family_id: str
    person_id: str | None
    appeal_ids: tuple[str, ...]
    holder: str
    opened_at: Moment
    danger: Danger
    restricted: bool
    file_version: int
    state: str = "assessment"
    level: str | None = None
    score: int | None = None
    assessment: Assessment | None = None
    plan: Plan | None = None
    measures: tuple[Measure, ...] = ()
    last_measure: int = 0
    """The highest number that a measure of this case ever had."""
    help: tuple[Help, ...] = ()
    visits: tuple[Visit, ...] = ()
    reviews: tuple[Review, ...] = ()
    closure: Closure | None = None
    closed_at: Moment | None = None
    remarks: tuple[Remark, ...] = ()
    """The newest ones, at most REMARKS_KEPT."""
    open: tuple[OpenItem, ...] = field(default=())

    @property
    def draft(self) -> Plan | None:
        """The plan that is not approved yet, if there is one."""
        return self.plan if self.plan and self.plan.is_draft else None

    @property
    def open_measures(self) -> tuple[Measure, ...]:
        return tuple(measure for measure in self.measures if measure.is_open)

    @property
    def running_measures(self) -> tuple[Measure, ...]:
        """Open measures of plans that were approved: also while the next version is being written."""
        draft = self.draft
        return tuple(
            measure for measure in self.open_measures if draft is None or measure.plan < draft.version
        )

    @property
    def in_danger(self) -> bool:
        """Life or health of somebody in the family is threatened."""
        return bool(self.danger.life or self.danger.child or self.danger.domestic_violence)

    def measure(self, n: int) -> Measure:
        """The measure with that number, or NotFound."""
        for measure in self.measures:
            if measure.n == n:
                return measure
        raise NotFound

    def with_measure(self, changed: Measure) -> Case:
        """The case with this measure in the place of the one with its number."""
        measures = tuple(changed if measure.n == changed.n else measure for measure in self.measures)
        return replace(self, measures=measures)

    def with_remark(self, remark: Remark) -> Case:
        return replace(self, remarks=(*self.remarks, remark)[-REMARKS_KEPT:])
