"""Fields and parts of requests that describe people: what was said at the window. They load into the domain's own dataclasses."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import marshmallow as ma
from flask import current_app

from services.intake.domain import iin as iins
from services.intake.domain.family import RELATIONS
from services.intake.domain.household import Line
from services.intake.domain.person import Address, Description, Hours, SafeContact
from services.intake.policy import PHONES
from shared import reference
from shared.calendar import ALMATY
from shared.events import Danger
from shared.http.fields import Code, Count, Day, Flag, Kato, Schema, Text
from shared.i18n import N_

REGIONS = frozenset(region.code for region in reference.regions())
NO_IIN_REASONS = ("never-issued", "documents-lost", "foreigner", "refused", "unknown")
SEXES = ("female", "male", "unknown")
LANGUAGES = ("kk", "ru", "en")
SCOPES = ("processing", "sms", "statistics", *(f"share:{kind}" for kind in reference.SERVICE_KINDS))
FIRST_YEAR = 1900
NAME = 100
LINE = 300
LONG = 4000
BORN = {"metadata": {"example": "1999-12-31"}}
LEFT_OUT = {"metadata": {"example": None}}
"""Not in the example of the documentation: it excludes another field, or goes without saying."""
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

IN_THE_FUTURE = N_("May not be in the future.")


def today() -> date:
    """The date in Asia/Almaty."""
    return datetime.now(ALMATY).date()


def not_in_future(day: date) -> None:
    if day > today():
        raise ma.ValidationError(IN_THE_FUTURE)


class Iin(ma.fields.String):
    """An IIN with its check digit; synthetic ones where the settings allow them. → str"""

    default_error_messages = {
        "format": N_("An IIN has twelve digits."),
        "century": N_("The seventh digit of an IIN is 1 to 6."),
        "date": N_("The first six digits of an IIN are a date of birth."),
        "check-digit": N_("The check digit of the IIN is wrong: a digit was mistyped."),
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": "^[0-9]{12}$", "example": "991231900011"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return iins.parse(text, synthetic=current_app.extensions["intake"].settings.synthetic_iins).number
        except iins.BadIin as error:
            raise self.make_error(error.reason) from None


class Phone(ma.fields.String):
    """A mobile number of Kazakhstan, however it is written. → str, `+7` and ten digits"""

    default_error_messages = {"mobile": N_("Not a mobile number of Kazakhstan.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"example": "+77011234567"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = PHONES.normalise(super()._deserialize(value, attr, data, **kwargs))
        if number is None:
            raise self.make_error("mobile")
        return number


class Clock(ma.fields.String):
    """An hour of the day, `09:00`. → str"""

    default_error_messages = {"clock": N_("Give hours and minutes like 09:00.")}

    def __init__(self, example: str, **options: Any) -> None:
        super().__init__(metadata={"pattern": f"^{CLOCK.pattern}$", "example": example}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not CLOCK.fullmatch(text):
            raise self.make_error("clock")
        return text


class AddressIn(Schema):
    kato = Kato(REGIONS, required=True)
    line = Text(LINE)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Address:
        return Address(**data)


class HoursIn(Schema):
    """Between which hours of the day a person may be contacted; over midnight where `to` is the earlier one."""

    since = Clock("09:00", required=True, data_key="from")
    until = Clock("18:00", required=True, data_key="to")

    @ma.validates_schema
    def check(self, data: dict[str, Any], **_: Any) -> None:
        if data["since"] == data["until"]:
            raise ma.ValidationError(N_("Must differ from the beginning."), "to")


class SafeContactIn(Schema):
    sms = Code(("yes", "no", "unknown"), required=True)
    hours = ma.fields.Nested(HoursIn)
    code_word = Text(50)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> SafeContact:
        hours = data.pop("hours", None)
        return SafeContact(**data, hours=Hours(**hours) if hours else None)


class DangerIn(Schema):
    """true, false, or null where it has not been asked yet."""

    life = Flag(required=True, allow_none=True)
    child = Flag(required=True, allow_none=True)
    domestic_violence = Flag(required=True, allow_none=True)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Danger:
        return Danger(**data)


class Described(Schema):
    """Somebody as described; what may be left out of everybody."""

    iin = Iin()
    no_iin_reason = Code(NO_IIN_REASONS, **LEFT_OUT)
    family_name = Text(NAME, required=True, metadata={"example": "Үлгіева"})
    given_name = Text(NAME, required=True, metadata={"example": "Сынақ"})
    patronymic = Text(NAME, **LEFT_OUT)
    birth_date = Day(validate=not_in_future, **BORN)
    birth_year = Count(FIRST_YEAR, 2100, **LEFT_OUT)
    sex = Code(SEXES)
    phone = Phone()
    language = Code(LANGUAGES)
    address = ma.fields.Nested(AddressIn)

    @ma.validates_schema
    def check_identity(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("birth_year", 0) > today().year:
            raise ma.ValidationError(IN_THE_FUTURE, "birth_year")
        if "iin" in data and "no_iin_reason" in data:
            raise ma.ValidationError(
                N_("Give the IIN or the reason why there is none, not both."), "no_iin_reason"
            )
        if "birth_year" in data and ("birth_date" in data or "iin" in data):
            raise ma.ValidationError(
                N_("A year stands for a date of birth that is not known, of somebody without an IIN."),
                "birth_year",
            )


class ApplicantIn(Described):
    """The person in need. With an IIN, or with the reason why there is none."""

    sex = Code(SEXES, required=True)
    language = Code(LANGUAGES, required=True)

    @ma.validates_schema
    def check_complete(self, data: dict[str, Any], **_: Any) -> None:
        if "iin" not in data and "no_iin_reason" not in data:
            raise ma.ValidationError(N_("Give the IIN, or in no_iin_reason why there is none."), "iin")
        if "birth_date" not in data and ("iin" in data or "birth_year" not in data):
            raise ma.ValidationError(N_("Missing data for required field."), "birth_date")

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Description:
        return Description(**data)


class LineIn(Described):
    """Somebody of the household."""

    relation = Code(RELATIONS, required=True)
    alleged_abuser = Flag(load_default=False)

    @ma.post_load
    def made(self, data: dict[str, Any], **_: Any) -> Line:
        relation, alleged_abuser = data.pop("relation"), data.pop("alleged_abuser")
        return Line(relation=relation, alleged_abuser=alleged_abuser, described=Description(**data))


def scopes(**options: Any) -> ma.fields.List:
    """A list of consents. → tuple of codes"""
    return ma.fields.List(Code(SCOPES), validate=ma.validate.Length(max=len(SCOPES)), **options)
