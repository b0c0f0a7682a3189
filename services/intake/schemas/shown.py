"""What is shown of appeals, families and persons."""

from __future__ import annotations

import marshmallow as ma

from services.intake.domain.appeal import CHANNELS, HOW_TOLD, OUTCOMES, STATES
from services.intake.domain.family import APPLICANT, RELATIONS
from services.intake.schemas.reading import AddressOut, DangerOut, HoursOut, OwnerOut
from services.intake.schemas.said import LANGUAGES, LONG, NAME, NO_IIN_REASONS, SEXES
from shared.http.fields import Code, Count, Day, Flag, Id, Moment, ReadableId, Schema, Text

CODE = 100


class OpenItemOut(Schema):
    """Something that waits to be done."""

    item = Text(CODE, metadata={"example": "screening"})
    owner = ma.fields.Nested(OwnerOut)
    next_action = Text(CODE, metadata={"example": "screen"})
    due_at = Moment()
    rule = Text(CODE, metadata={"example": "screening"})
    raised = Count()


class SourceOut(Schema):
    agency_id = ReadableId(allow_none=True, metadata={"example": "agency-police-astana"})
    reference = Text(200, allow_none=True)


class NoticeOut(Schema):
    """A body that was told."""

    body = Text(CODE, metadata={"example": "police"})
    told_at = Moment()
    how = Code(HOW_TOLD)
    actor = ReadableId(metadata={"example": "worker.astana"})
    reference = Text(200, allow_none=True)


class RemarkOut(Schema):
    """Why something was done."""

    at = Moment()
    actor = ReadableId(metadata={"example": "worker.astana"})
    about = Text(CODE, metadata={"example": "screening"})
    text = Text(LONG, multiline=True)


class AppealOut(Schema):
    """An appeal. `owner`, `next_action` and `due_at` are those of the earliest open item."""

    id = Id()
    number = Text(CODE, metadata={"example": "71-1-2026-000123"})
    state = Code(STATES)
    outcome = Code(OUTCOMES, allow_none=True)
    center_id = ReadableId()
    channel = Code(CHANNELS)
    person_id = Id()
    family_id = Id()
    case_id = Id(allow_none=True)
    grounds = ma.fields.List(Text(CODE, metadata={"example": "homelessness"}))
    danger = ma.fields.Nested(DangerOut)
    need = Text(LONG, multiline=True)
    received_on = Day()
    registered_at = Moment()
    restricted = Flag()
    warnings = ma.fields.List(Code(("iin-date-mismatch", "iin-sex-mismatch")))
    differs = ma.fields.List(Text(CODE, metadata={"example": "phone"}))
    source = ma.fields.Nested(SourceOut, allow_none=True)
    notices = ma.fields.List(ma.fields.Nested(NoticeOut))
    remarks = ma.fields.List(ma.fields.Nested(RemarkOut))
    holder = ReadableId(metadata={"example": "worker.astana"})
    owner = ma.fields.Nested(OwnerOut, allow_none=True)
    next_action = Text(CODE, allow_none=True, metadata={"example": "screen"})
    due_at = Moment(allow_none=True)
    open = ma.fields.List(ma.fields.Nested(OpenItemOut))
    version = Count(1)


class MemberOut(Schema):
    """Somebody who belongs to the family. Without `person_id`: an entry, of an alleged abuser or of a person of another family."""

    n = Count(1)
    person_id = Id(allow_none=True)
    name = Text(3 * NAME)
    birth_date = Day(allow_none=True)
    relation = Code((APPLICANT, *RELATIONS))
    alleged_abuser = Flag()


class SightingOut(Schema):
    """Somebody with the identity of `person_id` came to this center, where the file cannot be read."""

    person_id = Id()
    center_id = ReadableId()
    at = Moment()


class FamilyOut(Schema):
    """A family's file."""

    id = Id()
    members = ma.fields.List(ma.fields.Nested(MemberOut))
    center_id = ReadableId()
    center_ids = ma.fields.List(ReadableId())
    danger = ma.fields.Nested(DangerOut)
    restricted = Flag()
    sightings = ma.fields.List(ma.fields.Nested(SightingOut))
    notices = ma.fields.List(ma.fields.Nested(NoticeOut))
    remarks = ma.fields.List(ma.fields.Nested(RemarkOut))
    case_id = Id(allow_none=True)
    holder = ReadableId(metadata={"example": "worker.astana"})
    owner = ma.fields.Nested(OwnerOut, allow_none=True)
    next_action = Text(CODE, allow_none=True, metadata={"example": "tell"})
    due_at = Moment(allow_none=True)
    open = ma.fields.List(ma.fields.Nested(OpenItemOut))
    version = Count(1)


class ConsentOut(Schema):
    scope = Text(CODE, metadata={"example": "processing"})
    given_at = Moment()
    withdrawn_at = Moment(allow_none=True)


class SafeContactOut(Schema):
    sms = Code(("yes", "no", "unknown"))
    hours = ma.fields.Nested(HoursOut, allow_none=True)
    code_word = Text(50, allow_none=True)


class PersonOut(Schema):
    """A person."""

    id = Id()
    family_id = Id()
    iin = Text(12, allow_none=True, metadata={"example": "991231900011"})
    no_iin_reason = Code(NO_IIN_REASONS, allow_none=True)
    family_name = Text(NAME)
    given_name = Text(NAME)
    patronymic = Text(NAME, allow_none=True)
    birth_date = Day(allow_none=True)
    birth_year = Count(allow_none=True)
    sex = Code(SEXES, allow_none=True)
    phone = Text(20, allow_none=True, metadata={"example": "+77011234567"})
    language = Code(LANGUAGES, allow_none=True)
    address = ma.fields.Nested(AddressOut, allow_none=True)
    safe_contact = ma.fields.Nested(SafeContactOut)
    consents = ma.fields.List(ma.fields.Nested(ConsentOut))
    refused_at = Moment(allow_none=True)
    version = Count(1)
