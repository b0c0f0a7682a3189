"""What a person sees of parked messages and dead letters, and what he can do about them."""

from __future__ import annotations

import json

import pytest

from shared.events.cloudevents import to_message
from shared.log import Message
from shared.parking import Parking
from tests.service.operations.conftest import DONE, TOPIC
from tests.service.spine.tools import envelope, sequence

SECRET = "Айгүл +77010000000"


@pytest.fixture
def parked(hear, listening):
    """Of the key `a` three are parked; `b` is well."""
    listening.failing.add("a")
    hear([envelope(key, number, measure=7) for number in (1, 2, 3) for key in "ab"])


@pytest.fixture
def dead(event_log, hear):
    """Two letters that nobody can read, and one that another build could: its `specversion` was not known."""
    unreadable = [Message("a", {SECRET: SECRET}, SECRET.encode()), Message("a", {}, b"\xff")]
    later = to_message(envelope("a", 1))
    later.headers["ce_specversion"] = "1.1"
    event_log.append(TOPIC, [*unreadable, later])
    hear([])
    hear([envelope("b", 1)])


def test_parked_messages_are_listed_in_order(parked, command, capsys):
    assert command("parked", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ID", "KEY", "SEQUENCE", "TYPE", "STAGE", "TRIES", "NEXT_AT", "REASON"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["a-1", "a", sequence(1), DONE, "reaction"],
        ["a-2", "a", sequence(2), DONE, "behind"],
        ["a-3", "a", sequence(3), DONE, "behind"],
    ]
    assert "RuntimeError at conftest.py" in lines[1]
    assert len({line.index(line.split()[2]) for line in lines}) == 1, "the columns are not aligned"


def test_a_list_can_be_narrowed_and_is_json_for_a_program(parked, command, capsys):
    assert command("parked", "list", "--key", "a", "--limit", "2", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["stage"], one["tries"]) for one in listed] == [
        ("a-1", "reaction", 1),
        ("a-2", "behind", None),
    ]
    assert command("parked", "list", "--key", "b") == 0
    assert capsys.readouterr().out == "Nothing is parked.\n"
    assert command("parked", "list", "--limit", "2") == 0
    assert capsys.readouterr().out.endswith("(the first 2: --limit shows more)\n")


def test_a_parked_message_is_shown_with_its_data(parked, command, capsys):
    assert command("parked", "show", "a-1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["type"], told["source"], told["data"]) == (DONE, "/test", {"measure": 7})
    assert command("parked", "show", "a-1") == 0
    assert f"type:        {DONE}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["parked", "show", "x"], "Nothing parked has the id x."),
        (["parked", "drop", "x", "--reason", "T-1", "--yes"], "Nothing parked has the id x."),
        (["parked", "replay", "--key", "x"], "Nothing is parked for the key x."),
        (["dead", "show", "x/1"], "Nothing dead has the id x/1."),
        (["dead", "drop", "x/1", "--reason", "T-1", "--yes"], "Nothing dead has the id x/1."),
        (["dead", "replay", "x/1"], "Nothing dead has the id x/1."),
    ],
)
def test_what_is_not_there_is_refused(command, capsys, line, said):
    assert command(*line) == 1
    assert capsys.readouterr().err == said + "\n"


def test_replay_handles_a_key_in_order_and_says_what_is_left(parked, command, listening, capsys):
    assert command("parked", "replay", "--key", "a", "--json") == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["key"], told["handled"], told["left"]) == ("a", 0, 3)
    assert told["reason"].startswith("RuntimeError at")
    listening.failing.clear()
    assert command("parked", "replay", "--all") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["a", "3", "0", "-"]
    assert listening.heard["a"] == [sequence(n) for n in (1, 2, 3)]
    assert command("parked", "replay", "--all") == 0
    assert capsys.readouterr().out == "There was nothing to replay.\n"


def test_who_drops_says_why_and_what_stood_behind_goes_on(parked, command, listening, capsys, database):
    assert command("parked", "drop", "a-1", "--reason", "T-4711") == 2
    assert "say --yes" in capsys.readouterr().err
    assert Parking(database).find("a-1")
    assert command("parked", "drop", "a-1", "--reason", "T-4711", "--yes") == 0
    told = capsys.readouterr()
    assert told.out == "Dropped a-1.\n"
    noted = json.loads(told.err)
    assert (noted["event_id"], noted["reason"]) == ("a-1", "T-4711")
    listening.failing.clear()
    assert command("parked", "replay", "--all") == 0
    assert listening.heard["a"] == [sequence(n) for n in (2, 3)]


def test_dead_letters_are_listed_and_shown_without_what_is_in_them(dead, command, capsys):
    assert command("dead", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in listed] == [f"{TOPIC}/{n}" for n in (1, 2, 3)]
    for one in listed:
        for form in ([], ["--json"]):
            assert command("dead", "show", one["id"], *form) == 0
            told = capsys.readouterr().out
            assert "sha256" in told
            assert "770100" not in told


def test_a_dead_letter_that_cannot_be_read_stays(dead, command, capsys, database):
    assert command("dead", "replay", f"{TOPIC}/1") == 1
    assert capsys.readouterr().err.startswith(
        f"This build cannot read {TOPIC}/1 either: header ce_specversion"
    )
    assert command("dead", "replay", "--all") == 1
    assert capsys.readouterr().err == "3 dead letters cannot be read by this build either.\n"
    assert Parking(database).counts() == (0, 3)


def test_a_dead_letter_that_can_be_read_now_takes_effect_before_what_is_parked_of_its_key(
    event_log, hear, command, listening, database
):
    good = to_message(envelope("a", 1))
    bad = {name: text for name, text in good.headers.items() if name != "ce_id"}
    event_log.append(TOPIC, [Message("a", bad, good.value)])
    listening.failing.add("a")
    hear([envelope("a", 2)])
    hear([envelope("a", 3)])
    (dead,) = Parking(database).list_dead()
    as_it_should_be = {"message.headers": [list(pair) for pair in good.headers.items()]}
    database["dead"].update_one(
        {"_id": dead["_id"]}, {"$set": as_it_should_be}
    )  # as if this build read it otherwise
    assert command("dead", "replay", dead["_id"]) == 1
    assert [one["_id"] for one in Parking(database).list()] == ["a-1", "a-2", "a-3"]
    listening.failing.clear()
    assert command("parked", "replay", "--all") == 0
    assert listening.heard["a"] == [sequence(n) for n in (1, 2, 3)]
    assert Parking(database).counts() == (0, 0)


def test_a_dead_letter_is_dropped_with_a_reason(dead, command, capsys, database):
    assert command("dead", "drop", f"{TOPIC}/1", "--reason", "T-1") == 2
    assert command("dead", "drop", f"{TOPIC}/1", "--reason", "T-1", "--yes") == 0
    assert '"reason": "T-1"' in capsys.readouterr().err
    assert Parking(database).counts() == (0, 2)


def test_who_rewinds_is_told_first_what_will_happen(parked, command, listening, event_log, capsys, database):
    assert command("rewind") == 2
    told = capsys.readouterr().err
    assert TOPIC in told
    assert "say --yes" in told
    assert command("rewind", "--yes") == 0
    reader = event_log.reader("test", [TOPIC])
    assert len(reader.poll(timeout=5)) == 6
    reader.close()
