"""What holds for every test of a service."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def every_code_has_its_word(caplog: pytest.LogCaptureFixture):
    """A page that has no word for a code shows a dash, which a reader takes for "nothing": the log has the line."""
    yield
    lines = [record.getMessage() for record in caplog.get_records("call")]
    assert [line for line in lines if "no word for a code" in line] == []
