"""Every page, in every state that looks different: its name, who opens it, its address, and what he does there.

`test_walk.test_the_walk_leaves_out_no_page` holds this list against the routes of all services.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.families import HEAD, KNOWN, PARTNER, WORKER, Families

NOBODY = ""


@dataclass(frozen=True)
class Stop:
    """A page in one state. `opens`: its address; `then`: what is done there, where the state is one that follows an action (which
    saves nothing); `status`: what is answered in the end."""

    name: str
    who: str
    opens: Callable[[Families], str]
    then: Callable[[Page], None] | None = None
    status: int = 200


def at(address: str) -> Callable[[Families], str]:
    return lambda families: address


def busy(address: str) -> Callable[[Families], str]:
    """The address of a list on which something stands: of a family in danger, of a case under way, with a partner."""

    def opens(families: Families) -> str:
        assert families.in_danger
        assert families.requested
        return address

    return opens


def known(address: str) -> Callable[[Families], str]:
    """The address of a page on which the person `KNOWN` will be described, who has been here."""

    def opens(families: Families) -> str:
        assert families.known
        return address

    return opens


def of(address: str, thing: str, key: str = "id") -> Callable[[Families], str]:
    """The address with something of a family's in it: of("/casework/cases/{}", "closed")."""
    return lambda families: address.format(getattr(families, thing)[key])


def send(page: Page) -> None:
    """Send the page's form as it is: with nothing in it, or with what stood there at first."""
    page.locator("main [data-main]").first.click()


def search_nobody(page: Page) -> None:
    page.fill("#search", "Ешкімжоқ")
    page.press("#search", "Enter")


def search_somebody(page: Page) -> None:
    page.fill("#search", "Сынақ")
    page.press("#search", "Enter")


def describe_known(page: Page) -> None:
    page.fill("#applicant\\.iin", KNOWN["iin"])
    send(page)


def describe_alike(page: Page) -> None:
    for name in ("family_name", "given_name", "birth_date"):
        page.fill(f"#applicant\\.{name}", KNOWN[name])
    send(page)


def open_client(page: Page) -> None:
    page.locator("form[action*='/client'] button").click()


SHELL = (
    Stop("log-in", NOBODY, at("/session/log-in")),
    Stop("log-in-failed", NOBODY, at("/session/callback?state=unknown&code=none"), status=400),
    Stop("logged-in", WORKER, at("/session/logged-in")),
    Stop("no-pages", "auditor", at("/session/home")),
    Stop("no-such-page", WORKER, at("/intake/nowhere"), status=404),
    Stop("not-for-this-role", PARTNER, at("/intake/worklist"), status=403),
    Stop("bad-address", WORKER, at("/intake/worklist?view=elsewhere"), status=422),
)

INTAKE = (
    Stop("worklist", WORKER, busy("/intake/worklist")),
    Stop("worklist-filtered", WORKER, busy("/intake/worklist?show=danger&service=intake")),
    Stop("worklist-nothing", WORKER, at("/intake/worklist?show=overdue&service=notifications")),
    Stop("worklist-center", HEAD, busy("/intake/worklist?view=center")),
    Stop("worklist-center-all", HEAD, busy("/intake/worklist?view=center&show=all")),
    Stop("worklist-nobody", HEAD, at("/intake/worklist?view=nobody")),
    Stop("register", WORKER, at("/intake/register")),
    Stop("register-with-errors", WORKER, at("/intake/register"), then=send, status=422),
    Stop("register-known", WORKER, known("/intake/register"), then=describe_known, status=422),
    Stop("register-alike", WORKER, known("/intake/register"), then=describe_alike, status=422),
    Stop("registered", WORKER, of("/intake/appeals/{}/registered", "in_danger")),
    Stop("slip", WORKER, of("/intake/appeals/{}/slip", "in_danger")),
    Stop("appeals", WORKER, at("/intake/appeals")),
    Stop("appeal-new", WORKER, of("/intake/appeals/{}", "in_danger")),
    Stop("appeal-for-the-head", HEAD, of("/intake/appeals/{}", "in_danger")),
    Stop("appeal-of-a-case", WORKER, lambda f: f"/intake/appeals/{f.closed['appeal_ids'][0]}"),
    Stop("search", WORKER, at("/intake/search")),
    Stop("search-nobody", WORKER, at("/intake/worklist"), then=search_nobody),
    Stop("search-somebody", WORKER, at("/intake/worklist"), then=search_somebody),
    Stop("family-in-danger", WORKER, of("/intake/families/{}", "in_danger", "family_id")),
    Stop("family-with-a-case", WORKER, of("/intake/families/{}", "helped", "family_id")),
    Stop("family-for-the-head", HEAD, of("/intake/families/{}", "requested", "family_id")),
    Stop("family-of-others", "worker.almaty", of("/intake/families/{}", "helped", "family_id"), status=404),
    Stop("danger", WORKER, of("/intake/families/{}/danger", "in_danger", "family_id")),
    Stop("danger-for-the-head", HEAD, of("/intake/families/{}/danger", "in_danger", "family_id")),
    Stop("members", WORKER, of("/intake/families/{}/members", "in_danger", "family_id")),
    Stop("readers", WORKER, of("/intake/families/{}/readers", "in_danger", "family_id")),
    Stop("identity", WORKER, of("/intake/families/{}/identity", "in_danger", "family_id")),
    Stop("person", WORKER, of("/intake/persons/{}", "in_danger", "person_id")),
    Stop("consents", WORKER, of("/intake/persons/{}/consents", "in_danger", "person_id")),
)

CASEWORK = (
    Stop("cases", WORKER, at("/casework/cases")),
    Stop("cases-of-the-center", HEAD, at("/casework/cases?state=all&holder=all")),
    Stop("case-in-assessment", WORKER, of("/casework/cases/{}", "assessment")),
    Stop("case-in-planning", WORKER, of("/casework/cases/{}", "planning")),
    Stop("case-waiting", HEAD, of("/casework/cases/{}", "approval")),
    Stop("case-under-way", WORKER, of("/casework/cases/{}", "requested", "case_id")),
    Stop("case-with-everything", WORKER, of("/casework/cases/{}", "helped")),
    Stop("case-closing", HEAD, of("/casework/cases/{}", "closing")),
    Stop("case-closed", WORKER, of("/casework/cases/{}", "closed")),
    Stop("case-by-family", WORKER, of("/casework/cases/by-family/{}", "helped", "family_id")),
    Stop("assessment", WORKER, of("/casework/cases/{}/assessment", "assessment")),
    Stop("assessment-with-errors", WORKER, of("/casework/cases/{}/assessment", "assessment"), send, 422),
    Stop("plan", WORKER, of("/casework/cases/{}/plan", "planning")),
    Stop("plan-with-errors", WORKER, of("/casework/cases/{}/plan", "assessed"), send, 422),
    Stop("sign", WORKER, of("/casework/cases/{}/sign", "planning")),
    Stop("sign-with-errors", WORKER, of("/casework/cases/{}/sign", "planning"), send, 422),
    Stop("decision-on-a-plan", HEAD, of("/casework/cases/{}/decision", "approval")),
    Stop("decision-on-closing", HEAD, of("/casework/cases/{}/decision", "closing")),
    Stop("deliver", WORKER, of("/casework/cases/{}/measures/2/deliver", "requested", "case_id")),
    Stop(
        "deliver-with-errors",
        WORKER,
        of("/casework/cases/{}/measures/2/deliver", "requested", "case_id"),
        send,
        422,
    ),
    Stop("cancel-measure", WORKER, of("/casework/cases/{}/measures/2/cancel", "requested", "case_id")),
    Stop("visit", WORKER, of("/casework/cases/{}/visits", "helped")),
    Stop("visit-with-errors", WORKER, of("/casework/cases/{}/visits", "helped"), send, 422),
    Stop("help", WORKER, of("/casework/cases/{}/help", "helped")),
    Stop("review", WORKER, of("/casework/cases/{}/review", "helped")),
    Stop("closure", WORKER, of("/casework/cases/{}/closure", "helped")),
    Stop("assign-case", HEAD, of("/casework/cases/{}/assign", "helped")),
    Stop("reopen", HEAD, of("/casework/cases/{}/reopen", "closed")),
    Stop("casework-panel", WORKER, of("/casework/families/{}/panel", "helped", "family_id")),
    Stop("casework-panel-empty", WORKER, of("/casework/families/{}/panel", "in_danger", "family_id")),
)

REFERRALS = (
    Stop("referrals-sent", WORKER, at("/referrals/sent")),
    Stop("referral-new", WORKER, of("/referrals/new?case_id={}&measure=1", "helped")),
    Stop("referral-new-with-errors", WORKER, of("/referrals/new?case_id={}&measure=1", "helped"), send, 422),
    Stop("referral-requested", WORKER, of("/referrals/referrals/{}", "requested")),
    Stop("referral-cancel", WORKER, of("/referrals/referrals/{}?do=cancel", "requested")),
    Stop("referral-accepted", WORKER, of("/referrals/referrals/{}", "accepted")),
    Stop("referral-rejected", WORKER, of("/referrals/referrals/{}", "rejected")),
    Stop("referral-acknowledge", WORKER, of("/referrals/referrals/{}?do=acknowledge", "rejected")),
    Stop("referral-another", WORKER, of("/referrals/referrals/{}/another", "rejected")),
    Stop("referrals-panel", WORKER, of("/referrals/families/{}/panel", "requested", "family_id")),
    Stop("referrals-panel-empty", WORKER, of("/referrals/families/{}/panel", "in_danger", "family_id")),
    Stop("inbox", PARTNER, at("/referrals/inbox")),
    Stop("inbox-ended", PARTNER, at("/referrals/inbox?show=ended")),
    Stop("inbox-requested", PARTNER, of("/referrals/inbox/{}", "requested")),
    Stop("inbox-reject", PARTNER, of("/referrals/inbox/{}?do=reject", "requested")),
    Stop("inbox-reject-with-errors", PARTNER, of("/referrals/inbox/{}?do=reject", "requested"), send, 422),
    Stop("inbox-accepted", PARTNER, of("/referrals/inbox/{}", "accepted")),
    Stop("inbox-complete", PARTNER, of("/referrals/inbox/{}?do=complete", "accepted")),
    Stop("inbox-client", PARTNER, of("/referrals/inbox/{}", "accepted"), then=open_client),
    Stop("inbox-client-address", PARTNER, of("/referrals/inbox/{}/client", "accepted")),
    Stop("inbox-rejected", PARTNER, of("/referrals/inbox/{}", "rejected")),
)

NOTIFICATIONS = (
    Stop("messages", WORKER, at("/notifications/messages")),
    Stop("message-sent", WORKER, of("/notifications/messages/{}", "message")),
    Stop("message-suppressed", WORKER, of("/notifications/messages/{}", "suppressed")),
    Stop("messages-panel", WORKER, of("/notifications/families/{}/panel", "requested", "family_id")),
)

STOPS = SHELL + INTAKE + CASEWORK + REFERRALS + NOTIFICATIONS

ASIDE = {
    "session.callback": "the issuer leads here; where it succeeds it leads on",
    "names_pages.names": "no page, but the names that lists of other services get by script",
    "session.language": "keeps the language and leads back",
}
"""Endpoints that show no page, and why."""
