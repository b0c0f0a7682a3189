"""What the timeline makes of a batch that was written in part: only that a row is there already is no trouble."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pymongo.errors import BulkWriteError

from services.intake.read_models import Timeline
from tests.unit.shared.test_access import STREAM

THERE_ALREADY, NO_MAJORITY = {"code": 11000}, {"code": 64}


def timeline(write_errors: list, write_concern_errors: list) -> Timeline:
    def insert_many(*_, **__):
        raise BulkWriteError({"writeErrors": write_errors, "writeConcernErrors": write_concern_errors})

    return Timeline(SimpleNamespace(insert_many=insert_many))


def test_rows_that_are_there_are_no_trouble():
    timeline([THERE_ALREADY], []).apply(STREAM)


@pytest.mark.parametrize(
    ("write_errors", "write_concern_errors"),
    [([THERE_ALREADY], [NO_MAJORITY]), ([], [NO_MAJORITY]), ([THERE_ALREADY, {"code": 10334}], [])],
)
def test_rows_that_no_majority_holds_are_not_taken_for_written(write_errors, write_concern_errors):
    with pytest.raises(BulkWriteError):
        timeline(write_errors, write_concern_errors).apply(STREAM)
