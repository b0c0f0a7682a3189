"""What creates and commands take: appeals, families, persons."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from services.intake.domain.appeal import CHANNELS, HOW_TOLD, OUTCOMES, STATES, Source
from services.intake.domain.family import RELATIONS
from services.intake.schemas.said import (
    BORN,
    LANGUAGES,
    LEFT_OUT,
    LINE,
    LONG,
    NAME,
    NO_IIN_REASONS,
    REGIONS,
    SEXES,
    ApplicantIn,
    DangerIn,
    HoursIn,
    Iin,
    LineIn,
    Phone,
    SafeContactIn,
    not_in_future,
    scopes,
)
from services.intake.use_cases.registration import ConsentSaid, Match, Told
from shared import reference
from shared.events import Danger
from shared.http.fields import Code, Count, Day, Flag, Id, Kato, Moment, ReadableId, Schema, Text
from shared.http.paging import ListArgs
from shared.i18n import N_

GROUNDS = tuple(ground.code for ground in reference.grounds())
MOST_LINES = 30
REASON = 2000


def known_center(id: str) -> None:
    if reference.center(id) is None:
        raise ma.ValidationError(N_("There is no such center."))


def known_agency(id: str) -> None:
    if reference.agency(id) is None:
        raise ma.ValidationError(N_("There is no such agency."))


def must_be_true(value: bool) -> None:
    if not value:
        raise ma.ValidationError(N_("May only be true."))


def exactly_one(data: dict[str, Any], *names: str) -> None:
    if len([name for name in names if name in data]) != 1:
        raise ma.ValidationError(N_("Give exactly one of: {names}.").format(names=", ".join(names)), names[0])


# Appeals ------------------------------------------------------------------------------------------


class ConsentIn(Schema):
    """`given` null: not asked yet."""

    given = Flag(required=True, allow_none=True, metadata={"example": True})
    scopes = scopes(load_default=(), metadata={"example": ["processing", "sms"]})
    signed_at = Moment()

    @ma.validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if data["scopes"] and not data["given"]:
            raise ma.ValidationError(N_("Only a given consent has scopes."), "scopes")

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> ConsentSaid:
        return ConsentSaid(**{**data, "scopes": tuple(data["scopes"])})


class SourceIn(Schema):
    agency_id = ReadableId(validate=known_agency, metadata={"example": "agency-police-astana"})
    reference = Text(200)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Source:
        return Source(**data)


class MatchIn(Schema):
    """`person_id`: this person is meant; `new`: none of those who are known."""

    person_id = Id()
    new = Flag(validate=must_be_true, **LEFT_OUT)

    @ma.validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        exactly_one(data, "person_id", "new")

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Match:
        return Match(**data)


class AppealIn(Schema):
    center_id = ReadableId(required=True, validate=known_center)
    channel = Code(CHANNELS, required=True)
    applicant = ma.fields.Nested(ApplicantIn, required=True)
    safe_contact = ma.fields.Nested(SafeContactIn, required=True)
    household = ma.fields.List(
        ma.fields.Nested(LineIn), validate=ma.validate.Length(max=MOST_LINES), **LEFT_OUT
    )
    grounds = ma.fields.List(Code(GROUNDS), required=True, validate=ma.validate.Length(max=len(GROUNDS)))
    danger = ma.fields.Nested(DangerIn, required=True)
    need = Text(LONG, required=True, multiline=True)
    received_on = Day()
    consent = ma.fields.Nested(ConsentIn, required=True)
    source = ma.fields.Nested(SourceIn)
    match = ma.fields.Nested(MatchIn, **LEFT_OUT)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Told:
        grounds = tuple(dict.fromkeys(data.pop("grounds")))
        return Told(**{**data, "grounds": grounds, "household": tuple(data.get("household", ()))})


class AppealArgs(ListArgs):
    state = Code(STATES, **LEFT_OUT)
    center_id = ReadableId(**LEFT_OUT)
    holder = ReadableId(metadata={"description": "`me` is the caller.", "example": None})
    family_id = Id(**LEFT_OUT)


class ScreeningIn(Schema):
    outcome = Code(OUTCOMES, required=True)
    note = Text(LONG, required=True, multiline=True)


class NoticeIn(Schema):
    body = Code(reference.SERVICE_KINDS, required=True)
    told_at = Moment(required=True)
    how = Code(HOW_TOLD, required=True)
    reference = Text(200)


class AssignIn(Schema):
    holder = ReadableId(required=True, metadata={"example": "worker2.astana"})
    reason = Text(REASON, required=True, multiline=True)


# Families -----------------------------------------------------------------------------------------


class FamilyDangerIn(Schema):
    """null: not asked now; what is known stays. → said (Danger), reason"""

    life = Flag(required=True, allow_none=True)
    child = Flag(required=True, allow_none=True)
    domestic_violence = Flag(required=True, allow_none=True)
    reason = Text(REASON, required=True, multiline=True)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"reason": data.pop("reason"), "said": Danger(**data)}


class MemberChangeIn(Schema):
    n = Count(1, required=True)
    relation = Code(RELATIONS)
    alleged_abuser = Flag()


class MemberRemoveIn(Schema):
    n = Count(1, required=True)


class MembersIn(Schema):
    """One of `add`, `change`, `remove`. `n` is the member's number in the family."""

    add = ma.fields.Nested(LineIn)
    change = ma.fields.Nested(MemberChangeIn, **LEFT_OUT)
    remove = ma.fields.Nested(MemberRemoveIn, **LEFT_OUT)
    reason = Text(REASON, required=True, multiline=True)

    @ma.validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        exactly_one(data, "add", "change", "remove")


class NoteIn(Schema):
    note = Text(LONG, required=True, multiline=True)


# Persons ------------------------------------------------------------------------------------------


class AddressPatch(Schema):
    kato = Kato(REGIONS)
    line = Text(LINE, allow_none=True)


class SafeContactPatch(Schema):
    sms = Code(("yes", "no", "unknown"))
    hours = ma.fields.Nested(HoursIn, allow_none=True)
    code_word = Text(50, allow_none=True)


class PersonPatch(Schema):
    """A merge patch: what is absent stays, null empties. An IIN is only ever added."""

    iin = Iin()
    no_iin_reason = Code(NO_IIN_REASONS, **LEFT_OUT)
    family_name = Text(NAME)
    given_name = Text(NAME)
    patronymic = Text(NAME, allow_none=True)
    birth_date = Day(validate=not_in_future, **BORN)
    sex = Code(SEXES)
    phone = Phone(allow_none=True)
    language = Code(LANGUAGES)
    address = ma.fields.Nested(AddressPatch, allow_none=True)
    safe_contact = ma.fields.Nested(SafeContactPatch)


class ConsentsIn(Schema):
    """The person consents to `scopes`, or was asked and has `refused`."""

    scopes = scopes(metadata={"example": ["processing", "sms"]})
    signed_at = Moment()
    refused = Flag(validate=must_be_true, **LEFT_OUT)

    @ma.validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        exactly_one(data, "scopes", "refused")
        if "scopes" in data and not data["scopes"]:
            raise ma.ValidationError(N_("May not be empty."), "scopes")


class WithdrawIn(Schema):
    scopes = scopes(required=True)
