"""A form says to the schema what a program would have said."""

from __future__ import annotations

from datetime import date

import flask
import marshmallow as ma
import pytest
from werkzeug.datastructures import MultiDict

from shared.http.fields import Code, Count, Day, Flag, Moment, Schema, Text
from shared.refusals import Invalid, Stale, WrongState
from shared.ui import forms


class Line(Schema):
    name = Text(20, required=True)
    born = Day()


class Told(Schema):
    danger = Flag(required=True, allow_none=True)
    kind = Code(("a", "b"), required=True)
    kinds = ma.fields.List(Code(("x", "y")), required=True)
    n = Count(1)
    at = Moment()
    line = ma.fields.Nested(Line)
    other = ma.fields.Nested(Line, allow_none=True)
    lines = ma.fields.List(ma.fields.Nested(Line))
    note = Text(50, multiline=True, allow_none=True)


@pytest.fixture
def sent():
    """sent(fields) → the form, as a route would read it."""
    app = flask.Flask(__name__)

    def send(*fields: tuple[str, str], **options):
        with app.test_request_context(method="POST", data=MultiDict(fields)):
            return forms.sent(Told, **options)

    return send


def test_texts_become_what_a_program_would_send(sent):
    form = sent(
        ("danger", "true"),
        ("kind", "a"),
        ("kinds", "x"),
        ("kinds", "y"),
        ("n", " 3 "),
        ("at", "24.11.2026 10:20"),
        ("line.name", "Аружан"),
        ("line.born", "7.4.1989"),
        ("note", "one\r\ntwo"),
    )
    assert form.errors == {}
    assert form.body["at"] == "2026-11-24T10:20:00+05:00"
    assert form.data["danger"] is True
    assert form.data["kinds"] == ["x", "y"]
    assert form.data["n"] == 3
    assert form.data["line"] == {"name": "Аружан", "born": date(1989, 4, 7)}
    assert form.data["note"] == "one\ntwo"


def test_what_was_left_empty_is_left_out_and_what_must_be_answered_is_null(sent):
    form = sent(("danger", ""), ("kind", "a"), ("n", ""), ("line.name", " "), ("line.born", ""))
    assert form.body == {"danger": None, "kind": "a", "kinds": []}
    assert form.ready


def test_an_emptied_field_of_a_patch_says_null(sent):
    assert sent(("kind", "a"), ("note", ""), empty_is_null=True).body["note"] is None


def test_a_part_of_a_patch_is_null_only_when_all_of_it_was_emptied(sent):
    emptied = ("other.name", ""), ("other.born", " ")
    assert sent(*emptied, empty_is_null=True).body["other"] is None
    assert "other" not in sent(*emptied).body
    assert "other" not in sent(("kind", "a"), empty_is_null=True).body
    assert sent(("other.name", ""), ("other.born", "7.4.1989"), empty_is_null=True).body["other"] == {
        "born": "1989-04-07"
    }


@pytest.mark.parametrize(
    ("field", "typed"),
    [("n", "many"), ("n", "9" * 30), ("at", "tomorrow"), ("at", "99.99.2026 10:20"), ("kind", "c"), ("danger", "perhaps")],
)
def test_what_cannot_be_read_is_an_error_at_its_field_and_stays_as_typed(sent, field, typed):
    form = sent(*{"danger": "true", "kind": "a", field: typed}.items())
    assert list(form.errors) == [field]
    assert form.value(field) == typed
    assert form.data is None
    assert not form.ready


def test_rows_left_empty_vanish_and_errors_stand_at_the_rows_that_are_shown(sent):
    form = sent(
        ("danger", "true"),
        ("kind", "a"),
        ("lines.0.name", ""),
        ("lines.0.born", ""),
        ("lines.4.name", "Дана"),
        ("lines.7.name", ""),
        ("lines.7.born", "01.02.2020"),
    )
    assert form.rows("lines") == [0, 1]
    assert form.value("lines.0.name") == "Дана"
    assert list(form.errors) == ["lines.1.name"]
    error = form.error("lines.1.name", "Name")
    assert form.summary == [{"text": error, "href": "#lines.1.name", "label": "Name"}]


def test_the_key_travels_in_the_form_and_a_bad_one_is_replaced(sent):
    assert sent(("_key", "k-1")).key == "k-1"
    assert len(sent(("_key", "k 1")).key) == 36
    assert sent(("_version", "7")).version == 7
    assert sent(("_version", "7x")).version is None


def test_a_form_given_back_is_not_carried_out(sent):
    form = sent(("_restore", "1"), ("kind", "c"), ("_key", "k-1"))
    assert not form.ready
    assert form.errors == {}
    assert form.value("kind") == "c"
    assert form.key == "k-1"


def test_what_is_refused_because_of_what_was_typed_stands_in_the_form():
    def refuse(error):
        raise error

    form = forms.blank()
    assert form.attempt(lambda: refuse(Invalid({"kind": ["no"]}))) is None
    assert form.errors == {"kind": ["no"]}
    assert form.attempt(lambda: refuse(Stale())) is None
    assert form.stale
    assert form.notice.slug == "stale"
    assert form.attempt(lambda: refuse(WrongState(["x"]))) is None
    assert form.notice.slug == "wrong-state"
    assert form.attempt(lambda: "done") == "done"


def test_initial_values_stand_as_a_person_would_type_them():
    form = forms.blank(
        {"born": date(2020, 1, 2), "danger": {"life": None, "child": False}, "kinds": ["x", "y"], "lines": [{"n": 1}]},
        version=3,
    )
    assert form.value("born") == "02.01.2020"
    assert form.value("danger.life") == ""
    assert form.value("danger.child") == "false"
    assert form.values("kinds") == ["x", "y"]
    assert form.value("lines.0.n") == "1"
    assert form.version == 3
    assert form.key != forms.blank().key


def test_messages_for_programs_are_said_to_people():
    assert forms.said("Missing data for required field.") == "Заполните это поле."
