"""Random histories of a case: whatever people, partners and the clock do, in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.casework.domain import carrying_out, closing, opening, planning, referring
from services.casework.domain.case import CLOSING_REASONS, Case
from services.casework.domain.items import raise_overdue, wake_at
from services.casework.domain.opening import File
from services.casework.domain.states import MEASURES, OPEN_STATES, STATES, TRANSITIONS, allowed
from shared.aggregate import state_document
from shared.events import Danger
from shared.refusals import Forbidden, Invalid, NotFound, WrongState
from tests.unit.casework.tools import (
    NOW,
    POLICY,
    SAFE,
    SUPERVISOR,
    WORKER,
    assessed,
    drafted,
    line,
    opened,
    ratings,
    running,
    signed,
)

LEVELS = st.sampled_from("ABCDE")
PEOPLE = st.sampled_from([WORKER, SUPERVISOR, "worker2.astana"])
DANGERS = st.builds(
    Danger,
    life=st.sampled_from([None, False, True]),
    child=st.sampled_from([None, False, True]),
    domestic_violence=st.sampled_from([None, False, True]),
)
REFERRALS = st.sampled_from(["r1", "r2", "r3"])
NUMBERS = st.integers(1, 6)


COMMAND_OF = {
    "assess": "assessment",
    "plan": "plan",
    "sign": "plan/sign",
    "approve": "plan/approve",
    "review": "review",
    "approve-closing": "closure/approve",
}
"""The next action of an item of the case → the command that does it. (Measures go on while the next plan is written.)"""


class History(RuleBasedStateMachine):
    """One case. Every rule is a command, given whether it is allowed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.case: Case = opened()
        self.numbers: dict[int, int] = {}
        self.version = self.case.file_version

    @initialize(stage=st.sampled_from([opened, assessed, drafted, signed, running]))
    def begin(self, stage):
        self.case = stage()

    # -------------------------------------------------------------- how a command is given

    def command(self, name: str, decide: Callable, *, also: tuple[type, ...] = ()) -> None:
        """A command is refused by the table exactly where `allowed` does not have it. `also`: what may stop it otherwise."""
        before, open_now = self.case, allowed(self.case)
        try:
            after, events = decide(before)
        except WrongState as refusal:
            self.was_refused(name, refusal, open_now, also)
            return
        except also:
            return
        assert name in open_now
        assert events
        self.took_effect(after, events)

    def was_refused(
        self, name: str, refusal: WrongState, open_now: list[str], also: tuple[type, ...]
    ) -> None:
        assert refusal.allowed == open_now
        assert name not in open_now or WrongState in also

    def reaction(self, decision) -> None:
        if decision is not None:
            self.took_effect(*decision)

    def took_effect(self, after: Case, events) -> None:
        for event in events:
            assert (event.open, event.holder, event.state) == (after.open, after.holder, after.state)
        if after.open != self.case.open:
            assert events, "what is open has changed, and nobody is told"
        for measure in after.measures:
            known = self.numbers.setdefault(measure.n, measure.plan)
            assert known == measure.plan, "a number was used again"
        gone = {m.n for m in self.case.measures if m.state != "planned"} - {m.n for m in after.measures}
        assert not gone, "a measure that was begun or has ended is history, and stays"
        self.case = after

    def by(self, actor: str = WORKER) -> dict:
        return {"actor": actor, "now": self.now, "policy": POLICY}

    # -------------------------------------------------------------- what people do

    @rule(each=st.integers(0, 4))
    def assess(self, each):
        before = self.case
        self.command("assessment", lambda c: planning.record_assessment(c, ratings(each), None, **self.by()))
        if self.case is not before:
            assert self.case.level >= (POLICY.levels.raised(None, self.case.danger) or "A")

    @rule(types=st.lists(st.sampled_from(["center", "agency", "family"]), min_size=1, max_size=3))
    def plan(self, types):
        due_on = POLICY.deadlines.calendar.today(self.now) + timedelta(days=20)
        lines = [line(type, due_on=due_on) for type in types]
        self.command("plan", lambda c: planning.draft_plan(c, ["g"], lines, None, **self.by()))

    @rule(by=st.sampled_from(["worker", "family"]), actor=PEOPLE)
    def sign(self, by, actor):
        self.command(
            "plan/sign", lambda c: planning.sign_plan(c, by, None, "code", **self.by(actor)), also=(Invalid,)
        )

    @rule(actor=PEOPLE)
    def approve(self, actor):
        self.command("plan/approve", lambda c: planning.approve_plan(c, **self.by(actor)), also=(Forbidden,))

    @rule()
    def send_back(self):
        self.command("plan/return", lambda c: planning.return_plan(c, "why", **self.by(SUPERVISOR)))

    @rule(n=NUMBERS)
    def start(self, n):
        self.command(
            f"measures/{n}/start",
            lambda c: carrying_out.start_measure(c, n, **self.by()),
            also=(NotFound,),
        )

    @rule(n=NUMBERS)
    def deliver(self, n):
        today = POLICY.deadlines.calendar.today(self.now)
        self.command(
            f"measures/{n}/deliver",
            lambda c: carrying_out.deliver_measure(c, n, given_on=today, condition="home", **self.by()),
            also=(NotFound,),
        )

    @rule(n=NUMBERS)
    def cancel(self, n):
        self.command(
            f"measures/{n}/cancel",
            lambda c: carrying_out.cancel_measure(c, n, "why", **self.by()),
            also=(NotFound,),
        )

    @rule(outcome=st.sampled_from(["keep", "change"]), level=LEVELS)
    def review(self, outcome, level):
        self.command(
            "review",
            lambda c: carrying_out.record_review(c, outcome=outcome, level=level, note="n", **self.by()),
        )

    @rule()
    def help(self):
        today = POLICY.deadlines.calendar.today(self.now)
        self.command(
            "help",
            lambda c: carrying_out.give_help(c, kind="legal", given_on=today, condition="home", **self.by()),
        )

    @rule(holder=PEOPLE)
    def assign(self, holder):
        self.command(
            "assign", lambda c: opening.assign(c, holder, "why", **self.by(SUPERVISOR)), also=(Invalid,)
        )

    @rule(reason=st.sampled_from(CLOSING_REASONS))
    def propose(self, reason):
        also = (WrongState,) if reason == "goals-met" else ()
        self.command("closure", lambda c: closing.propose_closure(c, reason, "n", **self.by()), also=also)

    @rule()
    def close(self):
        goals_met = self.case.closure and self.case.closure.reason == "goals-met"
        also = (WrongState,) if goals_met else ()
        self.command(
            "closure/approve", lambda c: closing.approve_closure(c, **self.by(SUPERVISOR)), also=also
        )

    @rule()
    def do_not_close(self):
        self.command("closure/return", lambda c: closing.return_closure(c, "why", **self.by(SUPERVISOR)))

    @rule(holder=PEOPLE)
    def reopen(self, holder):
        self.command("reopen", lambda c: closing.reopen(c, holder, "why", **self.by(SUPERVISOR)))

    # -------------------------------------------------------------- what happens elsewhere

    @rule(n=NUMBERS, referral=REFERRALS, accepted=st.booleans())
    def referral_asks(self, n, referral, accepted):
        self.reaction(referring.asked(self.case, n, referral, accepted, **self.by("partner")))

    @rule(n=NUMBERS, referral=REFERRALS)
    def referral_ends(self, n, referral):
        self.reaction(referring.ended(self.case, n, referral, **self.by("partner")))

    @rule(n=NUMBERS, referral=REFERRALS)
    def referral_completes(self, n, referral):
        today = POLICY.deadlines.calendar.today(self.now)
        self.reaction(
            referring.completed(self.case, n, referral, given_on=today, condition=None, **self.by("partner"))
        )

    @rule(danger=DANGERS, restricted=st.booleans(), newer=st.integers(0, 2))
    def danger_changes(self, danger, restricted, newer):
        self.version += newer
        before = self.case
        file = File(danger=danger, restricted=restricted, version=self.version)
        self.reaction(opening.hear_of_danger(self.case, file, **self.by()))
        if before.level is not None:
            assert self.case.level >= before.level, "danger only raises"

    @rule(appeal=st.sampled_from(["appeal-1", "appeal-2", "appeal-3"]))
    def further_appeal(self, appeal):
        file = File(danger=SAFE, restricted=False, version=self.version)
        self.reaction(opening.attach(self.case, appeal, file, **self.by()))

    @rule(days=st.integers(1, 9))
    def time_passes(self, days):
        self.now += timedelta(days=days)
        decision = raise_overdue(self.case, self.now, POLICY)
        overdue = [item for item in self.case.open if item.due_at <= self.now and item.raised == 0]
        assert decision or not overdue
        self.reaction(decision)
        wake = wake_at(self.case, POLICY.deadlines)
        assert wake is None or wake > self.now

    # -------------------------------------------------------------- what is true at all times

    @invariant()
    def nobody_falls_through(self):
        if self.case.state == "closed":
            assert self.case.open == ()
            assert not self.case.open_measures
            return
        assert self.case.open
        names = [item.item for item in self.case.open]
        assert len(names) == len(set(names))
        for item in self.case.open:
            assert item.owner.id
            assert item.next_action
            assert item.rule in POLICY.deadlines.rules
            expected = self.case.center_id if item.owner.kind == "center" else self.case.holder
            assert item.owner.id == expected

    @invariant()
    def every_open_measure_of_a_running_plan_has_its_item(self):
        if self.case.state != "closing":
            of_measures = {f"measure-{m.n}" for m in self.case.running_measures}
            assert {i.item for i in self.case.open if i.item.startswith("measure-")} == of_measures

    @invariant()
    def the_numbers_of_measures_go_up(self):
        numbers = [measure.n for measure in self.case.measures]
        assert numbers == sorted(set(numbers))
        assert max(numbers, default=0) <= self.case.last_measure

    @invariant()
    def signatures_lead_to_approval(self):
        complete = bool(self.case.draft and len(self.case.draft.signatures) == 2)
        if self.case.state in ("planning", "approval"):
            assert complete == (self.case.state == "approval")

    @invariant()
    def whoever_has_to_do_something_can_do_it(self):
        open_now = allowed(self.case)
        for item in self.case.open:
            command = COMMAND_OF.get(item.next_action)
            assert command is None or command in open_now
            if item.item == "sign":
                assert len(self.case.draft.signatures) < 2

    @invariant()
    def it_can_be_kept(self):
        assert msgspec.convert(state_document(self.case), Case) == self.case


def test_random_histories():
    run_state_machine_as_test(
        History, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )


@given(state=st.sampled_from(STATES))
def test_every_command_of_the_table_leads_to_a_state_of_the_table(state):
    for states in TRANSITIONS[state].values():
        assert set(states) <= set(STATES)
    assert all(after in MEASURES for commands in MEASURES.values() for after in commands.values())
    assert ("assign" in TRANSITIONS[state]) == (state in OPEN_STATES)


WORDS = st.lists(st.tuples(REFERRALS, st.integers(0, 3)), max_size=12)


@given(words=WORDS, order=st.randoms(use_true_random=False))
def test_the_words_of_referrals_converge_whatever_their_order(words, order):
    """Each referral speaks in its order (asked, accepted, ended); between referrals any order gives the same open ones in the end."""
    last = dict(words)
    scripts = {
        referral: [("asked", False), ("asked", True), ("ended", None)][:word]
        for referral, word in last.items()
    }

    def play(shuffle: bool):
        queues = {referral: list(script) for referral, script in scripts.items()}
        case = running(line("agency"))
        while any(queues.values()):
            speaking = sorted(referral for referral, queue in queues.items() if queue)
            referral = order.choice(speaking) if shuffle else speaking[0]
            said, accepted = queues[referral].pop(0)
            by = {"actor": "partner", "now": NOW, "policy": POLICY}
            decision = (
                referring.asked(case, 1, referral, accepted, **by)
                if said == "asked"
                else referring.ended(case, 1, referral, **by)
            )
            case = decision[0] if decision else case
        return case.measure(1)

    one, other = play(shuffle=False), play(shuffle=True)
    assert (one.state, set(one.asked)) == (other.state, set(other.asked))
    assert (one.referral_id is None) == (other.referral_id is None)
