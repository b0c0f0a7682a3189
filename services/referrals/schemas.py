"""What goes in and comes out of referrals, as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from services.referrals.domain.referral import DISCLOSABLE, PRIORITIES, STATES, Result
from services.referrals.policy import reasons
from shared.http.fields import Code, Count, Day, Id, Kato, Moment, QueryCount, ReadableId, Schema, Text
from shared.http.paging import ListArgs
from shared.reference import SERVICE_KINDS, regions

CONDITIONS = ("residence", "day-centre", "home", "temporary-stay")
"""Where help is given (the domain's list)."""
LONGEST = 4000
MOST_PLACES = 10_000


# ---------------------------------------------------------------------------------------------- in


class ReferralIn(Schema):
    """Name a service, or a kind of service: then an agency of the center's region is chosen."""

    case_id = Id(required=True)
    measure = Count(
        1, metadata={"description": "Number of the measure of the plan that the agency is to give."}
    )
    service_id = ReadableId(metadata={"example": "service-health-astana"})
    service_kind = Code(SERVICE_KINDS)
    priority = Code(PRIORITIES, required=True)
    reason = Text(LONGEST, required=True, multiline=True)
    disclose = ma.fields.List(
        Code(DISCLOSABLE),
        required=True,
        validate=ma.validate.Length(max=len(DISCLOSABLE)),
        metadata={"description": "Fields of the client that the agency may see once it has accepted."},
    )
    replaces = Id(
        metadata={
            "description": "A referral of the case that was rejected, failed or expired.",
            "example": None,
        }
    )


class ReasonIn(Schema):
    """Why; `other` needs a note."""

    reason_code = Code(reasons(), required=True)
    note = Text(LONGEST, multiline=True)


class NoteIn(Schema):
    """A few words."""

    note = Text(LONGEST, required=True, multiline=True)


class ResultIn(Schema):
    """What was done. → Result"""

    summary = Text(LONGEST, required=True, multiline=True)
    given_on = Day(required=True)
    condition = Code(CONDITIONS)

    @ma.post_load
    def result(self, data: dict[str, Any], **_: Any) -> Result:
        return Result(**data)


class CompleteIn(Schema):
    """The help was given."""

    result = ma.fields.Nested(ResultIn, required=True)


class ReferralArgs(ListArgs):
    """Filters of the list of referrals."""

    case_id = Id()
    family_id = Id()
    state = Code(STATES)
    center_id = ReadableId()


class InboxArgs(ListArgs):
    """Filters of an agency's inbox."""

    state = Code(STATES)


class Places(QueryCount):
    """How many free places there must be; `true` is one, `false` no matter. → int"""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = {"true": "1", "false": "0"}.get(value, value)
        return super()._deserialize(number, attr, data, **kwargs)


class ServiceArgs(ListArgs):
    """Filters of the directory."""

    kind = Code(SERVICE_KINDS)
    kato = Kato(
        {region.code for region in regions()},
        metadata={"description": "A place; the services of its region are shown."},
    )
    open_places = Places(
        0,
        MOST_PLACES,
        load_default=0,
        metadata={
            "type": ["integer", "boolean"],
            "description": "Free places there must be; `true` is 1.",
        },
    )


# ---------------------------------------------------------------------------------------------- out


class OwnerOut(Schema):
    """Who has to do it."""

    kind = Code(("staff", "center", "agency"))
    id = ReadableId()


class OpenItemOut(Schema):
    """Something that waits to be done."""

    item = Text(100)
    owner = ma.fields.Nested(OwnerOut)
    next_action = Text(100)
    due_at = Moment()
    rule = Text(100)
    raised = Count()


class ChangeOut(Schema):
    """Since when it was in which state, by whom. To the agency, the center acts, not a member of its staff."""

    state = Code(STATES)
    at = Moment()
    actor = Text(100)
    reason_code = Text(100, allow_none=True)
    note = Text(LONGEST, allow_none=True)


class ResultOut(Schema):
    """What was done."""

    summary = Text(LONGEST)
    given_on = Day()
    condition = Code(CONDITIONS, allow_none=True)


class AcknowledgementOut(Schema):
    """The holder took note of it, or sent the referral `replaced_by` instead."""

    at = Moment()
    actor = Text(100)
    note = Text(LONGEST, allow_none=True)
    replaced_by = Id(allow_none=True)


class ReferralOut(Schema):
    """A referral. The agency is not shown `person_id`, `family_id`, `holder`, `acknowledged`, nor what the holder has to do."""

    id = Id()
    number = Text(100)
    case_id = Id()
    person_id = Id()
    family_id = Id()
    center_id = ReadableId()
    measure = Count(1, allow_none=True)
    service_id = ReadableId(metadata={"example": "service-health-astana"})
    service_kind = Code(SERVICE_KINDS)
    agency_id = ReadableId(metadata={"example": "agency-health-astana"})
    priority = Code(PRIORITIES)
    reason = Text(LONGEST)
    disclose = ma.fields.List(Code(DISCLOSABLE))
    state = Code(STATES)
    reason_code = Text(100, allow_none=True)
    result = ma.fields.Nested(ResultOut, allow_none=True)
    replaces = Id(allow_none=True)
    acknowledged = ma.fields.Nested(AcknowledgementOut, allow_none=True)
    history = ma.fields.List(ma.fields.Nested(ChangeOut))
    holder = ReadableId(metadata={"example": "worker.astana"})
    owner = ma.fields.Nested(OwnerOut, allow_none=True)
    next_action = Text(100, allow_none=True)
    due_at = Moment(allow_none=True)
    open = ma.fields.List(ma.fields.Nested(OpenItemOut))
    allowed = ma.fields.List(
        Text(100, metadata={"example": "accept"}),
        metadata={"description": "Commands open now; for the agency, its own."},
    )
    version = Count(1)


class NamesOut(Schema):
    """A name in three languages."""

    kk = Text(300)
    ru = Text(300)
    en = Text(300)


class CapacityOut(Schema):
    """How many places there are, and how many were free at `updated_at`."""

    unit = Text(100)
    total = Count()
    free = Count()
    updated_at = Moment()


class ServiceOut(Schema):
    """A service of an agency."""

    id = ReadableId(metadata={"example": "service-health-astana"})
    agency_id = ReadableId(metadata={"example": "agency-health-astana"})
    kind = Code(SERVICE_KINDS)
    name = ma.fields.Nested(NamesOut)
    kato = Kato({region.code for region in regions()})
    capacity = ma.fields.Nested(CapacityOut, allow_none=True)


CLIENT_OUT = {
    "type": "object",
    "description": "The client's fields that the referral names, as intake gives them at this moment.",
    "properties": {field: {} for field in DISCLOSABLE},
    "additionalProperties": True,
}
