"""One family's way, from the window to the help."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from shared.embedded.demo.callers import People, Resource, problem, until
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.demo.teller import Teller, today
from shared.embedded.trouble import Trouble

WORKER, HEAD, AGENCY = "worker.astana", "supervisor.astana", "agency-health-astana"
NEEDS = {
    "housing": 3, "income": 2, "health": 2, "parenting": 1, "safety": 0, "documents": 1, "employment": 2, "education": 0,
    "relations": 1, "addictions": 0,
}  # fmt: skip
DISCLOSED = ["name", "birth_date", "phone", "language", "need"]
TOLD = ("appeal-registered", "referral-accepted", "help-given", "help-given")
"""Of what a family is told by SMS on this way: there are two measures."""


@dataclass(frozen=True)
class Way:
    """One family's way: who is called, and who tells of it."""

    people: People
    tell: Teller

    def walk(self, language: str) -> Resource:
        """The whole way; returns the family's case as it is at the end."""
        appeal = self.register(language)
        case = self.open_case(appeal)
        case = self.plan(case)
        referral = self.refer(case)
        self.answer(referral)
        self.carry_out(referral, case)
        return self.deliver(case)

    def register(self, language: str) -> Resource:
        self.tell.step("A family comes to one window: the appeal")
        appeal = self.people(WORKER).create("/intake/v1/appeals", appeal_of(somebody(language)))
        self.tell.line(f"intake: appeal {appeal['number']} ({appeal['id']}) of person {appeal['person_id']}")
        self.tell.line(
            f"        in family {appeal['family_id']}; names, phone and IIN stay here and go nowhere else"
        )
        self.tell.line(
            "notifications: heard of it, asked intake whether an SMS is safe, and sent the first one"
        )
        self.tell.next(appeal)
        return appeal

    def open_case(self, appeal: Resource) -> Resource:
        self.tell.step("The need is looked at: a case is opened")
        path = f"/intake/v1/appeals/{appeal['id']}"
        self.people(WORKER).command(
            path, "screening", {"outcome": "open-case", "note": "Needs a plan of help."}
        )

        def opened() -> Resource | None:
            # the head sees it, whoever became its holder
            found = self.people(HEAD).get("/casework/v1/cases", appeal_id=appeal["id"])["items"]
            return found[0] if found else None

        case = until(opened, "casework opens the case")
        until(
            lambda: self.people(WORKER).get(path)["state"] == "closed",
            "the appeal is handed over to its case",
        )
        self.tell.line(f"casework: case {case['number']} ({case['id']}), held by {case['holder']},")
        self.tell.line("          who has the fewest cases; only then did intake let go of the appeal")
        self.tell.next(case)
        return case

    def plan(self, case: Resource) -> Resource:
        holder, head, path = (
            self.people(case["holder"]),
            self.people(HEAD),
            f"/casework/v1/cases/{case['id']}",
        )
        self.tell.step("Ten domains of life are assessed")
        case = holder.command(path, "assessment", {"domains": NEEDS, "note": "As the family told it."})
        self.tell.line(f"casework: level {case['level']}, score {case['score']}, by the policy of levels")
        self.tell.next(case)

        self.tell.step("A plan is written, signed by both sides and approved")
        due_on = (today() + timedelta(days=30)).isoformat()
        health = {"type": "agency", "agency_id": AGENCY}
        measures = [
            {"kind": "medical", "responsible": health, "due_on": due_on},
            {"kind": "housing", "responsible": {"type": "center"}, "due_on": due_on},
        ]
        goals = ["A home before the winter", "Treatment is begun"]
        holder.command(path, "plan", {"goals": goals, "measures": measures})
        holder.command(path, "plan/sign", {"by": "worker", "method": "paper"})
        family = {"by": "family", "person_id": case["person_id"], "method": "paper"}
        case = holder.command(path, "plan/sign", family)
        self.tell.line(
            "casework: 2 measures, each with who gives it and by when; signed by worker and family"
        )
        self.tell.next(case)
        case = head.command(path, "plan/approve", {})
        self.tell.line(f"casework: approved by {HEAD}; the case is in {case['state']}")
        self.tell.next(case)
        return case

    def refer(self, case: Resource) -> Resource:
        self.tell.step("The first measure is asked of a partner")
        asked = {
            "case_id": case["id"],
            "measure": 1,
            "service_kind": "health",
            "priority": "routine",
            "reason": "The mother needs treatment.",
            "disclose": DISCLOSED,
        }
        holder, headers = self.people(case["holder"]), {"Idempotency-Key": uuid.uuid4().hex}

        def sent() -> Resource | None:
            """404 until the case has arrived there."""
            answer = holder.ask("/referrals/v1/referrals", json=asked, headers=headers)
            if answer.status_code not in (201, 404):
                raise Trouble(f"POST /referrals/v1/referrals: {problem(answer)}")
            return answer.json() if answer.status_code == 201 else None

        referral = until(sent, "referrals knows the case")
        self.tell.line(f"referrals: {referral['number']} ({referral['id']}) to {referral['agency_id']}")
        self.tell.next(referral)
        return referral

    def answer(self, referral: Resource) -> None:
        self.tell.step("The partner accepts, and sees of the client what was named and agreed to")
        agency, path = self.people(AGENCY), f"/referrals/v1/referrals/{referral['id']}"
        inbox = agency.get("/referrals/v1/inbox", state="requested", limit=200)["items"]
        if referral["id"] not in [each["id"] for each in inbox]:
            raise Trouble(f"The referral is not in the inbox of {AGENCY}.")
        early = agency.ask(f"{path}/client")
        if early.status_code != 409:
            raise Trouble(f"Before it accepts, the agency is told: {problem(early)}")
        accepted = agency.command(path, "accept", {})
        self.tell.line("referrals: before that, the client's fields were shut (409 accept-first)")

        def opened() -> Resource | None:
            """503 until intake has heard of the acceptance."""
            answer = agency.ask(f"{path}/client")
            if answer.status_code not in (200, 503):
                raise Trouble(f"GET {path}/client: {problem(answer)}")
            return answer.json() if answer.status_code == 200 else None

        client = until(opened, "intake opens the client's fields to the partner")
        self.tell.line(
            f"intake: checked consent and purpose, wrote the access log, showed {', '.join(client)}"
        )
        self.tell.line(f"        (here: {client['name']}, who speaks {client['language']})")
        self.tell.line("notifications: told the family that somebody has taken it on")
        self.tell.next(accepted)

    def carry_out(self, referral: Resource, case: Resource) -> None:
        self.tell.step("The partner gives its help; the measure is delivered by itself")
        agency, path = self.people(AGENCY), f"/referrals/v1/referrals/{referral['id']}"
        agency.command(path, "start", {})
        given = {
            "summary": "Treatment has begun.",
            "given_on": today().isoformat(),
            "condition": "day-centre",
        }
        agency.command(path, "complete", {"result": given})
        until(
            lambda: self.measure(case, 1)["state"] == "delivered", "casework marks the measure as delivered"
        )
        self.tell.line("referrals: completed; the client's fields are shut again")
        self.tell.line("casework: measure 1 is delivered, with the day and the place that the partner told")

    def deliver(self, case: Resource) -> Resource:
        self.tell.step("The center gives the second measure itself")
        given = {"given_on": today().isoformat(), "condition": "temporary-stay"}
        path = f"/casework/v1/cases/{case['id']}"
        case = self.people(case["holder"]).command(path, "measures/2/deliver", given)
        self.tell.line("casework: measure 2 is delivered")
        self.tell.next(case)
        return case

    def measure(self, case: Resource, n: int) -> Resource:
        measures = self.people(case["holder"]).get(f"/casework/v1/cases/{case['id']}")["measures"]
        return next(measure for measure in measures if measure["n"] == n)
