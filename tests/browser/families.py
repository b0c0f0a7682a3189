"""Families that have come so or so far, made through the API, so that a page can be looked at in each of its states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from services.intake.domain.iin import synthetic_iin
from shared.calendar import ALMATY
from tests.callers import appeal, until
from tests.oracle import World
from tests.system.family import DOMAINS, People, opened, planned, referred, registered, today

WORKER, COLLEAGUE, HEAD = "worker.astana", "worker2.astana", "supervisor.astana"
PARTNER, AGENCY = "partner.health.astana", "agency-health-astana"
SAFE = {"life": False, "child": False, "domestic_violence": False}
Thing = dict[str, Any]
KNOWN = {
    "iin": synthetic_iin(date(1991, 5, 6), 9_500),  # beyond the numbers that are drawn for others
    "family_name": "Сынақбекова",
    "given_name": "Ұқсас",
    "birth_date": "1991-05-06",
    "phone": "+77015550147",
}


@dataclass
class Families:
    """Each of these is made when it is first asked for, and belongs to `WORKER`; nobody changes it afterwards."""

    people: People
    world: World

    # ------------------------------------------------------------------ one that is there for a single test

    def appeal(self, **more: Any) -> Thing:
        """An appeal that was registered just now."""
        made = registered(self.people, WORKER, **more)
        self.world.at_rest()
        return made

    def case(self, **more: Any) -> Thing:
        """A case in assessment."""
        case = opened(self.people, registered(self.people, WORKER, **more), WORKER, HEAD)
        if case["holder"] != WORKER:
            self.people(HEAD).command(path(case), "assign", {"holder": WORKER, "reason": "Отбасыны біледі."})
        self.world.at_rest()  # else what others hear of the family makes versions stale
        return {**case, "holder": WORKER}

    def signed(self) -> Thing:
        """A plan that both have signed: it waits for the head of the center."""
        case = self.case()
        holder = self.people(WORKER)
        due = (today() + timedelta(days=20)).isoformat()
        measures = [{"kind": "housing", "responsible": {"type": "center"}, "due_on": due}]
        holder.command(path(case), "assessment", {"domains": dict.fromkeys(DOMAINS, 2)})
        holder.command(path(case), "plan", {"goals": ["Қысқа баспана"], "measures": measures})
        holder.command(path(case), "plan/sign", {"by": "worker", "method": "paper"})
        family = {"by": "family", "person_id": case["person_id"], "method": "paper"}
        saved = holder.command(path(case), "plan/sign", family)
        self.world.at_rest()
        return saved

    def running(self, **more: Any) -> Thing:
        """A case with an approved plan: a measure of the health agency and one of the center."""
        return planned(self.people, self.case(**more), head=HEAD)

    def referral(self, **more: Any) -> Thing:
        """A referral that the health agency has not answered yet."""
        made = referred(self.people, self.running(**more))
        self.world.at_rest()
        return made

    # ------------------------------------------------------------------ those that are only looked at

    @cached_property
    def in_danger(self) -> Thing:
        """An appeal of a family with a child in danger, where much was not asked; with a notice to give."""
        spouse = {
            "relation": "spouse",
            "family_name": "Сынақов",
            "given_name": "Үлгі",
            "alleged_abuser": True,
        }
        child = {
            "relation": "child",
            "family_name": "Сынақова",
            "given_name": "Бала",
            "birth_date": "2019-03-04",
        }
        return self.appeal(
            danger={"life": None, "child": True, "domestic_violence": True},
            household=[spouse, child],
            safe_contact={"sms": "no", "hours": {"from": "10:00", "to": "12:00"}, "code_word": "балабақша"},
        )

    @cached_property
    def known(self) -> Thing:
        """Somebody whom a worker meets again."""
        return self.appeal(applicant=KNOWN)

    @cached_property
    def assessment(self) -> Thing:
        return self.case(safe_contact={"sms": "unknown"})

    @cached_property
    def assessed(self) -> Thing:
        """Assessed, without a plan."""
        case = self.case()
        domains = {**dict.fromkeys(DOMAINS, 1), "housing": 4}
        return self.people(WORKER).command(path(case), "assessment", {"domains": domains})

    @cached_property
    def planning(self) -> Thing:
        """Assessed, with a plan that nobody has signed."""
        case = self.case()
        holder = self.people(WORKER)
        due = (today() + timedelta(days=20)).isoformat()
        measures = [{"kind": "housing", "responsible": {"type": "center"}, "due_on": due}]
        holder.command(path(case), "assessment", {"domains": {**dict.fromkeys(DOMAINS, 1), "housing": 4}})
        return holder.command(path(case), "plan", {"goals": ["Қысқа баспана"], "measures": measures})

    @cached_property
    def approval(self) -> Thing:
        return self.signed()

    @cached_property
    def requested(self) -> Thing:
        return self.referral()

    @cached_property
    def accepted(self) -> Thing:
        """A referral that the agency has accepted: it may see the client's fields."""
        referral = self.referral()
        agency, at = self.people(AGENCY), f"/referrals/v1/referrals/{referral['id']}"
        agency.command(at, "accept", {})
        until(lambda: agency.http.get(f"{at}/client").status_code == 200, "the client's fields are shown")
        return self.people(WORKER).get(at)

    @cached_property
    def rejected(self) -> Thing:
        """A referral that the agency has refused: another service has to be chosen."""
        referral = self.referral()
        at = f"/referrals/v1/referrals/{referral['id']}"
        refusal = {"reason_code": "no-capacity", "note": "Бұл айда орын жоқ."}
        self.people(AGENCY).command(at, "reject", refusal)
        self.world.at_rest()
        return self.people(WORKER).get(at)

    @cached_property
    def helped(self) -> Thing:
        """A case with a visit, help given, and a measure delivered: everything that a case can hold."""
        case = self.running()
        holder, given = self.people(WORKER), {"given_on": today().isoformat(), "condition": "temporary-stay"}
        holder.command(path(case), "measures/2/deliver", given)
        holder.command(path(case), "help", {"kind": "benefit", **given})
        holder.command(path(case), "visits", visit())
        review = {"outcome": "keep", "level": "B", "note": "Жақсарып келеді."}
        saved = holder.command(path(case), "review", review)
        self.world.at_rest()
        return saved

    @cached_property
    def closing(self) -> Thing:
        case = self.running()
        return self.people(WORKER).command(path(case), "closure", {"reason": "moved", "note": "Көшіп кетті."})

    @cached_property
    def closed(self) -> Thing:
        case = self.running()
        self.people(WORKER).command(path(case), "closure", {"reason": "moved", "note": "Көшіп кетті."})
        saved = self.people(HEAD).command(path(case), "closure/approve", {})
        self.world.at_rest()
        return saved

    @cached_property
    def message(self) -> Thing:
        """The SMS of a family that came."""
        return self._messages(self.requested["family_id"])[0]

    def untold(self) -> Thing:
        """A message that waited for an hour at which it is safe to write, until what it tells was too old."""
        soon = datetime.now(ALMATY) + timedelta(hours=2)
        hours = {"from": f"{soon:%H:00}", "to": f"{soon + timedelta(hours=1):%H:00}"}
        appeal = registered(self.people, WORKER, safe_contact={"sms": "yes", "hours": hours})
        at = f"/notifications/v1/messages/{self._held(appeal['family_id'])['id']}"
        self._days_go_by(at.rpartition("/")[2])
        until(lambda: self.people(WORKER).get(at)["open"], "the family has to be told another way")
        self.world.at_rest()
        return self.people(WORKER).get(at)

    @cached_property
    def late_message(self) -> Thing:
        return self.untold()

    @cached_property
    def suppressed(self) -> Thing:
        """An SMS that was not sent, because it would not have been safe."""
        return self._messages(self.in_danger["family_id"])[0]

    def _held(self, family_id: str) -> Thing:
        def held() -> Any:
            found = self.people(HEAD).items("/notifications/v1/messages", family_id=family_id)
            return found and found[0]["state"] == "held" and found[0]

        return until(held, "the message waits")

    def _days_go_by(self, message_id: str) -> None:
        """What the clock would see in three days, for a test cannot wait for them."""
        now = datetime.now(UTC)
        past = dict.fromkeys(("expires_at", "try_at", "wake_at"), now)
        self.world.database("notifications")["messages"].update_one({"_id": message_id}, {"$set": past})

    def _messages(self, family_id: str) -> list[Thing]:
        self.world.at_rest()
        return self.people(HEAD).items("/notifications/v1/messages", family_id=family_id)


def path(case: Thing) -> str:
    return f"/casework/v1/cases/{case['id']}"


def visit() -> Thing:
    """A visit of yesterday."""
    day: date = today() - timedelta(days=1)
    return {
        "members": ["health"],
        "left_at": f"{day}T09:00:00+05:00",
        "arrived_at": f"{day}T09:30:00+05:00",
        "departed_at": f"{day}T10:30:00+05:00",
        "findings": "Үй суық.",
        "decision": "Көмір керек.",
    }


def somebody(**more: Any) -> Thing:
    """Who was never seen before, as an appeal describes the applicant."""
    return appeal(applicant=more)["applicant"]


def appeals_of(people: People, person: Thing) -> list[Thing]:
    """The appeals that there are of a person described."""
    known = people(HEAD).post("/intake/v1/persons/search", {"q": person["iin"]})["items"]
    ids = {each["person_id"] for each in known}
    all_of_them = people(HEAD).items("/intake/v1/appeals", holder=WORKER, limit=200)
    return [each for each in all_of_them if each["person_id"] in ids]
