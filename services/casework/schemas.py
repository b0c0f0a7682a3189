"""What goes in and comes out of casework, as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from services.casework.domain import case as domain
from services.casework.domain.case import Responsible
from services.casework.domain.levels import DOMAINS, LETTERS, WORST
from services.casework.domain.planning import Line
from services.casework.domain.states import MEASURES, STATES
from shared import reference
from shared.http.fields import Code, Count, Day, Flag, Id, Moment, ReadableId, Schema, Text
from shared.http.paging import ListArgs
from shared.i18n import N_

WORDS = 2000
"""Characters of a note, a reason, a finding."""
LINE = 500
MOST_GOALS = 20
MOST_MEASURES = 30
KINDS = tuple(kind.code for kind in reference.measure_kinds())
WORKER = {"metadata": {"example": "worker.astana"}}
AGENCY = {"metadata": {"example": "agency-health-astana"}}


def length(most: int) -> ma.validate.Length:
    return ma.validate.Length(min=1, max=most)


def known_agency(id: str) -> None:
    if reference.agency(id) is None:
        raise ma.ValidationError(N_("There is no such agency."))


# ---------------------------------------------------------------------------------------------- in


class CaseArgs(ListArgs):
    """Filters of the list of cases."""

    state = Code(STATES)
    holder = ReadableId(metadata={"description": "A login; `me` is the caller.", "example": "me"})
    center_id = ReadableId()
    appeal_id = Id()
    family_id = Id()
    due_before = Moment(metadata={"description": "Cases of which something is due before this time."})


class StaffArgs(ListArgs):
    """Filters of the list of staff."""

    center_id = ReadableId()


Domains = Schema.from_dict(
    {domain: Count(0, WORST, required=True) for domain in DOMAINS}, name="AssessedDomains"
)


class AssessmentIn(Schema):
    """How need is rated: all ten domains, 0 (no need) to 4 (crisis)."""

    domains = ma.fields.Nested(Domains, required=True)
    note = Text(WORDS, multiline=True)


class ResponsibleIn(Schema):
    """Who gives a measure. An agency need not be named yet. → Responsible"""

    type = Code(domain.RESPONSIBLE, required=True, metadata={"example": "agency"})
    agency_id = ReadableId(validate=known_agency, **AGENCY)

    @ma.post_load
    def responsible(self, data: dict[str, Any], **_: Any) -> Responsible:
        return Responsible(**data)


class MeasureIn(Schema):
    """A measure of a plan; `other` needs a text. → Line"""

    kind = Code(KINDS, required=True)
    responsible = ma.fields.Nested(ResponsibleIn, required=True)
    due_on = Day(required=True)
    text = Text(LINE, multiline=True)

    @ma.post_load
    def line(self, data: dict[str, Any], **_: Any) -> Line:
        return Line(**data)


class PlanIn(Schema):
    """A plan, or a new version of it."""

    goals = ma.fields.List(Text(LINE, multiline=True), required=True, validate=length(MOST_GOALS))
    measures = ma.fields.List(ma.fields.Nested(MeasureIn), required=True, validate=length(MOST_MEASURES))
    reason = Text(WORDS, multiline=True, metadata={"description": "Why it is written anew."})


class SignIn(Schema):
    """A signature; `person_id`: who of the family."""

    by = Code(domain.SIGNERS, required=True, metadata={"example": "family"})
    person_id = Id()
    method = Code(domain.METHODS, required=True)


class ReasonIn(Schema):
    """Why."""

    reason = Text(WORDS, required=True, multiline=True)


class DeliverIn(Schema):
    """What was given."""

    given_on = Day(required=True)
    condition = Code(domain.CONDITIONS, required=True)
    quantity = Count(1, 1_000_000)
    note = Text(WORDS, multiline=True)


class HelpIn(Schema):
    """Help without a plan; `other` needs a note."""

    kind = Code(KINDS, required=True)
    given_on = Day(required=True)
    condition = Code(domain.CONDITIONS, required=True)
    note = Text(WORDS, multiline=True)


class VisitIn(Schema):
    """A visit of a mobile group, with its times."""

    members = ma.fields.List(Code(domain.GROUPS), required=True, validate=length(len(domain.GROUPS)))
    left_at = Moment(required=True)
    arrived_at = Moment(required=True)
    departed_at = Moment(required=True)
    findings = Text(WORDS, required=True, multiline=True)
    decision = Text(WORDS, required=True, multiline=True)


class ReviewIn(Schema):
    """A look back at the plan, and the level at which the family is now."""

    outcome = Code(domain.OUTCOMES, required=True)
    level = Code(LETTERS, required=True)
    note = Text(WORDS, required=True, multiline=True)


class ClosureIn(Schema):
    """Why the case may be closed."""

    reason = Code(domain.CLOSING_REASONS, required=True)
    note = Text(WORDS, required=True, multiline=True)


class AssignIn(Schema):
    """Who holds it from now on, and why."""

    holder = ReadableId(required=True, **WORKER)
    reason = Text(WORDS, required=True, multiline=True)


# ---------------------------------------------------------------------------------------------- out


class OwnerOut(Schema):
    """Who has to do it."""

    kind = Code(("staff", "center", "agency"))
    id = ReadableId(**WORKER)


class OpenItemOut(Schema):
    """Something that waits to be done."""

    item = Text(100)
    owner = ma.fields.Nested(OwnerOut)
    next_action = Text(100)
    due_at = Moment()
    rule = Text(100)
    raised = Count()


class AssessmentOut(Schema):
    """The newest assessment of need."""

    domains = ma.fields.Nested(Domains)
    note = Text(WORDS, allow_none=True)
    at = Moment()
    by = ReadableId(**WORKER)


class SignatureOut(Schema):
    """A signature; `actor` has recorded it."""

    by = Code(domain.SIGNERS)
    actor = ReadableId(**WORKER)
    person_id = Id(allow_none=True)
    method = Code(domain.METHODS)
    at = Moment()


class PlanOut(Schema):
    """The newest version of the plan; a draft until it is approved."""

    version = Count(1)
    goals = ma.fields.List(Text(LINE))
    reason = Text(WORDS, allow_none=True)
    drafted_by = ReadableId(**WORKER)
    drafted_at = Moment()
    signatures = ma.fields.List(ma.fields.Nested(SignatureOut))
    returned_at = Moment(allow_none=True)
    dropped_at = Moment(allow_none=True)
    approved_at = Moment(allow_none=True)
    approved_by = ReadableId(allow_none=True, metadata={"example": "supervisor.astana"})


class ResponsibleOut(Schema):
    """Who gives a measure."""

    type = Code(domain.RESPONSIBLE)
    agency_id = ReadableId(allow_none=True, **AGENCY)


class MeasureOut(Schema):
    """A measure; `plan`: the version that brought it. `referral_id`: the referral that counts."""

    n = Count(1)
    plan = Count(1)
    kind = Code(KINDS)
    text = Text(LINE, allow_none=True)
    responsible = ma.fields.Nested(ResponsibleOut)
    due_on = Day()
    state = Code(MEASURES)
    referral_id = Id(allow_none=True)
    given_on = Day(allow_none=True)
    condition = Code(domain.CONDITIONS, allow_none=True)
    quantity = Count(1, allow_none=True)
    note = Text(WORDS, allow_none=True)


class Recorded(Schema):
    """When it was recorded, and by whom."""

    at = Moment()
    by = ReadableId(**WORKER)


class HelpOut(Recorded):
    """Help that was given without a plan."""

    kind = Code(KINDS)
    given_on = Day()
    condition = Code(domain.CONDITIONS)
    note = Text(WORDS, allow_none=True)


class VisitOut(Recorded):
    """A visit of a mobile group."""

    members = ma.fields.List(Code(domain.GROUPS))
    left_at = Moment()
    arrived_at = Moment()
    departed_at = Moment()
    findings = Text(WORDS)
    decision = Text(WORDS)


class ReviewOut(Recorded):
    """A look back at the plan."""

    outcome = Code(domain.OUTCOMES)
    level = Code(LETTERS)
    note = Text(WORDS)


class ClosureOut(Recorded):
    """The newest proposal to close the case; `state`: where the case was."""

    reason = Code(domain.CLOSING_REASONS)
    note = Text(WORDS)
    state = Code(STATES)
    approved_at = Moment(allow_none=True)
    approved_by = ReadableId(allow_none=True, metadata={"example": "supervisor.astana"})
    returned_at = Moment(allow_none=True)


class RemarkOut(Recorded):
    """The words that came with a command."""

    command = Text(100)
    text = Text(WORDS)


class CaseOut(Schema):
    """A case. `allowed`: the commands that its state has open now (not whether the caller may give them)."""

    id = Id()
    number = Text(100, metadata={"example": "71-1-2026-000123"})
    center_id = ReadableId()
    person_id = Id(allow_none=True)
    family_id = Id()
    appeal_ids = ma.fields.List(Id())
    state = Code(STATES)
    level = Code(LETTERS, allow_none=True)
    score = ma.fields.Integer(allow_none=True, metadata={"example": 1250})
    restricted = Flag()
    assessment = ma.fields.Nested(AssessmentOut, allow_none=True)
    plan = ma.fields.Nested(PlanOut, allow_none=True)
    measures = ma.fields.List(ma.fields.Nested(MeasureOut))
    help = ma.fields.List(ma.fields.Nested(HelpOut))
    visits = ma.fields.List(ma.fields.Nested(VisitOut))
    reviews = ma.fields.List(ma.fields.Nested(ReviewOut))
    closure = ma.fields.Nested(ClosureOut, allow_none=True)
    remarks = ma.fields.List(ma.fields.Nested(RemarkOut))
    opened_at = Moment()
    closed_at = Moment(allow_none=True)
    holder = ReadableId(**WORKER)
    owner = ma.fields.Nested(OwnerOut, allow_none=True)
    next_action = Text(100, allow_none=True)
    due_at = Moment(allow_none=True)
    open = ma.fields.List(ma.fields.Nested(OpenItemOut))
    allowed = ma.fields.List(Text(100, metadata={"example": "measures/2/deliver"}))
    version = Count(1)


class StaffOut(Schema):
    """A member of a center's staff; `open_cases`: how many cases he holds now that are not closed."""

    id = ReadableId(**WORKER)
    name = Text(200)
    center_id = ReadableId()
    role = Code(("worker", "supervisor"))
    open_cases = Count()
    active = Flag()


class ReadingOut(Schema):
    """Who has read the file, and where."""

    at = Moment()
    actor = ReadableId(**WORKER)
    role = Text(100, metadata={"example": "worker"})
    what = Text(100, metadata={"example": "case"})
    why = Text(100, allow_none=True)
