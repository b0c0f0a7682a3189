"""What the consumer makes of an error: whose fault it is, whether it may pass, and what is written about it."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure

from shared.consumer import UnknownVersion, is_away, may_pass, reason_of
from shared.events.cloudevents import UnreadableData
from shared.log import LogAway
from shared.parking import LAST_RETRY, _interval
from shared.refusals import Conflict, Forbidden, Unavailable, WrongState

SECRET = "Айгүл +77010000000"


def bulk(*codes: int) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [{"code": code} for code in codes], "writeConcernErrors": []})


@pytest.mark.parametrize(
    "error", [AutoReconnect(), LogAway(), OperationFailure("", 11600), bulk(11600), bulk(11000, 189)]
)
def test_what_we_stand_on_is_away(error):
    assert is_away(error)


@pytest.mark.parametrize(
    "error", [bulk(11000), OperationFailure("", 11000), Conflict(), KeyError(), TimeoutError()]
)
def test_the_message_itself_is_at_fault(error):
    assert not is_away(error)


@pytest.mark.parametrize(
    "error", [Conflict(), Unavailable(), TimeoutError(), ConnectionResetError(), OperationFailure("", 112)]
)
def test_what_may_pass(error):
    assert may_pass(error)


@pytest.mark.parametrize("error", [KeyError(), Forbidden(), UnknownVersion(), UnreadableData(), bulk(11000)])
def test_what_does_not_pass(error):
    assert not may_pass(error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (WrongState(allowed=["accept"], detail=SECRET), "WrongState (wrong-state)"),
        (ValueError(SECRET), "ValueError"),
        (UnreadableData("x.v1 is not in the catalogue"), "UnreadableData: x.v1 is not in the catalogue"),
    ],
)
def test_a_reason_never_has_the_text_of_a_stranger(error, reason):
    assert reason_of(error) == reason


def test_a_reason_says_where_it_arose():
    def reaction() -> None:
        raise KeyError(SECRET)

    with pytest.raises(KeyError) as caught:
        reaction()
    place = f"KeyError at test_failures.py:{reaction.__code__.co_firstlineno + 1} reaction"
    assert reason_of(caught.value) == place


def test_a_parked_key_is_tried_less_and_less_often():
    assert [_interval(tries).total_seconds() for tries in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert _interval(5000).total_seconds() == LAST_RETRY
