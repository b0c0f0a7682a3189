"""What was acknowledged = documents = unique events on the log = effects.

    differences(picture, ledger, handled)    # name of the claim → what is wrong; {} where all hold

That holds of any system at rest whatever it was asked is `tests/oracle.py`'s; here it is held against the clients' own ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from services.casework.reactions import TOPICS as CASEWORK
from services.intake.reactions import TOPICS as INTAKE
from services.referrals.reactions import TOPICS as REFERRALS
from shared.events import TOPICS as ALL
from shared.events import CaseOpened, topic, type_of
from shared.events.cloudevents import Envelope
from tests.faults.ledger import Ledger
from tests.oracle import Picture

Handled = Mapping[str, Iterable[tuple[str, str]]]
"""Service → (key, sequence) of each message that took effect there, in the order in which they did."""

EVENTS = {
    "appeals": "intake.appeal-registered",
    "screening": "intake.appeal-screened",
    "assessment": "casework.assessment-recorded",
    "plan": "casework.plan-drafted",
    "plan/sign": "casework.plan-signed",
    "plan/approve": "casework.plan-approved",
    "measures/start": "casework.measure-started",
    "measures/deliver": "casework.measure-delivered",
    "referrals": "referrals.referral-requested",
    "accept": "referrals.referral-accepted",
    "start": "referrals.referral-started",
    "complete": "referrals.referral-completed",
    "correct": "intake.person-changed",
    "consents/withdraw": "intake.consent-withdrawn",
    "danger": "intake.family-danger-changed",
}
"""Command → the one event that it causes, on what it was given to."""
CONSEQUENCES = {
    "referrals": "casework.measure-referred",
    "accept": "casework.measure-started",
    "complete": "casework.measure-delivered",
}
"""Command on a referral → the one event that it causes on the case, by a reaction."""
SMS = {
    "appeals": "appeal-registered",
    "accept": "referral-accepted",
    "complete": "help-given",
    "measures/deliver": "help-given",
}
"""Command → the template of the one SMS that it causes."""
UNCLEAN = ("500", "503 bare")
READ = ("intake", "casework", "referrals")
"""Whose access logs are looked at."""
LISTENS = {"intake": INTAKE, "casework": CASEWORK, "referrals": REFERRALS, "notifications": ALL}


@dataclass(frozen=True)
class Claims:
    picture: Picture
    ledger: Ledger
    handled: Handled

    def answers(self) -> None:
        """Nobody got an answer that nobody should get, whatever was away: an error of ours, or a refusal that says nothing."""
        told = Counter(self.ledger.surprises)
        told += Counter({answer: self.ledger.answers[answer] for answer in UNCLEAN})
        assert not told, f"{told.total()} surprises: {told}"

    def appeals(self) -> None:
        """The appeals acknowledged are the appeals there; what was screened to a case is in one case, and closed."""
        appeals, cases = (
            self.picture.documents["intake"]["appeals"],
            self.picture.documents["casework"]["cases"],
        )
        _same(Counter(done.subject for done in self.ledger.of("appeals")), Counter(appeals.keys()), "appeals")
        screened = [
            done.subject for done in self.ledger.of("screening") if done.body["outcome"] == "open-case"
        ]
        attached = Counter(appeal for case in cases.values() for appeal in case["appeal_ids"])
        _same(Counter(screened), attached, "appeals in cases")
        open_still = [
            id for id in screened if appeals[id]["state"] != "closed" or appeals[id]["case_id"] not in cases
        ]
        assert not open_still, f"{len(open_still)} appeals have a case, and are not closed"

    def referrals(self) -> None:
        """The referrals acknowledged are the referrals there; what the partner has given is delivered in its case."""
        referrals = self.picture.documents["referrals"]["referrals"]
        _same(
            Counter(done.subject for done in self.ledger.of("referrals")),
            Counter(referrals.keys()),
            "referrals",
        )
        cases = self.picture.documents["casework"]["cases"]
        for done in self.ledger.of("complete"):
            measure = cases[referrals[done.subject]["case_id"]]["measures"][0]
            got = (measure["state"], measure["referral_id"])
            assert got == ("delivered", done.subject), f"a measure that the partner has given is {got[0]}"

    def events(self) -> None:
        """Each command acknowledged caused its events, once, and nothing else did."""
        expected: Counter[tuple[str, str]] = Counter()
        for done in self.ledger.done:
            expected[EVENTS[done.command], done.subject] += 1
            if done.command in CONSEQUENCES:
                expected[CONSEQUENCES[done.command], self._case_of(done.subject)] += 1
        types = {*EVENTS.values(), *CONSEQUENCES.values()}
        names = ((_name(event.type), event.subject) for event in self.picture.unique.values())
        _same(expected, Counter(each for each in names if each[0] in types), "events")
        opened = Counter(
            event.data["appeal_id"]
            for event in self.picture.unique.values()
            if event.type == type_of(CaseOpened)
        )
        screened = (
            done.subject for done in self.ledger.of("screening") if done.body["outcome"] == "open-case"
        )
        _same(Counter(screened), opened, "cases opened")

    def told(self) -> None:
        """Each family was told of each thing once, by an SMS that left, unless it had taken back its leave before."""
        messages = self.picture.documents["notifications"]["messages"]
        expected: Counter[tuple[str, str]] = Counter()
        for done in self.ledger.done:
            if done.command in SMS:
                about = self._case_of(done.subject) if done.command == "complete" else done.subject
                expected[SMS[done.command], about] += 1
        left = [messages[line["reference"]] for line in self.picture.sms if line["reference"] in messages]
        _same(
            expected,
            Counter((message["template"], message["about"]) for message in messages.values()),
            "messages",
        )
        expected -= Counter(self.ledger.withdrawn)
        _same(expected, Counter((message["template"], message["about"]) for message in left), "SMS that left")

    def effects_in_order(self) -> None:
        """In each service each event of each topic that it listens to took effect, and no later one of its key before it."""
        for service, topics in LISTENS.items():
            last: dict[str, int] = {}
            for key, sequence in self.handled[service]:
                number = int(sequence.rpartition("-")[2])
                before = last.get(key, 0)
                assert number <= before + 1, f"{service}: {number} of a key took effect after {before}"
                last[key] = max(number, before)
            for key, events in self.picture.by_subject.items():
                if topic(events[0].source.removeprefix("/")) in topics:
                    told = max(int(event.sequence.rpartition("-")[2]) for event in events)
                    assert last.get(key, 0) == told, (
                        f"{service}: {told} events of a key, {last.get(key, 0)} took effect"
                    )

    def readings(self) -> None:
        """Each thing that was shown to somebody stands in the access log of its service, as often as that; a client, in intake's."""
        lines = {service: self.picture.documents[service]["access_log"].values() for service in READ}
        logged = {service: Counter(line["subject"] for line in lines[service]) for service in READ}
        clients = Counter(line["why"] for line in lines["intake"] if line["what"] == "client")
        for path, times in self.ledger.readings.items():
            service, thing, last = path.split("/")[1], *path.rsplit("/", 2)[1:]
            written = clients[thing] if last == "client" else logged[service][last]
            assert written >= times, f"{service}: read {times} times, {written} lines in the access log"

    def _case_of(self, referral_id: str) -> str:
        referral = self.picture.documents["referrals"]["referrals"].get(referral_id)
        return referral["case_id"] if referral else "(a referral that is not there)"


CLAIMS: Mapping[str, Callable[[Claims], None]] = {
    "answers": Claims.answers,
    "appeals": Claims.appeals,
    "referrals": Claims.referrals,
    "events": Claims.events,
    "told": Claims.told,
    "effects-in-order": Claims.effects_in_order,
    "readings": Claims.readings,
}


def differences(picture: Picture, ledger: Ledger, handled: Handled) -> dict[str, str]:
    """Every claim that does not hold: its name → what is wrong."""
    claims, found = Claims(picture, ledger, handled), {}
    for name, claim in CLAIMS.items():
        try:
            claim(claims)
        except AssertionError as wrong:
            found[name] = str(wrong)
        except KeyError as missing:
            found[name] = f"{missing} is not there"
    return found


def unhandled(envelopes: Iterable[Envelope], handled: Handled) -> list[tuple[str, str]]:
    """Service and id of each of these events that has not taken effect where it should."""
    done = {service: set(there) for service, there in handled.items()}
    return [
        (service, envelope.id)
        for envelope in envelopes
        for service, topics in LISTENS.items()
        if topic(envelope.source.removeprefix("/")) in topics
        and (envelope.partitionkey, envelope.sequence) not in done[service]
    ]


def _same(acknowledged: Counter, there: Counter, what: str) -> None:
    lost, invented = acknowledged - there, there - acknowledged
    some = sorted({str(each) for each in [*lost, *invented]})[:2]
    said = f"{what}: {lost.total()} lost, {invented.total()} too many, of {acknowledged.total()} {some}"
    assert lost.total() + invented.total() == 0, said


def _name(type: str) -> str:
    """`kz.birtereze.intake.appeal-registered.v1` → `intake.appeal-registered`"""
    return ".".join(type.split(".")[2:4])
