"""What people do: staff, partners and citizens. Each function asks for one thing, and counts whether it was done or refused.

Whom it is about is chosen by a number (`pick`) among what is there. Nobody looks first whether it will be refused, but whoever
asks for a step does ask for one that the thing's own table has, so that most are done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from services.casework import use_cases as cases
from services.casework.domain.case import Case, Responsible
from services.casework.domain.levels import DOMAINS
from services.casework.domain.planning import Line as PlanLine
from services.casework.domain.states import allowed
from services.intake.domain.household import Line
from services.intake.domain.iin import synthetic_iin
from services.intake.domain.items import Notice
from services.intake.domain.person import Description, SafeContact
from services.intake.use_cases import appeals, families, persons, registration
from services.intake.use_cases.registration import ConsentSaid, Told
from services.notifications import use_cases as messages
from services.referrals import use_cases as referrals
from services.referrals.domain.case import OPEN
from services.referrals.domain.referral import BY_AGENCY, ENDED, Referral, Result, commands
from shared import reference
from shared.access import Actor
from shared.aggregate import Aggregates, Ask, Once, Saved
from shared.calendar import ALMATY
from shared.events import Danger
from shared.refusals import Refusal
from tests.convergence.world import World, death_of

STAFF = {member.id: member for member in reference.staff()}
CENTERS = ("center-71-1", "center-75-1")
HEADS = {member.center_id: member.id for member in STAFF.values() if member.role == "supervisor"}
BY_THE_HEAD = frozenset(
    {"plan/approve", "plan/return", "closure/approve", "closure/return", "reopen", "assign"}
)
NEXT = {
    "assessment": "assessment",
    "approval": "plan/approve",
    "implementation": "closure",
    "closing": "closure/approve",
    "closed": "reopen",
}
"""State of a case → the command that brings it on. (In planning it depends on the draft.)"""
KINDS = ("health", "employment")
SCOPES = ("processing", "sms", "share:health")


def staff(login: str) -> Actor:
    member = STAFF[login]
    return Actor(sub=login, roles=frozenset({member.role}), center_id=member.center_id)


def agency(id: str) -> Actor:
    return Actor(sub=id, roles=frozenset({"partner"}), agency_id=id)


def somebody(n: int) -> Description:
    """The `n`-th citizen: always the same, so that he is known when he comes again."""
    name, born = ("Алиева", "Бекова", "Серикова")[n], date(1980 + n, 5, 17)
    return Description(
        family_name=name,
        given_name="Айгуль",
        iin=synthetic_iin(born, n),
        birth_date=born,
        sex="female",
        phone=f"+7701123450{n}",
        language="kk",
    )


@dataclass
class People:
    """`appeals`: ids of those that were registered."""

    world: World
    appeals: list[str] = field(default_factory=list)
    asked: int = 0

    # ------------------------------------------------------------------ how something is asked for

    def attempt(self, name: str, work: Callable[[], Any]) -> Any:
        """Do it. None where it is refused, which is nothing wrong: others were faster, or it has not arrived there yet."""
        try:
            done = work()
        except Refusal as refusal:
            self.world.say(f"{name}: {refusal.slug}")
            return None
        self.world.say(name)
        return done

    def command(
        self, name: str, store: Aggregates, id: str, use_case: Callable[..., Saved], *, twice: bool = False
    ) -> None:
        """A command on the version that is there. `twice`: the answer got lost, and the same request comes again."""
        key = self._key() if twice else None
        ask = Ask(command=name, key=key, hash="", if_match=store.get(id).version, now=self.world.time())
        done = self.attempt(name, lambda: use_case(ask=ask, id=id))
        if done and twice:
            assert use_case(ask=ask, id=id).version == done.version, f"{name} was done twice"

    def _key(self) -> str:
        self.asked += 1
        return f"key-{self.asked}"

    # ------------------------------------------------------------------ at the window

    def comes(
        self,
        n: int,
        center_id: str,
        danger: Danger,
        consent: Sequence[str] | None,
        sms: str,
        household: str,
        writes: int | None = None,
    ) -> None:
        """Citizen `n` comes. `household`: alone, with the next citizen, or naming that one as an alleged abuser.

        `writes`: the process dies after so many; the browser sends the same request again.
        """
        next_one = Line(
            relation="spouse", described=somebody((n + 1) % 3), alleged_abuser=household == "abuser"
        )
        told = Told(
            center_id=center_id,
            channel="window",
            applicant=somebody(n),
            safe_contact=SafeContact(sms=sms),
            grounds=("homelessness",),
            danger=danger,
            need="Жильё",
            consent=ConsentSaid(given=consent is not None, scopes=tuple(consent or ())),
            household=() if household == "alone" else (next_one,),
        )
        worker = next(id for id in sorted(STAFF) if STAFF[id].center_id == center_id)
        once, now = Once(key=self._key(), hash=""), self.world.time()
        register = partial(registration.register, self.world.intake, staff(worker), once, told, now)
        if died := death_of(register, writes):
            self.world.say(f"register: died at {died}")
        saved = self.attempt("register", register)
        if saved:
            assert register().id == saved.id
            self.appeals.append(saved.id)

    def screens(self, pick: int, outcome: str, twice: bool = False) -> None:
        id = self._appeal_with({"state": "registered"}, pick)
        self._appeal("screening", id, partial(appeals.screen, outcome=outcome, note="…"), twice)

    def tells(self, pick: int) -> None:
        """Some body that has to be told of a danger is told."""
        id = self._appeal_with({"open.item": {"$regex": "^notice-"}}, pick)
        waiting = [item.item for item in self._appeals.get(id).state.open if item.item.startswith("notice-")]
        body = waiting[0].removeprefix("notice-") if waiting else "police"
        given = Notice(body=body, told_at=self.world.time(), how="phone", actor="worker.astana")
        self._appeal("notices", id, partial(appeals.tell, given=given))

    def assigns_appeal(self, pick: int, to: int) -> None:
        id = self._appeal_with({"state": {"$ne": "closed"}}, pick)
        holder = chosen(colleagues(self._appeals.get(id).state.center_id), to)
        self._appeal("assign appeal", id, partial(appeals.assign, holder=holder, reason="…"))

    def says_danger(self, pick: int, said: Danger) -> None:
        store = self.world.intake.store.families
        id = self._appeals.get(chosen(self.appeals, pick)).state.family_id
        use_case = partial(families.say_danger, self.world.intake, self._head(store.get(id).state.center_id))
        self.command("danger", store, id, partial(use_case, said=said, reason="…"))

    def consents(self, pick: int, scopes: Sequence[str], withdrawn: bool) -> None:
        store = self.world.intake.store.persons
        id = self._appeals.get(chosen(self.appeals, pick)).state.person_id
        head = self._head(self._appeals.get(chosen(self.appeals, pick)).state.center_id)
        if withdrawn:
            use_case = partial(persons.withdraw, self.world.intake, head, scopes=scopes)
        else:
            use_case = partial(persons.consent, self.world.intake, head, scopes=scopes, signed_at=None)
        self.command("withdraw consent" if withdrawn else "consent", store, id, use_case)

    @property
    def _appeals(self) -> Aggregates:
        return self.world.intake.store.appeals

    def _appeal_with(self, wanted: Mapping[str, Any], pick: int) -> str:
        """An appeal with which something can be done; any, where there is none."""
        found = [d["_id"] for d in self._appeals.collection.find(wanted, {"_id": 1}).sort("_id", 1)]
        return chosen(found or self.appeals, pick)

    def _appeal(self, name: str, id: str, use_case: Callable[..., Saved], twice: bool = False) -> None:
        head = self._head(self._appeals.get(id).state.center_id)
        self.command(name, self._appeals, id, partial(use_case, self.world.intake, head), twice=twice)

    def _head(self, center_id: str) -> Actor:
        return staff(HEADS[center_id])

    # ------------------------------------------------------------------ with a case

    def goes_on(self, pick: int, twice: bool = False) -> None:
        """The next step of a case on its way."""
        saved = self._one_of(self.world.casework.store.cases, pick)
        if saved:
            self._case(saved, next_step(saved.state, pick), pick, twice)

    def does(self, pick: int, what: int, by: int) -> None:
        """Something that may be done with a case. `by`: of several people or ways, which."""
        saved = self._one_of(self.world.casework.store.cases, pick)
        if saved:
            self._case(saved, chosen(allowed(saved.state), what), by)

    def assigns_case(self, pick: int, to: int) -> None:
        saved = self._one_of(self.world.casework.store.cases, pick)
        if saved and saved.state.state != "closed":
            self._case(saved, "assign", to)

    def _case(self, saved: Saved[Case], command: str, by: int = 0, twice: bool = False) -> None:
        case = saved.state
        use_case, fields = self._told(case, command, by)
        actor = HEADS[case.center_id] if command in BY_THE_HEAD else case.holder
        ready = partial(use_case, self.world.casework, staff(actor), **fields)
        name = (
            command.replace("/", " ")
            if not command.startswith("measures/")
            else f"measure {command.split('/')[2]}"
        )
        self.command(name, self.world.casework.store.cases, saved.id, ready, twice=twice)

    def _told(self, case: Case, command: str, by: int) -> tuple[Callable[..., Saved], Mapping[str, Any]]:
        """The use case of a command, and what is said with it."""
        today = self.world.time().astimezone(ALMATY).date()
        given = {"given_on": today, "condition": "home"}
        if command.startswith("measures/"):
            _, n, what = command.split("/")
            use_case, fields = {
                "start": (cases.start_measure, {}),
                "deliver": (cases.deliver_measure, given),
                "cancel": (cases.cancel_measure, {"reason": "…"}),
            }[what]
            return use_case, {"n": int(n), **fields}
        hour = timedelta(hours=1)
        now = self.world.time.now
        times = {"left_at": now - 3 * hour, "arrived_at": now - 2 * hour, "departed_at": now - hour}
        signed = case.draft is not None and case.draft.signed_by("worker") is not None
        return {
            "assessment": (cases.record_assessment, {"domains": dict.fromkeys(DOMAINS, by % 3)}),
            "plan": (cases.draft_plan, {"goals": ["…"], "measures": plan(today, by)}),
            "plan/sign": (cases.sign_plan, {"by": "family" if signed else "worker", "method": "paper"}),
            "plan/approve": (cases.approve_plan, {}),
            "plan/return": (cases.return_plan, {"reason": "…"}),
            "help": (cases.give_help, {"kind": "legal", **given}),
            "visits": (
                cases.record_visit,
                {"members": ["health"], **times, "findings": "…", "decision": "…"},
            ),
            "review": (
                cases.record_review,
                {"outcome": ("keep", "change")[by % 2], "level": "B", "note": "…"},
            ),
            "closure": (cases.propose_closure, {"reason": "moved", "note": "…"}),
            "closure/approve": (cases.approve_closure, {}),
            "closure/return": (cases.return_closure, {"reason": "…"}),
            "reopen": (cases.reopen, {"reason": "…"}),
            "assign": (cases.assign, {"holder": chosen(colleagues(case.center_id), by), "reason": "…"}),
        }[command]

    # ------------------------------------------------------------------ with a referral

    def refers(self, pick: int, kind: str, with_measure: bool, replacing: bool) -> None:
        """An agency is asked, for a measure of a case that referrals knows of; perhaps instead of one that came to nothing."""
        known = self.world.parts["referrals"].documents("known_cases")
        wanted = [(case, m["n"]) for case in known for m in case["measures"] if m["state"] in OPEN]
        if not wanted:
            return
        case, n = chosen(wanted, pick)
        failed = self._store_of_referrals.collection.find_one(
            {"case_id": case["_id"], "state": {"$in": ["rejected", "failed", "expired"]}},
            {"_id": 1},
            sort=[("_id", 1)],
        )
        asked = partial(
            referrals.request_referral,
            self.world.referrals,
            staff(HEADS[case["center_id"]]),
            Once(key=self._key(), hash=""),
            now=self.world.time(),
            case_id=case["_id"],
            priority="danger",
            reason="…",
            disclose=["name", "phone"],
            measure=n if with_measure else None,
            service_kind=kind,
            replaces=failed["_id"] if failed and replacing else None,
        )
        saved = self.attempt("refer instead" if failed and replacing else "refer", asked)
        if saved:
            assert asked().version == saved.version, "it was asked for twice"

    def answers(self, pick: int, what: int, twice: bool = False) -> None:
        """The agency does something that it may do with a referral."""
        saved = self._one_of(self._store_of_referrals, pick, {"state": {"$nin": sorted(ENDED)}})
        possible = [command for command in commands(saved.state) if command in BY_AGENCY] if saved else []
        if possible:
            self._referral(saved, chosen(possible, what), agency(saved.state.agency_id), twice)

    def takes_back(self, pick: int) -> None:
        """Staff takes a referral back, or takes note of one that came to nothing."""
        saved = self._one_of(self._store_of_referrals, pick)
        possible = [command for command in commands(saved.state) if command not in BY_AGENCY] if saved else []
        if possible:
            self._referral(saved, possible[0], self._head(saved.state.center_id))

    def _referral(self, saved: Saved[Referral], command: str, actor: Actor, twice: bool = False) -> None:
        today = self.world.time().astimezone(ALMATY).date()
        use_case, fields = {
            "accept": (referrals.accept, {}),
            "reject": (referrals.reject, {"reason_code": "no-capacity"}),
            "start": (referrals.start, {}),
            "hold": (referrals.hold, {"note": "…"}),
            "resume": (referrals.resume, {}),
            "complete": (
                referrals.complete,
                {"result": Result(summary="…", given_on=today, condition="home")},
            ),
            "fail": (referrals.fail, {"reason_code": "unreachable"}),
            "cancel": (referrals.cancel, {"reason_code": "duplicate"}),
            "acknowledge": (referrals.acknowledge, {"note": "…"}),
        }[command]
        ready = partial(use_case, self.world.referrals, actor, **fields)
        self.command(f"referral {command}", self._store_of_referrals, saved.id, ready, twice=twice)

    @property
    def _store_of_referrals(self) -> Aggregates:
        return self.world.referrals.store.referrals

    # ------------------------------------------------------------------ with a message

    def tells_another_way(self, pick: int) -> None:
        """What did not reach the citizen by SMS is told to her otherwise."""
        store = self.world.notifications.store.messages
        waiting = [
            d["_id"] for d in store.collection.find({"open.0": {"$exists": True}}, {"_id": 1}).sort("_id", 1)
        ]
        if waiting:
            id = chosen(waiting, pick)
            head = self._head(store.get(id).state.center_id)
            use_case = partial(messages.acknowledge, self.world.notifications, head, note="…")
            self.command("tell another way", store, id, use_case)

    def _one_of(self, store: Aggregates, pick: int, wanted: Mapping[str, Any] | None = None) -> Saved | None:
        ids = [found["_id"] for found in store.collection.find(wanted or {}, {"_id": 1}).sort("_id", 1)]
        return store.get(chosen(ids, pick)) if ids else None


def chosen(of: Sequence[Any], pick: int) -> Any:
    return of[pick % len(of)]


def colleagues(center_id: str) -> list[str]:
    return sorted(id for id, member in STAFF.items() if member.center_id == center_id)


def next_step(case: Case, pick: int) -> str:
    """What brings a case on. While its plan is carried out that is mostly something with a measure."""
    if case.state == "planning":
        draft = case.draft
        return "plan/sign" if draft and not draft.returned_at else "plan"
    with_measures = [command for command in allowed(case) if command.startswith("measures/")]
    if case.state == "implementation" and with_measures and pick % 3:
        return chosen(with_measures, pick)
    return NEXT[case.state]


def plan(today: date, of: int) -> list[PlanLine]:
    """Two measures that agencies give, and sometimes one of the center."""
    types = ("agency", "agency", "center")[: 2 + of % 2]
    due_on = today + timedelta(days=20)
    return [PlanLine(kind="medical", responsible=Responsible(type=each), due_on=due_on) for each in types]
