"""What each field takes, and that it refuses everything else in the reader's language."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import marshmallow as ma
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.fields import (
    Code,
    Count,
    Day,
    Flag,
    Id,
    Kato,
    Moment,
    QueryCount,
    QueryFlag,
    ReadableId,
    Schema,
    Text,
)
from shared.http.problems import flat
from shared.i18n import Message, text

FIELDS: dict[str, ma.fields.Field] = {
    "text": Text(20),
    "lines": Text(20, multiline=True, empty=True),
    "code": Code(("red", "blue")),
    "id": Id(),
    "readable": ReadableId(),
    "moment": Moment(),
    "day": Day(),
    "count": Count(1, 10),
    "query_count": QueryCount(1, 200),
    "flag": Flag(),
    "danger": Flag(allow_none=True),
    "query_flag": QueryFlag(),
    "kato": Kato({"71"}),
    "required": Text(5, required=True),
    "several": ma.fields.List(Code(("a", "b")), validate=ma.validate.Length(min=1, max=2)),
    "nested": ma.fields.Nested(Schema.from_dict({"inner": Count(required=True)}, name="Inner")),
    "many": ma.fields.List(ma.fields.Nested(Schema.from_dict({"inner": Text(3)}, name="Other"))),
    "hours": ma.fields.Dict(keys=Code(("from", "to")), values=Text(5)),
    "plain": ma.fields.Integer(validate=ma.validate.Range(min=1)),
}


class Everything(Schema):
    locals().update(FIELDS)


SCHEMA = Everything()
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    11,
    10**30,
    1.5,
    "",
    "   ",
    "x" * 300,
    "a\x00b",
    "a\u202eb",
    "5",
    [],
    [1],
    ["a", "a", "c"],
    [None],
    {},
    {"$gt": ""},
    {"inner": None},
    [{"inner": {"$ne": 1}}],
    {"when": "x"},
]


def load(name: str, value: Any) -> Any:
    return SCHEMA.load({"required": "x", name: value})[name]


def errors(name: str, value: Any) -> dict[str, list[str]]:
    with pytest.raises(ma.ValidationError) as refused:
        load(name, value)
    return flat(refused.value.messages)


@pytest.mark.parametrize("name", FIELDS)
def test_every_refusal_can_be_read_in_kazakh_and_russian(name):
    refused = 0
    for value in WRONG:
        try:
            load(name, value)
        except ma.ValidationError as error:
            refused += 1
            for texts in flat(error.messages).values():
                for message in texts:
                    assert isinstance(message, Message), message
                    shown = {language: text(message, language) for language in ("kk", "ru", "en")}
                    assert len(set(shown.values())) == 3, shown
                    assert not set("{}") & set("".join(shown.values())), shown
                    assert not_english(shown["kk"]), shown
                    assert not_english(shown["ru"]), shown
    assert refused >= 5


def not_english(shown: str) -> bool:
    """Beside codes and the names of formats there are no Latin words in it."""
    words = "".join(letter if letter.isalpha() else " " for letter in shown).split()
    allowed = {"null", "true", "false", "UUID", "T", "red", "blue", "a", "b", "from", "to", "NaN", "Infinity"}
    return not [word for word in words if word.isascii() and word not in allowed]


def test_missing_and_unknown_are_translated_too():
    with pytest.raises(ma.ValidationError) as refused:
        SCHEMA.load({"unknown": 1})
    found = flat(refused.value.messages)
    assert text(found["unknown"][0], "kk") == "Белгісіз өріс."
    assert text(found["required"][0], "ru") == "Обязательное поле не заполнено."


@pytest.mark.parametrize("value", [{"$gt": ""}, ["x"], 5, True, None])
@pytest.mark.parametrize(
    "name", ["text", "code", "id", "readable", "moment", "day", "query_count", "query_flag", "kato"]
)
def test_texts_are_texts(name, value):
    assert errors(name, value)


def test_a_text_is_trimmed_and_composed():
    assert load("text", "  Айгерим \n") == "Айгерим"
    assert load("text", "и\u0306") == "й"
    assert load("text", "x" * 20 + "   ") == "x" * 20
    assert load("lines", " a\r\nb ") == "a\nb"
    assert load("lines", "  ") == ""
    assert errors("lines", "a\tb")
    assert errors("text", "a\nb")


@pytest.mark.parametrize(
    "code",
    [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x61C],
)
def test_control_and_bidirectional_characters_are_refused(code):
    assert set(errors("text", f"a{chr(code)}b")) == {"text"}
    if chr(code) != "\n":
        assert set(errors("lines", f"a{chr(code)}b")) == {"lines"}


@given(st.text(max_size=30))
def test_any_text_is_refused_or_clean(value):
    try:
        loaded = load("text", value)
    except ma.ValidationError:
        return
    assert loaded == loaded.strip()
    assert 0 < len(loaded) <= 20
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in loaded)


def test_moments():
    assert load("moment", "2026-11-24T10:00:00+05:00") == datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert load("moment", "2026-11-24T05:00:00.1239999Z") == datetime(
        2026, 11, 24, 5, 0, 0, 123000, tzinfo=UTC
    )
    assert load("moment", "2026-11-24T05:00:00Z").tzinfo is UTC
    for wrong in (
        "2026-11-24T10:00:00",
        "2026-11-24",
        "2026-11-24 10:00:00Z",
        "2026-11-24T10:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:00:60Z",
        "2026-02-30T10:00:00Z",
        "2026-W48-2T10:00:00Z",
        "20261124T100000Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "2026-11-24T10:00:00+25:00",
        "٢٠٢٦-11-24T10:00:00Z",
        "2026-11-24T10:00:00Z\n",
    ):
        assert errors("moment", wrong), wrong
    shown = SCHEMA.dump({"moment": datetime(2026, 11, 24, 5, 0, 0, 120000, tzinfo=UTC)})
    assert shown == {"moment": "2026-11-24T05:00:00.120Z"}
    assert SCHEMA.dump({"moment": None}) == {"moment": None}


def test_days():
    assert load("day", "2028-02-29") == date(2028, 2, 29)
    for wrong in ("2026-02-29", "2026-2-1", "20260201", "2026-W05", "2026-02-01T00:00:00Z", "0000-01-01"):
        assert errors("day", wrong), wrong
    assert (
        SCHEMA.dump({"day": date(2026, 1, 2)}) == SCHEMA.dump({"day": "2026-01-02"}) == {"day": "2026-01-02"}
    )


def test_numbers_and_flags_are_what_json_says_they_are():
    assert load("count", 10) == 10
    for wrong in ("5", 5.0, 5.5, True, False, None, 0, 11, 10**19, [5]):
        assert errors("count", wrong), wrong
    assert load("query_count", "007") == 7
    for wrong in ("", "-1", "+1", "1.0", "1e2", " 1", "1_0", "٧", "9" * 30, "201"):
        assert errors("query_count", wrong), wrong
    assert load("danger", None) is None
    for wrong in (0, 1, "true", "yes", "", [], {}):
        assert errors("danger", wrong), wrong
    assert errors("flag", None)
    assert load("query_flag", "true") is True
    assert load("query_flag", "false") is False
    for wrong in ("True", "1", "on", ""):
        assert errors("query_flag", wrong), wrong


def test_ids_and_codes():
    assert load("id", "0F8FAD5B-D9CB-469F-A165-70867728950E") == "0f8fad5b-d9cb-469f-a165-70867728950e"
    for wrong in ("0f8fad5bd9cb469fa16570867728950e", "{0f8fad5b-d9cb-469f-a165-70867728950e}", "x", ""):
        assert errors("id", wrong), wrong
    for good in ("center-71-1", "worker.astana", "service_x", "7"):
        assert load("readable", good) == good
    for wrong in ("", "Center-71", "-a", "a b", "a/b", "a$b", "ключ", "a" * 101):
        assert errors("readable", wrong), wrong
    assert load("kato", "710000000") == "710000000"
    for wrong in ("71000000", "7100000000", "72000000a", "990000000", "٧10000000"):
        assert errors("kato", wrong), wrong
    assert text(errors("code", "green")["code"][0], "ru") == "Допустимые значения: red, blue."


def test_nothing_of_the_input_is_kept_in_a_message():
    for name in FIELDS:
        for value in ("Айгерим" * 50, {"Айгерим": "Айгерим"}, ["Айгерим"]):
            try:
                load(name, value)
            except ma.ValidationError as error:
                messages = [each for texts in flat(error.messages).values() for each in texts]
                assert "Айгерим" not in json.dumps(
                    [[each, each.params] for each in messages], ensure_ascii=False
                )
