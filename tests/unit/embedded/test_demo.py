"""The demo's own parts; the way itself is walked in the system tier."""

from __future__ import annotations

import json
from datetime import date

import pytest

from services.intake.domain.iin import parse, synthetic_iin
from shared.embedded.demo import __main__ as demo
from shared.embedded.demo.callers import People
from shared.embedded.demo.messages import read_outbox
from shared.embedded.demo.people import appeal_of, iin, somebody
from shared.embedded.demo.teller import Teller
from shared.embedded.log_ins import Secrets
from shared.embedded.trouble import Trouble


def test_a_made_up_iin_is_one_that_nobody_gets():
    born = date(1999, 12, 31)
    mine = [number for number in (iin(born, serial) for serial in range(60)) if number]
    assert mine == [synthetic_iin(born, serial) for serial in range(len(mine))]
    assert parse(mine[0], synthetic=True).born_on(born)


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_somebody_is_new_each_time_and_says_that_it_is_a_demo(language):
    people = [somebody(language) for _ in range(20)]
    assert len({person["family_name"] for person in people}) == 20
    assert all(person["family_name"].startswith("Демо-") for person in people)
    for person in people:
        number = parse(person["iin"], synthetic=True)
        assert number.born_on(date.fromisoformat(person["birth_date"]))
        assert json.dumps(appeal_of(person))


def run(environment, capsys) -> tuple[int, str, str]:
    code = demo.main(environment)
    out, err = capsys.readouterr()
    return code, out, err


def test_without_a_stack_it_says_so_in_one_line(tmp_path, capsys):
    code, out, err = run({"DATA_DIR": str(tmp_path)}, capsys)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "make run" in err


class Stopped:
    """A way that ends in its second step."""

    def __init__(self, people, tell):
        self.tell = tell

    def walk(self, language):
        self.tell.step("The appeal")
        self.tell.step("The case")
        raise Trouble("POST /casework: 503 Not available.")


def test_what_fails_is_said_in_one_line_with_its_step(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "read_secrets", lambda folder: Secrets({}, {}))
    monkeypatch.setattr(demo, "Way", Stopped)
    code, _, err = run({"DATA_DIR": str(tmp_path)}, capsys)
    assert code == 1
    assert err == "Step 2 (The case): POST /casework: 503 Not available.\n"


def test_an_outbox_of_another_stack_is_said(tmp_path):
    with pytest.raises(Trouble, match="DATA_DIR"):
        read_outbox(tmp_path)


def test_nobody_unknown_is_logged_in():
    with pytest.raises(Trouble, match="no demo user"):
        People("http://127.0.0.1:1", Secrets({}, {}))("somebody")


def test_a_silent_teller_remembers_its_step(capsys):
    teller = Teller(silent=True)
    teller.step("The appeal")
    teller.part("intake", "not shown")
    assert teller.now == "Step 1 (The appeal)"
    assert capsys.readouterr().out == ""


def test_what_is_next_is_told_in_local_time(capsys):
    item = {"owner": {"id": "worker.astana"}, "next_action": "screen", "due_at": "2026-11-27T13:00:00.000Z"}
    Teller().next(item)
    Teller().next({"owner": None})
    assert capsys.readouterr().out == "    → next         worker.astana has to screen by 27.11.2026 18:00\n"
