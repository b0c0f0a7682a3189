"""One family's way, from the window to the help."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from shared.embedded.demo.callers import People, Resource, told, until
from shared.embedded.demo.messages import wait_for
from shared.embedded.demo.people import appeal_of, somebody
from shared.embedded.demo.teller import Teller, today
from shared.embedded.trouble import Trouble

WORKER, HEAD, AGENCY = "worker.astana", "supervisor.astana", "agency-health-astana"
NEEDS = {
    "housing": 3, "income": 2, "health": 2, "parenting": 1, "safety": 0, "documents": 1, "employment": 2, "education": 0,
    "relations": 1, "addictions": 0,
}  # fmt: skip
SERVICES = 4
DISCLOSED = ["name", "birth_date", "phone", "language", "need"]


@dataclass(frozen=True)
class Way:
    """One family's way: who is called, and who tells of it."""

    people: People
    tell: Teller

    def walk(self, language: str) -> Resource:
        """The whole way; returns the family's case as it is at the end."""
        appeal = self.register(language)
        case = self.open_case(appeal)
        self.assess(case)
        self.plan(case)
        referral = self.refer(case)
        self.accept(referral, case)
        self.complete(referral, case)
        case = self.deliver(case)
        self.look_back(case)
        return case

    def register(self, language: str) -> Resource:
        self.tell.step("A family comes to one window, and its appeal is registered")
        appeal = self.people(WORKER).create("/intake/v1/appeals", appeal_of(somebody(language)))
        self.tell.part("intake", f"appeal {appeal['number']} ({appeal['id']})")
        self.tell.part("", f"person {appeal['person_id']}, family {appeal['family_id']}")
        self.tell.part("", "name, phone and IIN stay here; the others know ids")
        self._sms(appeal["family_id"], "appeal-registered")
        self.tell.next(appeal)
        return appeal

    def open_case(self, appeal: Resource) -> Resource:
        self.tell.step("The need is looked at, and a case is opened")
        path = f"/intake/v1/appeals/{appeal['id']}"
        self.people(WORKER).command(path, "screening", {"outcome": "open-case", "note": "Needs a plan."})

        def opened() -> Resource | None:
            # the head sees it, whoever has become its holder
            found = self.people(HEAD).get("/casework/v1/cases", appeal_id=appeal["id"])["items"]
            return found[0] if found else None

        case = until(opened, "casework opens the case")
        closed = until(lambda: self._if_closed(path), "the appeal is handed over to its case")
        self.tell.part("casework", f"case {case['number']} ({case['id']})")
        self.tell.part("", f"held by {case['holder']}, who has the fewest cases")
        self.tell.part("intake", f"the appeal is {closed['state']}, but only now that its case has it")
        self.tell.next(case)
        return case

    def assess(self, case: Resource) -> None:
        self.tell.step("Ten domains of life are assessed")
        told = {"domains": NEEDS, "note": "As the family told it."}
        case = self.people(case["holder"]).command(case_path(case), "assessment", told)
        self.tell.part("casework", f"level {case['level']}, score {case['score']}")
        self.tell.next(case)

    def plan(self, case: Resource) -> None:
        self.tell.step("A plan is written, signed by both sides and approved")
        holder, head, path = self.people(case["holder"]), self.people(HEAD), case_path(case)
        due_on = (today() + timedelta(days=30)).isoformat()
        partner, center = {"type": "agency", "agency_id": AGENCY}, {"type": "center"}
        measures = [
            {"kind": "medical", "responsible": partner, "due_on": due_on},
            {"kind": "housing", "responsible": center, "due_on": due_on},
        ]
        goals = ["A home before the winter", "Treatment is begun"]
        holder.command(path, "plan", {"goals": goals, "measures": measures})
        holder.command(path, "plan/sign", {"by": "worker", "method": "paper"})
        family = {"by": "family", "person_id": case["person_id"], "method": "paper"}
        signed = holder.command(path, "plan/sign", family)
        self.tell.part("casework", "2 measures, each with who gives it and by when; worker and family signed")
        self.tell.next(signed)
        approved = head.command(path, "plan/approve", {})
        self.tell.part("casework", f"approved by {HEAD}: {approved['state']}")
        self.tell.next(approved)

    def refer(self, case: Resource) -> Resource:
        self.tell.step("A partner is asked for the first measure")
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
            # 404 until the case has arrived there
            answer = holder.ask("/referrals/v1/referrals", json=asked, headers=headers)
            return told(answer, 201) if answer.status_code != 404 else None

        referral = until(sent, "referrals knows the case")
        self.tell.part("referrals", f"referral {referral['number']} ({referral['id']})")
        self.tell.part("", f"to {referral['agency_id']}, chosen by kind and region")
        self.tell.next(referral)
        return referral

    def accept(self, referral: Resource, case: Resource) -> None:
        self.tell.step("The partner accepts, and sees of the client what was named and agreed to")
        agency, path = self.people(AGENCY), referral_path(referral)
        inbox = agency.get("/referrals/v1/inbox", state="requested", limit=200)["items"]
        if referral["id"] not in [each["id"] for each in inbox]:
            raise Trouble(f"The referral is not in the inbox of {AGENCY}.")
        told(agency.ask(f"{path}/client"), 409)
        self.tell.part("referrals", "in the agency's inbox, the client's fields shut (409 accept-first)")
        accepted = agency.command(path, "accept", {})

        def opened() -> Resource | None:
            # 503 until intake has heard of the acceptance
            answer = agency.ask(f"{path}/client")
            return told(answer) if answer.status_code != 503 else None

        client = until(opened, "intake opens the client's fields to the partner")
        self.tell.part(
            "intake", f"looked at consent and purpose, wrote it down, and told {', '.join(client)}"
        )
        self.tell.part("", f"here: {client['name']}, {client['language']}")
        self._sms(case["family_id"], "referral-accepted")
        self.tell.next(accepted)

    def complete(self, referral: Resource, case: Resource) -> None:
        self.tell.step("The partner gives its help, and the plan knows it")
        agency, path = self.people(AGENCY), referral_path(referral)
        agency.command(path, "start", {})
        given = {
            "summary": "Treatment has begun.",
            "given_on": today().isoformat(),
            "condition": "day-centre",
        }
        agency.command(path, "complete", {"result": given})
        self.tell.part("referrals", "completed; the client's fields are shut again")
        until(lambda: self._measure(case, 1)["state"] == "delivered", "casework marks measure 1 as delivered")
        self.tell.part(
            "casework", "measure 1 is delivered, on the day and in the place that the partner told"
        )
        self._sms(case["family_id"], "help-given")

    def deliver(self, case: Resource) -> Resource:
        self.tell.step("The center gives the second measure itself")
        given = {"given_on": today().isoformat(), "condition": "temporary-stay"}
        case = self.people(case["holder"]).command(case_path(case), "measures/2/deliver", given)
        self.tell.part("casework", "measure 2 is delivered")
        self._sms(case["family_id"], "help-given", 2)
        self.tell.next(case)
        return case

    def look_back(self, case: Resource) -> None:
        self.tell.step("All of it in one place")
        head, path = self.people(HEAD), f"/intake/v1/families/{case['family_id']}"

        def from_all() -> list[Resource] | None:
            rows = head.get(f"{path}/timeline", limit=200)["items"]
            return rows if len({row["service"] for row in rows}) == SERVICES else None

        rows = until(from_all, f"the timeline has heard of {SERVICES} services")
        readings = head.get(f"{path}/access-log", limit=200)["items"]
        readers = sorted({line["actor"] for line in readings})
        self.tell.part("intake", f"{len(rows)} entries in the family's timeline, from {SERVICES} services")
        self.tell.part("", f"{len(readings)} readings of its file in the access log, by {', '.join(readers)}")

    # ------------------------------------------------------------------ what steps share

    def _sms(self, family_id: str, template: str, count: int = 1) -> None:
        message = wait_for(self.people, family_id, template, count)
        self.tell.part(
            "notifications", f"SMS {template} ({message['id']}) has left, in {message['language']}"
        )

    def _measure(self, case: Resource, n: int) -> Resource:
        measures = self.people(case["holder"]).get(case_path(case))["measures"]
        return next(measure for measure in measures if measure["n"] == n)

    def _if_closed(self, appeal_path: str) -> Resource | None:
        appeal = self.people(WORKER).get(appeal_path)
        return appeal if appeal["state"] == "closed" else None


def case_path(case: Resource) -> str:
    return f"/casework/v1/cases/{case['id']}"


def referral_path(referral: Resource) -> str:
    return f"/referrals/v1/referrals/{referral['id']}"
