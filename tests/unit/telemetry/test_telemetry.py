"""What is told, and what is not."""

from __future__ import annotations

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import telemetry

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SHAPE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@pytest.fixture
def lines(capsys):
    telemetry.configure("demo")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_what_belongs_on_it(lines):
    with telemetry.continue_trace(PARENT):
        telemetry.logger(case_id="c").info("case opened", n=1)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "case opened",
        "case_id": "c",
        "n": 1,
        "level": "info",
        "service": "demo",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "logger": __name__,
    }


def test_lines_of_libraries_come_out_alike_and_without_query_strings(lines):
    logging.getLogger("gunicorn.error").error(
        "Error handling request %s", "/intake/v1/x?name=Айгерим&phone=7701"
    )
    logging.getLogger("werkzeug").info("GET /x?name=Айгерим")
    logging.getLogger("pymongo.command").debug('{"find": "persons"}')
    logging.getLogger("httpx").info("HTTP Request: POST http://intake/x")
    (line,) = lines()
    assert line["event"] == "Error handling request /intake/v1/x"
    assert (line["level"], line["logger"], line["service"]) == ("error", "gunicorn.error", "demo")


def fail() -> None:
    try:
        {}["Айгерим"]
    except KeyError as error:
        raise ValueError("+77011234567") from error


@pytest.mark.parametrize(
    "say",
    [
        lambda: telemetry.logger().exception("it failed"),
        lambda: logging.getLogger("library").exception("it failed"),
        lambda: logging.getLogger("library").error("it failed", exc_info=True),
    ],
)
def test_an_exception_is_told_by_type_and_place_and_never_by_message(lines, say):
    try:
        fail()
    except ValueError:
        say()
    (line,) = lines()
    assert [each["type"] for each in line["exception"]] == ["builtins.ValueError", "builtins.KeyError"]
    assert any(re.search(r"test_telemetry\.py:\d+ fail$", frame) for frame in line["exception"][0]["stack"])
    told = json.dumps(line, ensure_ascii=False)
    assert "Айгерим" not in told
    assert "7701" not in told


def test_configuring_again_does_not_double_the_lines(lines):
    telemetry.configure("other", "warning")
    telemetry.logger().info("unheard")
    telemetry.logger().warning("heard")
    assert [(line["event"], line["service"]) for line in lines()] == [("heard", "other")]


def test_a_trace_goes_on(lines):
    with telemetry.continue_trace(PARENT) as mine:
        assert telemetry.current_traceparent() == mine
        assert SHAPE.fullmatch(mine)
        assert mine.split("-")[1] == PARENT.split("-")[1]
        assert mine.split("-")[2] != PARENT.split("-")[2]
        with telemetry.continue_trace(None) as inner:
            assert inner.split("-")[1] != mine.split("-")[1]
        assert telemetry.current_traceparent() == mine
    assert telemetry.current_traceparent() != telemetry.current_traceparent()  # outside of a trace


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        PARENT.upper(),
        PARENT + "-x",
        PARENT.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        PARENT + "\n",
    ],
)
def test_what_is_no_traceparent_begins_a_new_trace(broken):
    assert SHAPE.fullmatch(telemetry.new_traceparent(broken))
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in telemetry.new_traceparent(broken)


def test_a_later_version_is_read_as_far_as_it_is_known():
    later = PARENT.replace("00-", "01-", 1) + "-more"
    assert telemetry.new_traceparent(later).startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")


@given(st.text(max_size=80))
def test_a_request_id_is_plain(offered):
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", telemetry.request_id(offered))


def test_a_metric_is_made_once():
    made = telemetry.counter("birtereze_test_total", "Test.", ("a",))
    assert telemetry.counter("birtereze_test_total", "Test.", ("a",)) is made
    assert telemetry.gauge("birtereze_probe", "Test.") is telemetry.gauge("birtereze_probe", "Test.")
    telemetry.serve_metrics(0)  # shows none
