"""The sender that writes to a file: once per reference, whole lines, nobody else's eyes."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from pathlib import Path

import pytest

from services.notifications.sender import Refused, SenderAway, Sms, TooLate
from services.notifications.sender import file as file_module
from services.notifications.sender.file import FileSender

PHONE, TEXT = "+77011234567", "Өтінішіңіз қабылданды."


def sms(reference: str = "m1", **changed: str) -> Sms:
    return Sms(**{"reference": reference, "phone": PHONE, "text": TEXT, "language": "kk", **changed})


def soon() -> float:
    return time.monotonic() + 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sms" / "outbox.jsonl"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_what_was_sent(path: Path) -> None:
    receipt = FileSender(path).send(sms(), soon())
    (line,) = lines(path)
    assert list(line) == ["reference", "phone", "text", "language", "at"]
    assert (line["reference"], line["phone"], line["text"], line["language"]) == ("m1", PHONE, TEXT, "kk")
    assert line["at"] == receipt.at.isoformat(timespec="milliseconds")
    assert TEXT in path.read_text()  # readable: not escaped


def test_only_the_owner_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        FileSender(path).send(sms(), soon())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_reference_is_taken_once_by_whichever_process(path: Path) -> None:
    one, other = FileSender(path), FileSender(path)
    first = one.send(sms(), soon())
    assert other.send(sms(text="another text"), soon()) == first
    assert one.send(sms(), soon()) == first
    assert len(lines(path)) == 1
    other.send(sms("m2"), soon())
    assert one.find("m2") is not None
    assert one.find("m3") is None
    assert [line["reference"] for line in lines(path)] == ["m1", "m2"]


def test_a_torn_last_line_is_removed(path: Path) -> None:
    FileSender(path).send(sms("m1"), soon())
    whole = path.read_bytes()
    FileSender(path).send(sms("m2"), soon())
    for cut in range(len(whole), path.stat().st_size):
        content = path.read_bytes()[:cut]
        torn = path.with_name("torn.jsonl")
        torn.write_bytes(content)
        sender = FileSender(torn)
        assert sender.find("m1") is not None
        assert sender.find("m2") is None
        assert torn.read_bytes() == whole
        sender.send(sms("m2"), soon())
        assert [line["reference"] for line in lines(torn)] == ["m1", "m2"]


def test_a_line_torn_by_another_process_while_we_run(path: Path) -> None:
    sender = FileSender(path)
    sender.send(sms("m1"), soon())
    with path.open("ab") as other:
        other.write(b'{"reference": "m2", "pho')
    sender.send(sms("m3"), soon())
    assert [line["reference"] for line in lines(path)] == ["m1", "m3"]


def test_a_file_that_was_taken_away_is_begun_anew(path: Path) -> None:
    sender = FileSender(path)
    sender.send(sms("m1"), soon())
    path.unlink()
    assert sender.find("m1") is None
    sender.send(sms("m2"), soon())
    assert [line["reference"] for line in lines(path)] == ["m2"]


def test_nothing_is_sent_when_the_leave_has_run_out(path: Path) -> None:
    sender = FileSender(path)
    with pytest.raises(TooLate):
        sender.send(sms(), time.monotonic() - 0.001)
    assert sender.find("m1") is None
    first = sender.send(sms(), soon())
    assert sender.send(sms(), time.monotonic() - 1) == first  # it has left: that is no question of time


def test_a_file_that_another_process_holds_is_not_waited_for_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "LOCK_SECONDS", 0.02)
    sender = FileSender(path)
    sender.send(sms("m1"), soon())
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SenderAway):
            sender.find("m1")
        with pytest.raises(SenderAway):
            sender.send(sms("m2"), soon())
    assert sender.find("m1") is not None
    assert sender.find("m2") is None


@pytest.mark.parametrize("line", [b"not json\n", b"[]\n", b'{"reference": "m2"}\n'])
def test_what_cannot_be_read_stops_the_sending(path: Path, line: bytes) -> None:
    sender = FileSender(path)
    sender.send(sms(), soon())
    with path.open("ab") as other:
        other.write(line)
    for look in (sender, FileSender(path)):
        with pytest.raises(SenderAway):
            look.send(sms("m3"), soon())


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = FileSender(path)
    sender.send(sms("m1"), soon())
    write = os.write
    monkeypatch.setattr(file_module.os, "write", lambda file, line: write(file, line[:20]))
    with pytest.raises(SenderAway):
        sender.send(sms("m2"), soon())
    monkeypatch.undo()
    assert [line["reference"] for line in lines(path)] == ["m1"]
    sender.send(sms("m2"), soon())
    assert [line["reference"] for line in lines(path)] == ["m1", "m2"]


@pytest.mark.parametrize("phone", ["", "112", "87011234567", "+7701123456x", "+77011234567\n"])
def test_what_is_no_number_is_refused_for_good(path: Path, phone: str) -> None:
    with pytest.raises(Refused) as refused:
        FileSender(path).send(sms(phone=phone), soon())
    assert refused.value.reason == "bad-number"
    assert not path.exists()


def test_phone_and_text_are_shown_by_nothing() -> None:
    assert PHONE not in repr(sms())
    assert TEXT not in repr(sms())
