"""Random histories: people do things, and what they tell is delivered twice, late, in another order, to processes that die.

Every history ends in a rest where all has arrived, and there `at_rest.check` holds.

A step has a name and a seed from which it takes its choices: all steps are one rule, because Hypothesis turns rules off by the
history, and one in which nobody asks for a case or nothing is delivered shows little for the second that it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shared.events import Danger
from tests.convergence import at_rest
from tests.convergence.people import CENTERS, KINDS, SCOPES, People
from tests.convergence.transport import ALL, Group, Topics, publish
from tests.convergence.world import Part, World, death_of

SEED = st.integers(0, 2**32 - 1)
SERVICES = ("intake", "casework", "referrals", "notifications")
MOST_APPEALS = 7
"""More would only make a history longer: there are three citizens."""
HISTORIES = settings(
    max_examples=8,
    stateful_step_count=50,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
"""Few at a time: from the tenth on Hypothesis only varies the histories that it has, and a history takes a second."""
ROUNDS = 60
"""Rounds in which everything must come to rest."""


class Convergence(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        world.begin()
        self.world = world
        self.people = People(world)
        self.log = Topics()
        self.groups = {name: Group(part, self.log) for name, part in world.parts.items()}

    @initialize(seed=SEED, steps=st.sampled_from([10, 9, 7, 0]))
    def a_family_has_come(self, seed: int, steps: int) -> None:
        """The first family is on its way already, most often to referrals for the measures of its plan: few would come so far."""
        self.people.comes(0, CENTERS[0], danger(Random(seed)), SCOPES, "yes", "alone")
        if steps:
            self.people.screens(0, "open-case")
        for _ in range(1, steps):
            self.settle()
            state = self.world.casework.store.cases.collection.find_one({}, {"state": 1})["state"]
            if state == "implementation":
                self.people.refers(0, KINDS[0], with_measure=True, replacing=False)
            else:
                self.people.goes_on(0)

    @rule(name=st.deferred(lambda: st.sampled_from(NAMES)), seed=SEED)
    def step(self, name: str, seed: int) -> None:
        STEPS[name](self, Random(seed))
        while self.world.told:
            note(f"    {self.world.told.pop(0)}")

    def teardown(self) -> None:
        self.come_to_rest()
        self.world.count.update({envelope.type.split(".", 2)[2]: 1 for envelope in self.log.told})
        at_rest.check(self.world, self.log, list(self.groups.values()))

    # ------------------------------------------------------------------ people

    def somebody_comes(self, of: Random) -> None:
        if len(self.people.appeals) < MOST_APPEALS:
            self.people.comes(
                of.randrange(3),
                of.choice(CENTERS),
                danger(of),
                of.choice((SCOPES, SCOPES, ("processing",), None)),
                of.choice(("yes", "yes", "unknown")),
                of.choice(("alone", "alone", "together", "abuser")),
                deadly(of),
            )

    def an_appeal_is_screened(self, of: Random) -> None:
        outcome = of.choice(("open-case", "open-case", "open-case", "consultation"))
        self.people.screens(pick(of), outcome, of.random() < 0.2)

    def a_body_is_told(self, of: Random) -> None:
        self.people.tells(pick(of))

    def an_appeal_is_assigned(self, of: Random) -> None:
        self.people.assigns_appeal(pick(of), pick(of))

    def danger_is_said(self, of: Random) -> None:
        self.people.says_danger(pick(of), danger(of))

    def a_consent_changes(self, of: Random) -> None:
        self.people.consents(pick(of), of.choice((SCOPES, ("sms",))), of.random() < 0.5)

    def a_case_goes_on(self, of: Random) -> None:
        self.people.goes_on(pick(of), of.random() < 0.2)

    def something_is_done_with_a_case(self, of: Random) -> None:
        self.people.does(pick(of), pick(of), pick(of))

    def a_case_is_assigned(self, of: Random) -> None:
        self.people.assigns_case(pick(of), pick(of))

    def an_agency_is_asked(self, of: Random) -> None:
        self.people.refers(pick(of), of.choice(KINDS), of.random() < 0.8, of.random() < 0.5)

    def an_agency_answers(self, of: Random) -> None:
        self.people.answers(pick(of), pick(of), of.random() < 0.2)

    def a_referral_is_taken_back(self, of: Random) -> None:
        self.people.takes_back(pick(of))

    def a_citizen_is_told_another_way(self, of: Random) -> None:
        self.people.tells_another_way(pick(of))

    # ------------------------------------------------------------------ time, and what is away

    def time_passes(self, of: Random) -> None:
        self.world.time.now += timedelta(hours=of.choice((1, 5, 30, 100)))

    def a_clock_looks(self, of: Random) -> None:
        part, writes = self.world.parts[of.choice(SERVICES)], deadly(of)
        now = self.world.time()
        for store, id in part.due(now):
            if died := death_of(lambda store=store, id=id: part.schedule.tick(store, id, now), writes):
                self.world.say(f"clock: died at {died}")
                return

    def intake_is_away_or_back(self, of: Random) -> None:
        self.world.door.away = not self.world.door.away

    # ------------------------------------------------------------------ what is under way

    def some_is_published(self, of: Random) -> None:
        for part in self.world.parts.values():
            dies = of.random() < 0.3
            if publish(part, self.log, of, dies):
                self.world.say("published, and not pulled" if dies else "published")

    def some_is_delivered(self, of: Random) -> None:
        """Of each lane another number of messages; whoever gets them may die of it, or before he can say that he has them."""
        for group in self.groups.values():
            if of.random() < 0.6:
                self._deliver_some(group, of)

    def _deliver_some(self, group: Group, of: Random) -> None:
        commits = of.random() < 0.8
        reach = [of.choice((0, 0, 1, 3, ALL)) for _ in group.lanes]
        got, died = group.deliver(reach, pick(of), deadly(of), commits)
        if got:
            self.world.say(
                f"died at {died}" if died else "delivered" if commits else "delivered, not committed"
            )

    def all_is_delivered_to_one(self, of: Random) -> None:
        if self._behind(of).deliver_all():
            self.world.say("delivered")

    def some_is_delivered_again(self, of: Random) -> None:
        group = self.groups[of.choice(SERVICES)]
        lane = of.choice(group.lanes)
        if group.again(lane, of.randrange(12), of.randint(1, 5)):
            self.world.say("delivered again")

    def a_group_is_rewound(self, of: Random) -> None:
        self.groups[of.choice(SERVICES)].rewind()
        self.world.say("rewound")

    def everything_arrives(self, of: Random) -> None:
        self.settle()

    def _behind(self, of: Random) -> Group:
        """A group for which there is something new, if there is one."""
        groups = list(self.groups.values())
        return of.choice([group for group in groups if group.behind()] or groups)

    # ------------------------------------------------------------------ rest

    def come_to_rest(self) -> None:
        """Everything arrives, what is due is done, and no message waits for an hour any more."""
        self.world.door.away = False
        messages = self.world.notifications.store.messages.collection
        waiting = {"state": {"$in": ["created", "held", "sending"]}}
        while True:
            self.settle()
            if sum(self._clock_looks(part) for part in self.world.parts.values()):
                continue
            message = messages.find_one(waiting, sort=[("wake_at", 1)])
            if message is None:
                return
            self.world.time.now = max(self.world.time.now, message["wake_at"])

    def settle(self) -> None:
        """Everything that is under way arrives."""
        for _ in range(ROUNDS):
            moved = sum(self._all_is_published(part) for part in self.world.parts.values())
            moved += sum(group.deliver_all() for group in self.groups.values())
            if not moved:
                return
        raise AssertionError("it never comes to rest")

    def _all_is_published(self, part: Part) -> int:
        total = 0
        while published := publish(part, self.log, None, dies=False):
            total += published
        return total

    def _clock_looks(self, part: Part) -> int:
        now = self.world.time()
        due = part.due(now)
        for store, id in due:
            part.schedule.tick(store, id, now)
        return len(due)


C = Convergence
OFTEN: Sequence[tuple[int, Sequence[Callable[[Convergence, Random], None]]]] = (
    (6, (C.some_is_published, C.some_is_delivered)),
    (5, (C.a_case_goes_on, C.an_agency_answers)),
    (3, (C.an_appeal_is_screened, C.something_is_done_with_a_case, C.an_agency_is_asked)),
    (3, (C.all_is_delivered_to_one,)),
    (2, (C.somebody_comes, C.an_appeal_is_assigned, C.a_consent_changes, C.danger_is_said)),
    (2, (C.a_case_is_assigned, C.a_clock_looks, C.a_group_is_rewound, C.some_is_delivered_again)),
    (1, (C.a_body_is_told, C.a_referral_is_taken_back, C.a_citizen_is_told_another_way)),
    (1, (C.everything_arrives, C.intake_is_away_or_back, C.time_passes)),
)
"""How often a step is taken, in comparison with others."""
STEPS: Mapping[str, Callable[[Convergence, Random], None]] = {
    step.__name__: step for _, steps in OFTEN for step in steps
}
NAMES = [step.__name__ for often, steps in OFTEN for step in steps for _ in range(often)]


def pick(of: Random) -> int:
    return of.randrange(60)


def danger(of: Random) -> Danger:
    """What somebody says: that nobody asked for it, more often than not that there is none."""
    return Danger(
        life=of.choice((False, False, True, None)),
        child=False,
        domestic_violence=of.choice((False, False, True)),
    )


def deadly(of: Random) -> int | None:
    """After how many writes the process that is at work dies; in every other case it lives."""
    return of.randrange(16) if of.random() < 0.5 else None
