"""What the worklist, the timeline, the access log, the search and the two doors take and give."""

from __future__ import annotations

from marshmallow import fields as ma

from shared import reference
from shared.http.fields import Code, Count, Day, Flag, Id, Kato, Moment, QueryFlag, ReadableId, Schema, Text
from shared.http.paging import ListArgs

SERVICES = ("intake", "casework", "referrals", "notifications")
BADGES = ("life", "child", "domestic-violence", "no-sms", "sms-unknown")
REGIONS = frozenset(region.code for region in reference.regions())


class OwnerOut(Schema):
    kind = Code(("staff", "center", "agency"), required=True)
    id = ReadableId(required=True)


class WorklistArgs(ListArgs):
    owner = ReadableId(metadata={"description": "Who has to act; `me` is the caller."})
    holder = ReadableId(metadata={"description": "Who answers for it; `me` is the caller."})
    center_id = ReadableId()
    service = Code(SERVICES)
    overdue = QueryFlag(metadata={"example": None})
    due_before = Moment(metadata={"example": None})


class PersonInRow(Schema):
    id = Id(required=True)
    name = Text(400, required=True)
    birth_date = Day(allow_none=True, required=True)


class WorklistRow(Schema):
    service = Code(SERVICES, required=True)
    subject = Id(required=True)
    item = Text(100, required=True, metadata={"example": "screening"})
    owner = ma.Nested(OwnerOut, required=True)
    holder = ReadableId(required=True)
    next_action = Text(100, required=True, metadata={"example": "screen"})
    due_at = Moment(required=True)
    overdue = Flag(required=True)
    raised = Count(required=True)
    family_id = Id(required=True)
    person = ma.Nested(PersonInRow, allow_none=True, required=True)
    badges = ma.List(Code(BADGES), required=True)
    href = Text(
        200, required=True, metadata={"example": "/intake/v1/appeals/0f8fad5b-d9cb-469f-a165-70867728950e"}
    )


class TimelineRow(Schema):
    id = Id(required=True)
    type = Text(200, required=True, metadata={"example": "kz.birtereze.intake.appeal-registered.v1"})
    service = Code(SERVICES, required=True)
    subject = Id(required=True)
    occurred_at = Moment(required=True)
    actor = ReadableId(required=True)
    text = Text(400, required=True)


class AccessLogRow(Schema):
    at = Moment(required=True)
    actor = ReadableId(required=True)
    role = Text(20, required=True, metadata={"example": "worker"})
    what = Text(200, required=True, metadata={"example": "family"})
    why = Text(200, allow_none=True, required=True, metadata={"example": None})


class SearchIn(Schema):
    q = Text(
        200,
        required=True,
        metadata={"description": "An IIN, a phone, an appeal's number, or how a family name begins."},
    )
    limit = Count(1, 50, load_default=20)


class FoundPerson(Schema):
    person_id = Id(required=True)
    family_id = Id(required=True)
    name = Text(400, required=True)
    birth_date = Day(allow_none=True, required=True)
    center_ids = ma.List(ReadableId(), required=True)


class Found(Schema):
    items = ma.List(ma.Nested(FoundPerson), required=True)


class OnBehalfOf(Schema):
    agency_id = ReadableId(required=True, metadata={"example": "agency-health-astana"})
    sub = ReadableId(required=True, metadata={"example": "partner.health.astana"})


class DisclosureIn(Schema):
    referral_id = Id(required=True)
    on_behalf_of = ma.Nested(OnBehalfOf, required=True)


class AddressOut(Schema):
    kato = Text(9, required=True)
    line = Text(400, allow_none=True)


class DangerOut(Schema):
    life = Flag(allow_none=True, required=True)
    child = Flag(allow_none=True, required=True)
    domestic_violence = Flag(allow_none=True, required=True)


class DisclosureOut(Schema):
    """Only the fields that the referral names are there."""

    name = Text(400)
    birth_date = Day(allow_none=True)
    iin = Text(12, allow_none=True)
    phone = Text(20, allow_none=True)
    address = ma.Nested(AddressOut, allow_none=True)
    language = Code(("kk", "ru", "en"), allow_none=True)
    need = Text(4000, allow_none=True, multiline=True)
    danger = ma.Nested(DangerOut)


class ContactIn(Schema):
    purpose = Code(("sms",), required=True)
    message_id = Id(required=True)
    template = Text(100, required=True, metadata={"example": "appeal-registered"})


class HoursOut(Schema):
    since = Text(5, required=True, data_key="from", metadata={"example": "09:00"})
    until = Text(5, required=True, data_key="to", metadata={"example": "18:00"})


class ContactOut(Schema):
    """`reason` where it is not allowed; the rest where it is."""

    allowed = Flag(required=True)
    reason = Text(100, metadata={"example": "no-consent"})
    phone = Text(20)
    language = Code(("kk", "ru", "en"))
    hours = ma.Nested(HoursOut)


class NamesOut(Schema):
    kk = Text(200, required=True)
    ru = Text(200, required=True)
    en = Text(200, required=True)


class CentersArgs(ListArgs):
    kato = Kato(REGIONS, metadata={"description": "The centers of this region."})


class CenterOut(Schema):
    id = ReadableId(required=True)
    number = Count(required=True)
    name = ma.Nested(NamesOut, required=True)
    kato = Kato(REGIONS, required=True)
    address = Text(400, required=True)
    phone = Text(40, required=True)
